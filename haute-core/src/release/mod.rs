//! Releases: immutable directories named by their content.

mod assemble;
mod build;
mod choose_lock;
mod codes;
mod dockerfile;
mod host_lock;
mod input;
mod leave_out;
pub mod lock;
mod manifest;
mod observe;

use std::path::{Path, PathBuf};

pub use build::{BuildOptions, Built, build};
pub(crate) use choose_lock::base_is_locked;
pub use choose_lock::{LockedBase, locked_base, write_committed_lock};
pub use codes::CODES;
pub use host_lock::host_lock;
pub use manifest::{
    Limits, Manifest, OutputEntry, PipelineEntry, QuotesEntry, RELEASE_SCHEMA, ReleaseFile, Scoring,
};
pub use observe::runtime_variables;
pub(crate) use observe::{SCORING_LIMIT, runtime_error};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::quotes::TestQuote;

/// The manifest's file name.
const MANIFEST: &str = "manifest.json";

/// A release on disk: all a later step needs.
#[derive(Clone, Debug)]
pub struct Release {
    directory: PathBuf,
    digest: Digest,
    manifest: Manifest,
}

impl Release {
    /// Opens the release in `directory` and checks every file against the manifest.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without a manifest, [`ErrorKind::InvalidInput`] for one that cannot be read,
    /// [`ErrorKind::VerificationFailed`] naming the first file that is not the one that was built.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self> {
        let release = Self::open_unverified(directory)?;
        release.verify_files()?;
        Ok(release)
    }

    /// Opens the release without reading its files: for listings.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for changed files.
    pub fn open_unverified(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory = directory.into();
        let path = directory.join(MANIFEST);
        let bytes = std::fs::read(&path).map_err(|source| {
            Error::new(ErrorKind::NotFound, "there is no release here")
                .with_operation("release.open")
                .with_context("manifest", path.display().to_string())
                .with_source(source)
        })?;
        let manifest = Manifest::from_bytes(&bytes)?;
        Ok(Self { directory, digest: Digest::of(&bytes), manifest })
    }

    /// Compares every file with the manifest, and finds files the manifest does not name.
    ///
    /// # Errors
    /// [`ErrorKind::VerificationFailed`] naming the first difference.
    pub fn verify_files(&self) -> Result<()> {
        let wrong = |path: &str, what: String| {
            Error::new(
                ErrorKind::VerificationFailed,
                format!("release {} is damaged: `{path}` {what}", self.digest.short()),
            )
            .with_operation("release.open")
            .with_context("directory", self.directory.display().to_string())
            .with_hint("build it again; what serves from another copy is not touched")
        };
        for file in &self.manifest.files {
            let digest = Digest::of_file(&self.directory.join(&file.path))
                .map_err(|source| wrong(&file.path, format!("cannot be read: {source}")))?;
            if digest.hex() != file.sha256 {
                return Err(wrong(&file.path, "is not the file that was built".to_owned()));
            }
        }
        let known = self.manifest.paths();
        for entry in walkdir::WalkDir::new(&self.directory)
            .sort_by_file_name()
            .into_iter()
            .filter_map(std::result::Result::ok)
        {
            if entry.file_type().is_dir() {
                continue;
            }
            let path = slashed(entry.path().strip_prefix(&self.directory).unwrap_or(entry.path()));
            if path != MANIFEST && !known.contains(path.as_str()) {
                return Err(wrong(&path, "does not belong to it".to_owned()));
            }
        }
        Ok(())
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The digest of its manifest, which names the digest of every file.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The text of its `requirements.lock`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn lock(&self) -> Result<String> {
        self.read("requirements.lock")
    }

    /// Its test quotes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn quotes(&self) -> Result<Vec<TestQuote>> {
        let text = self.read(&self.manifest.quotes.file)?;
        serde_json::from_str(&text).map_err(|source| {
            Error::new(ErrorKind::InvalidInput, "the release's quotes cannot be read").with_source(source)
        })
    }

    fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.directory.join(path)).map_err(|source| {
            Error::new(
                ErrorKind::NotFound,
                format!("`{path}` of release {} cannot be read", self.digest.short()),
            )
            .with_source(source)
        })
    }
}

/// A relative path with `/` on every system.
fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
