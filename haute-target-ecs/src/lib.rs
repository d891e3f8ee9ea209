//! A Haute release as a service of Amazon ECS.
//!
//! The target `aws-ecs` ([`Factory`], [`EcsTarget`]) does all of it as `[deploy.aws-ecs]` says: the image into its registry, a
//! revision of the service's own task definition, the update, and the rollout followed to its own end. A program with an order
//! of its own makes targets by hand, one per region for one, and gives them to the engine:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use haute_container::ContainerConfig;
//! use haute_core::config::ContainerSection;
//! use haute_core::engine::Engine;
//! use haute_core::record::Origin;
//! use haute_core::target::{Context, ProvenRelease};
//! use haute_core::variables::Variables;
//! use haute_target_ecs::{EcsConfig, EcsTarget};
//!
//! /// Deploys a proven release to one region.
//! async fn deploy(root: &Path, region: &str, context: &Context, release: &ProvenRelease) -> haute_core::Result<()> {
//!     let mut images = ContainerSection::default();
//!     images.registry = format!("123456789012.dkr.ecr.{region}.amazonaws.com");
//!     let images = ContainerConfig::new(images, "motor-pricing").map_err(|why| {
//!         haute_core::Error::new(haute_core::error::ErrorKind::InvalidInput, why)
//!     })?;
//!     let service = EcsConfig::new(region, "pricing", "motor").with_model("motor-pricing", 8080);
//!     let target = EcsTarget::new(root, service, images, Variables::of_process())?;
//!     Engine::new(root).deploy(&target, context, release, Origin::new("motor-pricing")).await?;
//!     Ok(())
//! }
//! ```
//!
//! The parts that decide touch no network and can be used alone: [`task_definition`] patches and compares what a service runs,
//! [`rollout`] says what became of a deployment, [`report`] why.

mod aws;
mod config;
pub mod model;
mod preflight;
pub mod report;
pub mod rollout;
mod target;
pub mod task_definition;

pub use aws::AwsOptions;
pub use config::{EcsConfig, FailureAction, InFlight, Update};
pub use target::{EcsTarget, Factory};
