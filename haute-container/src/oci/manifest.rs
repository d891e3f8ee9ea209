//! Manifests and indexes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::{Descriptor, media_type};

/// An image manifest, OCI or Docker schema 2; also the form of an artifact attached to an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// What it is; some registries leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What kind of artifact, for one that is attached to an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// From the base up.
    pub layers: Vec<Descriptor>,
    /// What an attached artifact belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Notes, sorted by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// An OCI manifest.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.to_owned()),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Makes it an artifact of `kind` that belongs to `subject` (OCI distribution-spec 1.1, "Pushing manifests with subject").
    #[must_use]
    pub fn attached_to(mut self, subject: Descriptor, kind: impl Into<String>) -> Self {
        self.subject = Some(subject);
        self.artifact_type = Some(kind.into());
        self
    }
}

/// An index: one manifest for each platform, or the referrers of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<IndexEntry>,
}

impl Index {
    /// An OCI index.
    pub fn new(manifests: Vec<IndexEntry>) -> Self {
        Self { schema_version: 2, media_type: Some(media_type::INDEX.to_owned()), manifests }
    }
}

/// A manifest of an [`Index`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IndexEntry {
    /// The manifest.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<IndexPlatform>,
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl IndexEntry {
    /// A manifest for no platform in particular.
    pub fn new(descriptor: Descriptor) -> Self {
        Self { descriptor, platform: None, artifact_type: None }
    }
}

/// Where an image runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexPlatform {
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v8` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}
