//! `manifest.json`: what a release is. The digest of its bytes is the release digest.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The version of the manifest this crate writes and reads.
pub const RELEASE_SCHEMA: &str = "haute.release/1";

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFile {
    /// Relative to the release directory, with `/`.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// In bytes.
    pub size: u64,
}
