//! A Docker engine, through its API (bollard): builds the image, pushes it, and runs it to prove it.
//!
//! Nothing here starts a `docker` program, and no build runs a command: the generated Dockerfile adds layers that are made
//! already, so a build needs no network, no shell, and no emulation for another platform.

mod address;
mod base;
mod build;
mod checkpoint;
mod classic;
mod command;
mod connect;
mod context;
mod credentials;
mod dockerfile;
mod error;
mod output;
mod push;
mod request;
mod run;
mod saved;
mod stack;
mod store;

#[cfg(feature = "buildkit")]
mod buildkit;

pub use address::Address;
pub use build::{Build, BuildLayer, Builder, BuiltImage};
pub use connect::{Engine, EngineVersion};
pub use context::TarLayer;
pub use credentials::Credentials;
pub use push::Pushed;
pub use run::{Container, ContainerEnd, ContainerOptions};
pub use saved::{SavedImage, SavedLayer};
pub use store::LocalImage;
