//! Wheels that are on this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use haute_core::digest::Digest;
use haute_core::error::{Error, Result};

use super::lock::Locked;

/// A wheel on this machine whose digest was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WheelFile {
    /// The normalised name of its distribution.
    pub name: String,
    /// The name it was published under: its tags are in it.
    pub file_name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

impl WheelFile {
    /// A wheel of the distribution `name`.
    pub fn new(
        name: impl Into<String>,
        file_name: impl Into<String>,
        path: impl Into<PathBuf>,
        digest: Digest,
        size: u64,
    ) -> Self {
        Self { name: name.into(), file_name: file_name.into(), path: path.into(), digest, size }
    }
}

/// Wheels by the normalised name of their distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wheels(BTreeMap<String, WheelFile>);

impl Wheels {
    /// The wheel of a distribution of a lock.
    ///
    /// # Errors
    /// Only for a bug of ours: it was not fetched, or is another file than the lock allows.
    pub fn of(&self, locked: &Locked) -> Result<&WheelFile> {
        self.0
            .get(&locked.name)
            .filter(|wheel| locked.hashes.contains(&wheel.digest))
            .ok_or_else(|| Error::bug(format!("the wheel of `{}` was not fetched", locked.name)))
    }

    /// Every wheel, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &WheelFile> {
        self.0.values()
    }
}

impl FromIterator<WheelFile> for Wheels {
    fn from_iter<I: IntoIterator<Item = WheelFile>>(wheels: I) -> Self {
        Self(wheels.into_iter().map(|wheel| (wheel.name.clone(), wheel)).collect())
    }
}
