//! Service revisions: what exactly a service deployment runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Failure, time};

/// The answer of `DescribeServiceRevisions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DescribeServiceRevisionsAnswer {
    /// Those that were found.
    pub service_revisions: Vec<ServiceRevision>,
    /// Those that were not.
    pub failures: Vec<Failure>,
}

/// What a service deployment runs, fixed when it was begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServiceRevision {
    /// Its ARN.
    pub service_revision_arn: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// The images, with the digests that ECS resolved: the last word on what runs.
    pub container_images: Vec<ContainerImage>,
    /// When it was made.
    #[serde(with = "time")]
    pub created_at: Option<Timestamp>,
}

/// The image of one container of a service revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContainerImage {
    /// The container.
    pub container_name: String,
    /// As the task definition names it.
    pub image: String,
    /// What that was resolved to.
    pub image_digest: Option<String>,
}

/// How many tasks of a service revision there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServiceRevisionCount {
    /// The revision's ARN.
    pub arn: String,
    /// How many are wanted.
    pub requested_task_count: i64,
    /// How many run.
    pub running_task_count: i64,
    /// How many are starting.
    pub pending_task_count: i64,
    /// The part of production traffic it gets, in percent; only where traffic is shifted.
    pub requested_production_traffic_weight: Option<f64>,
}
