//! Finds wheels in package indexes and keeps them on this machine.
//!
//! [`IndexSettings`] reads where to look from the variables uv and pip read; [`WheelStore`] fetches the wheels of a lock,
//! each held to its digest, and keeps them by it.

mod client;
mod download;
mod listing;
mod netrc;
mod settings;
mod store;

pub use settings::IndexSettings;
pub use store::WheelStore;
