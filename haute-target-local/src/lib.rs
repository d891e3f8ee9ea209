//! Serves a Haute release as a supervised process on this machine: no Docker, no cloud.
//!
//! ```toml
//! [deploy]
//! target = "local"
//!
//! [deploy.local]             # all optional
//! host = "127.0.0.1"         # an address of this machine
//! port = 8080
//! drain_seconds = 10         # how long callers of the old release may keep their connections
//! start_timeout_seconds = 120
//! ```
//!
//! A small supervisor, started once per address and detached from the caller, owns the listening socket. A deploy starts
//! the new release beside the old one, asks it for the proven quotes over a private port, lets it accept on the public
//! address, and drains the old one: no quote fails on the way. A release that crashes is started again. The supervisor's
//! files are below `<project>/.haute-cli/local/`.
//!
//! Needs a Unix system: the supervisor is spoken to over a Unix socket.

mod api;
mod config;
mod desired;
mod diff;
mod error;
mod observe;
mod owner;
mod step;
mod target;

pub use config::LocalConfig;
pub use target::{Factory, LocalTarget};
