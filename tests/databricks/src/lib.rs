//! What tests register models with.
//!
//! [`Workspace`] stands in for a workspace of Databricks: experiments, runs, logged models, the Files API and signed addresses,
//! Unity Catalog, serving endpoints, and every way to sign in. It keeps what it is sent, answers quotes with what it was sent,
//! and can be told to fail or to stop answering at a request. [`python`] is the real MLflow of PyPI, [`served`]
//! lets the workspace price with it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and so does what only they use"
)]

pub mod python;
pub mod served;
mod workspace;

pub use workspace::{Exchange, Fault, Files, JOB, SECRET, Scorer, Stop, TOKEN, Workspace, World};
