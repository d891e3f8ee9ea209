//! Releases: immutable directories named by their content.

mod manifest;

use std::path::{Path, PathBuf};

pub use manifest::{RELEASE_SCHEMA, ReleaseFile};

use crate::diagnostic::CodeInfo;
use crate::digest::Digest;

/// The codes of this module.
pub const CODES: &[CodeInfo] = &[];

/// A release on disk.
#[derive(Clone, Debug)]
pub struct Release {
    directory: PathBuf,
    digest: Digest,
    name: String,
}

impl Release {
    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The digest of its manifest, which names the digest of every file.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
