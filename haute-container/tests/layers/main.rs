//! Layers: deterministic tars and their compressed forms, wheels laid out, hostile wheels refused, and indexes that misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what is wrong by panicking; clippy does not see that the helpers belong to tests"
)]

mod archives;
mod hostile;
mod indexes;
mod installed;
mod planned;
mod round_trip;
mod server;
