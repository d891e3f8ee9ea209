//! A Haute release becomes an OCI image in a registry, through a Docker engine or without one.
//!
//! The target `container` ([`Factory`], [`ContainerTarget`]) does all of it as `[deploy.container]` says. A program with an order
//! of its own takes the pieces:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use haute_container::image::{ImagePlan, Stamp};
//! use haute_container::layer::Compression;
//! use haute_container::make::{ImageMaker, ImageRequest};
//! use haute_container::reference::ImageReference;
//! use haute_core::config::ContainerSection;
//! use haute_core::digest::Digest;
//! use haute_core::release::lock::Platform;
//! use haute_core::target::{Context, ProvenRelease};
//! use haute_core::variables::Variables;
//!
//! /// Pushes the image of a proven release and gives its digest.
//! async fn push(context: &Context, proven: &ProvenRelease, variables: Variables) -> haute_core::Result<Digest> {
//!     let name: ImageReference = "registry.example/pricing/motor:a1b2c3d".parse()?;
//!     let cache = Path::new(".cache");
//!     let maker = ImageMaker::new(ContainerSection::default(), variables, Some(name.host()), cache)?;
//!     // Two small documents; no layer of the base is read.
//!     let base = maker.base(&"python:3.11.9-slim".parse()?, Platform::LinuxAmd64, "3.11").await?;
//!     let plan = ImagePlan::new(&proven.release, base, maker.settings(), Compression::Gzip)?;
//!     // Layers this image has are neither fetched nor made again.
//!     let previous = maker.previous(&maker.client(&name)?, &name.with_tag("latest")?).await?;
//!     let stamp = Stamp::none();
//!     let request = ImageRequest::new(&proven.release, &plan, &stamp, &name).with_previous(previous.as_ref());
//!     Ok(maker.push_direct(context, &request).await?.digest)
//! }
//! ```

pub mod engine;
pub mod image;
pub mod index;
pub mod layer;
pub mod make;
pub mod oci;
pub mod prove;
pub mod reference;
pub mod registry;
mod target;
pub mod wheel;

pub use target::{ContainerConfig, ContainerTarget, Factory, PlannedImage};
