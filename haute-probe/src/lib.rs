//! Asks a served Haute price over HTTP: its health, quotes, and whether the answers are the expected ones.
//!
//! [`HttpQuoteService`] speaks to the API a release serves, and to the API of older services of Haute. [`smoke`] asks any
//! `/quote` address for a list of test quotes.

mod answer;
mod client;
mod smoke;

pub use client::{HttpQuoteService, Options};
pub use smoke::{SmokeQuote, SmokeReport, smoke};
