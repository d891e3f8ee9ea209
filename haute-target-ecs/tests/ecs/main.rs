//! The whole target over AWS as the fake has it, and images in a real registry.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by panicking")]

mod conformance;
mod credentials;
mod faults;
mod lab;
mod modes;
mod outcomes;
mod preflight;
mod prices;
mod reports;
mod service;
mod tiers;
mod way;
