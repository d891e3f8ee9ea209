//! The fake as a client sees it: over HTTP, and nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test says what is wrong by panicking"
)]

mod client;
mod definitions;
mod deployments;
mod faults;
mod properties;
mod query;
mod registry;
mod rollouts;
mod scripts;
mod services;
