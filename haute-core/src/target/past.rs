//! What served before, as the target itself remembers it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One release a target has served, known from the target alone: from tags, versions, labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PastRelease {
    /// The release; `None` where somebody else put it there.
    pub release: Option<Digest>,
    /// The target's own name for it: a revision, a version.
    pub version: String,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// Who deployed it.
    pub who: Option<String>,
    /// When.
    pub when: Option<Timestamp>,
    /// How that ended, in a word or two.
    pub outcome: String,
    /// Whether it was found to serve the proven prices.
    pub verified: bool,
    /// Whether it serves now.
    pub serving: bool,
    /// More facts: an image, a digest.
    pub details: BTreeMap<String, String>,
}

impl PastRelease {
    /// What the target calls `version`.
    pub fn new(version: impl Into<String>) -> Self {
        Self { version: version.into(), ..Self::default() }
    }
}
