//! What an image is made of: a pure function of a release, a base and a few settings.

mod archive;
mod assemble;
mod base;
mod contents;
mod plan;
mod previous;
mod running;
mod sbom;
mod stamp;

pub use archive::write_archive;
pub use assemble::{Documents, FinishedLayer, documents};
pub use base::{Base, refuse_musl};
pub use contents::{ReleaseLayer, release_layers};
pub use plan::{ImagePlan, PlannedLayer};
pub use previous::Previous;
pub use running::{LIBRARY_DIRECTORY, PYTHONPATH, USER, command, container_config};
pub use sbom::{MEDIA_TYPE as SBOM_MEDIA_TYPE, sbom};
pub use stamp::{IMAGE_KEY, RELEASE, Stamp};

/// Bumped when the same release and base would give another image: part of every layer's key.
pub const LAYOUT: u32 = 1;
