//! Takes a Haute pricing project to a live, verified price.
//!
//! Each arrow of the way is one function, each noun one type; a program may stop anywhere, replace a step, or run steps
//! on different machines:
//!
//! ```text
//! haute.toml ──load──▶ Project ──check──▶ Checked ──build──▶ Release ──prove──▶ Proof
//!            ──plan──▶ Plan ──apply──▶ Deployment ──verify──▶ Record
//! ```
//!
//! This crate knows no Docker, no cloud, no HTTP client and no terminal. It never prints, and never panics on input.

pub mod config;
pub mod diagnostic;
pub mod digest;
pub mod engine;
pub mod error;
pub mod event;
pub mod journal;
pub mod lower;
pub mod pipeline;
pub mod plan;
pub mod project;
pub mod proof;
pub mod python;
pub mod quotes;
pub mod record;
pub mod release;
pub mod report;
pub mod secret;
pub mod store;
pub mod target;
pub mod variables;
pub mod verify;

pub use error::{Error, ErrorKind, Result};
