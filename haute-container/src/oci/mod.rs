//! The documents of an image: descriptors, manifest and configuration (OCI image-spec 1.1).
//!
//! Own structs, because an image's digest is the digest of these bytes: keys keep one order and maps are sorted, which the
//! types of the `oci-spec` crate do not promise.

mod config;
mod descriptor;
mod manifest;

pub use config::{ContainerConfig, Healthcheck, History, ImageConfig, RootFs};
pub use descriptor::{Descriptor, media_type};
pub use manifest::{Index, IndexEntry, IndexPlatform, Manifest};

use haute_core::error::{Error, Result};
use serde::Serialize;

/// The bytes of a document, as they are pushed and digested.
///
/// # Errors
/// Only for a bug of ours: the documents hold nothing JSON cannot say.
pub fn to_bytes(document: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(document)
        .map_err(|source| Error::bug("a document of the image cannot be written").with_source(source))
}
