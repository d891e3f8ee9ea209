//! A Haute release as a model of MLflow: on an open MLflow server, or on Databricks.
//!
//! Everything goes over REST: neither Python nor the MLflow client is needed where it is deployed from.
//!
//! | target | a deploy leaves | |
//! |---|---|---|
//! | [`mlflow`] | a version of a registered model, and an alias on it | needs an MLflow server |
//! | [`databricks`] | the same in Unity Catalog, and a serving endpoint whose prices were verified | needs a workspace |
//!
//! [`model`] is what both send: the release in the form MLflow loads, with the Python runtime package that serves it
//! everywhere else. It can be written to a directory and served with `mlflow models serve`; [`InvocationsService`] asks that
//! for quotes.
//!
//! ```
//! use std::sync::Arc;
//! use haute_core::event::NullSink;
//! use haute_core::target::{Cancellation, Context, DeployTarget};
//! use haute_target_databricks::databricks::{DatabricksConfig, DatabricksTarget};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let config = DatabricksConfig::default()
//!     .with_names("motor-pricing", Some("motor-pricing"))
//!     .with_suffix("-staging");
//! let target = DatabricksTarget::new("path/to/project".as_ref(), config)
//!     .with_variables([("DATABRICKS_RATING_HOST", "adb-1.azuredatabricks.net")].into_iter().collect());
//! assert_eq!(target.info().address, "adb-1.azuredatabricks.net/motor-pricing-staging");
//! assert!(target.info().capabilities.canary);
//!
//! // Everything that is not set is named at once, and before anything is contacted.
//! let context = Context::new(Arc::new(NullSink), Cancellation::default());
//! let error = target.preflight(&context).await.unwrap_err();
//! assert_eq!(
//!     error.message(),
//!     "not set: `DATABRICKS_MLFLOW_HOST`, `DATABRICKS_MLFLOW_TOKEN`, `DATABRICKS_RATING_TOKEN`"
//! );
//! # }
//! ```
//!
//! An [`Engine`](haute_core::engine::Engine) carries out what a target plans: deploy, canary, promote, abort, rollback. The
//! programs in `examples/` do so with a release that was built elsewhere, and with a gate of their own between a canary and
//! its promotion.

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
