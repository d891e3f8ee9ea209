//! What is to be pushed, and what a push did.

use async_trait::async_trait;
use bytes::Bytes;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};

use super::source::BlobSource;
use crate::oci::Descriptor;

/// How many blobs are sent at a time, unless it is said.
const PARALLEL: usize = 4;

/// How many blobs may be sent at a time: Amazon's ECR drops connections beyond it.
pub(super) const MOST_PARALLEL: usize = 6;

/// Where a blob of an image comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PushSource {
    /// The repository is taken to have it, because an image it holds names it. It is not asked; when it refuses the manifest
    /// for want of it, [`MissingBlobs`] has it made.
    Assumed,
    /// Another repository of the same registry has it: mounted, or read and sent where the registry mounts nothing.
    Mount {
        /// That repository.
        from: String,
    },
    /// Its bytes.
    Blob(BlobSource),
}

/// A blob of an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushBlob {
    /// Which.
    pub descriptor: Descriptor,
    /// Where from.
    pub source: PushSource,
}

impl PushBlob {
    /// A blob and where it comes from.
    pub fn new(descriptor: Descriptor, source: PushSource) -> Self {
        Self { descriptor, source }
    }
}

/// Makes blobs that were thought to be in a registry and are not: a lifecycle rule may have removed them.
#[async_trait]
pub trait MissingBlobs: Send + Sync {
    /// The bytes of a blob that was [assumed](PushSource::Assumed).
    ///
    /// # Errors
    /// Why it cannot be made; the push ends with it, before anything is tagged.
    async fn make(&self, descriptor: &Descriptor) -> Result<BlobSource>;
}

/// Makes no blob: for pushes that assume none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingMissing;

#[async_trait]
impl MissingBlobs for NothingMissing {
    async fn make(&self, descriptor: &Descriptor) -> Result<BlobSource> {
        Err(Error::new(ErrorKind::NotFound, "the registry does not have a layer that it was thought to have")
            .with_operation("registry.push")
            .with_context("digest", descriptor.digest.to_string()))
    }
}

/// An image to push.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Push {
    /// The repository it goes to.
    pub repository: String,
    /// The tag it gets; `None` for none.
    pub tag: Option<String>,
    /// Its layers and its configuration.
    pub blobs: Vec<PushBlob>,
    /// Its manifest.
    pub manifest: Bytes,
    /// What the manifest is.
    pub media_type: String,
    /// How many blobs are sent at a time, from 1 to 6.
    pub parallel: usize,
}

impl Push {
    /// An image without a tag, four blobs at a time.
    pub fn new(
        repository: impl Into<String>,
        blobs: Vec<PushBlob>,
        manifest: impl Into<Bytes>,
        media_type: impl Into<String>,
    ) -> Self {
        Self {
            repository: repository.into(),
            tag: None,
            blobs,
            manifest: manifest.into(),
            media_type: media_type.into(),
            parallel: PARALLEL,
        }
    }

    /// Gives it a tag, when all of it is there.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Sets how many blobs are sent at a time; at least 1 and at most 6.
    #[must_use]
    pub fn with_parallel(mut self, parallel: usize) -> Self {
        self.parallel = parallel.clamp(1, MOST_PARALLEL);
        self
    }
}

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The digest of the manifest: what the image is called from here on.
    pub digest: Digest,
    /// How many bytes of blobs and manifest left this machine.
    pub bytes_moved: u64,
    /// How many blobs were sent.
    pub blobs_uploaded: usize,
    /// How many blobs were there, or taken to be.
    pub blobs_present: usize,
    /// How many blobs the registry took over from another of its repositories.
    pub blobs_mounted: usize,
    /// Whether the tag stood for this image before and may not change, which is as good.
    pub tag_existed: bool,
}
