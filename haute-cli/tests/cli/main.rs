//! The program as others see it: what it prints where, and how it ends.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod check;
mod deployments;
mod explain;
mod help;
mod interrupt;
mod plans;
mod streams;
mod support;
