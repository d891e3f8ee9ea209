//! What tests need of real services, and a proxy that makes them fail.
//!
//! A [`Registry`] is the `docker-registry` program on a free port, an [`Engine`] the Docker engine of this machine, a
//! [`BaseImage`] a Python base image both can be given. [`FaultProxy`] stands between a client and a registry. All calls
//! block, inside and outside of an asynchronous runtime.
//!
//! A test says what it needs with [`require`] and [`test`](fn@test): where something is missing it is ignored by name, and fails
//! under `HAUTE_TESTS_REQUIRE_ALL=1`.

mod base;
mod blocking;
mod certificate;
mod engine;
mod program;
pub mod proxy;
mod registry;
mod require;

pub use base::{BaseImage, ImageFormat};
pub use certificate::Certificates;
pub use engine::Engine;
pub use program::Program;
pub use proxy::FaultProxy;
pub use registry::{Registry, RegistryOptions};
pub use require::{Missing, Required, both, require, test};
