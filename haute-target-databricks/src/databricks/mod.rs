//! The target `databricks`: a release as a version of a model in Unity Catalog, served by a serving endpoint.
//!
//! ```toml
//! [deploy]
//! target = "databricks"
//! model_name = "motor-pricing"
//! endpoint_name = "motor-pricing"             # none: the model is registered, and nothing serves it
//!
//! [deploy.databricks]                         # all optional
//! experiment_name = "/Shared/haute/default"
//! catalog = "main"
//! schema = "pricing"
//! serving_workload_size = "Small"
//! serving_scale_to_zero = true
//! endpoint_suffix = ""                        # behind the names of model, experiment and endpoint; in an overlay
//! alias = "production"                        # moved last, to the version whose prices were proven
//! timeout_minutes = 60                        # how long an endpoint may take to serve a new version
//! on_failure = "report"                       # "rollback": what served before is brought back, and verified
//! ```
//!
//! A deploy logs the release as a model, registers it as a version, gives that version to the endpoint, waits until the
//! endpoint serves exactly it, asks it every test quote, and marks the version and moves the alias last. The old version
//! serves until the new one does, and goes on serving when the new one fails. What is there already is used: an unchanged
//! release writes nothing. An endpoint is never deleted.
//!
//! A canary is a second version behind the same endpoint with a share of the traffic. It is verified at an address of its
//! own. Until it is promoted, the alias, and with it what counts as the release that serves, stays on the other one.
//!
//! Files go through the Files API of the workspace; where that is closed, to the cloud's own store at addresses the
//! workspace signs. The proof is put beside the version, so that any machine can go back to it and verify that.
//!
//! What the workspace knows is looked for by tags: `haute.release` on runs, models and versions, `haute.verified` on
//! versions that were found to serve the proven prices.
//!
//! Credentials are two sets of variables, kept apart as Haute keeps them: `DATABRICKS_MLFLOW_*` for the model,
//! `DATABRICKS_RATING_*` for the endpoint. [`Space`] lists them.

mod auth;
mod config;
mod credentials;
mod desired;
mod diff;
mod endpoint;
mod failure;
mod history;
mod observe;
mod preflight;
mod register;
mod step;
mod target;
mod wanted;

pub use config::DatabricksConfig;
pub use credentials::Space;
pub use target::{DatabricksTarget, Factory};
