//! The target `mlflow`: a release as a version of a registered model on an open MLflow server.
//!
//! ```toml
//! [deploy]
//! target = "mlflow"
//! model_name = "motor-pricing"
//!
//! [deploy.mlflow]                                    # all optional
//! tracking_uri = "https://mlflow.example.com"        # the variable MLFLOW_TRACKING_URI goes first
//! experiment_name = "motor-pricing"                  # the model's name
//! alias = "production"                               # what readers ask for: models:/motor-pricing@production
//! ```
//!
//! A deploy logs the release as a model, registers a version of it, and lets the alias stand for that version, last. A
//! release that is logged or registered already is used again. Rolling back moves the alias back; removing takes it away.
//! Versions are never deleted.
//!
//! Credentials come from the variables MLflow's own client reads: `MLFLOW_TRACKING_TOKEN`, or `MLFLOW_TRACKING_USERNAME`
//! with `MLFLOW_TRACKING_PASSWORD`.

mod config;
mod desired;
mod diff;
mod observe;
mod step;
mod target;

pub use config::MlflowConfig;
pub use target::{Factory, MlflowTarget};
