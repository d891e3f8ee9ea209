//! A Haute release becomes an OCI image in a registry, through a Docker engine or without one.

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

pub use target::{ContainerConfig, ContainerTarget, Factory};
