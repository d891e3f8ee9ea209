//! A Haute release as a model of MLflow: on an open MLflow server, or on Databricks.
//!
//! Everything goes over REST: neither Python nor the MLflow client is needed where it is deployed from.

pub mod databricks;
mod http;
mod invocations;
pub mod mlflow;
pub mod model;
mod payload;
mod registry;
mod tags;
mod tracking;

pub use invocations::InvocationsService;
