//! Services, their deployments and their events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::service_revision::ServiceRevisionCount;
use super::{DeploymentConfiguration, time};

/// The answer of `DescribeServices`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DescribeServicesAnswer {
    /// Those that were found.
    pub services: Vec<Service>,
    /// Those that were not.
    pub failures: Vec<Failure>,
}

/// The answer of `UpdateService`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct UpdateServiceAnswer {
    /// The service, with the deployment that was begun.
    pub service: Service,
}

/// Something that could not be described. An unknown service comes as a failure with the reason `MISSING`, not as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Failure {
    /// What.
    pub arn: String,
    /// Why, as a word.
    pub reason: String,
    /// Why, in words.
    pub detail: Option<String>,
}

/// A service: tasks of one task definition, kept running.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Service {
    /// Its ARN.
    pub service_arn: String,
    /// Its name.
    pub service_name: String,
    /// The ARN of the cluster it runs in.
    pub cluster_arn: String,
    /// Whether it runs.
    pub status: Option<ServiceStatus>,
    /// How many tasks are wanted.
    pub desired_count: i64,
    /// How many run, of all deployments.
    pub running_count: i64,
    /// How many are starting, of all deployments.
    pub pending_count: i64,
    /// `EC2`, `FARGATE` or `EXTERNAL`.
    pub launch_type: Option<String>,
    /// `REPLICA` or `DAEMON`.
    pub scheduling_strategy: Option<String>,
    /// Fargate's version, such as `LATEST`.
    pub platform_version: Option<String>,
    /// Such as `Linux`.
    pub platform_family: Option<String>,
    /// The ARN of the task definition wanted now.
    pub task_definition: String,
    /// Who replaces tasks.
    pub deployment_controller: DeploymentController,
    /// How tasks are replaced.
    pub deployment_configuration: DeploymentConfiguration,
    /// What runs or is being replaced.
    pub deployments: Vec<Deployment>,
    /// The newest 100, newest first.
    pub events: Vec<ServiceEvent>,
    /// The ARN of the service deployment under way. May lag behind.
    pub current_service_deployment: Option<String>,
    /// The revisions that have tasks now.
    pub current_service_revisions: Vec<ServiceRevisionCount>,
    /// What sends it traffic.
    pub load_balancers: Vec<LoadBalancer>,
    /// How long a new task is spared the load balancer's verdict, in seconds.
    pub health_check_grace_period_seconds: Option<i64>,
    /// When it was made.
    #[serde(with = "time")]
    pub created_at: Option<Timestamp>,
    /// Its tags, where they were asked for.
    pub tags: Vec<Tag>,
}

impl Service {
    /// The deployment that is to serve. ECS names one; the first one that says so is taken.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.status == Some(DeploymentStatus::Primary))
    }

    /// The deployment with this id.
    pub fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.id == id)
    }
}

/// Whether a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ServiceStatus {
    /// It does.
    Active,
    /// It is being deleted.
    Draining,
    /// It was deleted.
    Inactive,
    /// Something newer than this crate.
    #[serde(other)]
    Unknown,
}

/// Who replaces a service's tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeploymentController {
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: ControllerKind,
}

/// Which kind of deployment controller a service has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ControllerKind {
    /// ECS itself; also where nothing is said.
    #[default]
    Ecs,
    /// AWS `CodeDeploy`.
    CodeDeploy,
    /// A program of somebody's.
    External,
    /// Something newer than this crate.
    #[serde(other)]
    Unknown,
}

/// A deployment: a service's tasks of one configuration, as they come, serve and go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Deployment {
    /// Its id, such as `ecs-svc/0123456789`; tasks name it as `startedBy`.
    pub id: String,
    /// Its part in the service.
    pub status: Option<DeploymentStatus>,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// How many tasks are wanted.
    pub desired_count: i64,
    /// How many are starting.
    pub pending_count: i64,
    /// How many run.
    pub running_count: i64,
    /// How many failed in a row; set back once tasks run.
    pub failed_tasks: i64,
    /// When it was begun.
    #[serde(with = "time")]
    pub created_at: Option<Timestamp>,
    /// When it changed last.
    #[serde(with = "time")]
    pub updated_at: Option<Timestamp>,
    /// How far it is. Missing where a Classic Load Balancer sends the traffic.
    pub rollout_state: Option<RolloutState>,
    /// Why, in words.
    pub rollout_state_reason: Option<String>,
}

/// What part a deployment has in its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum DeploymentStatus {
    /// The newest: what is to serve.
    Primary,
    /// Still has tasks, and is being replaced.
    Active,
    /// Was replaced.
    Inactive,
    /// Something newer than this crate.
    #[serde(other)]
    Unknown,
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum RolloutState {
    /// Under way.
    InProgress,
    /// It reached a steady state.
    Completed,
    /// It did not; the circuit breaker or an alarm ended it.
    Failed,
    /// Something newer than this crate.
    #[serde(other)]
    Unknown,
}

/// Something that happened to a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServiceEvent {
    /// Its id.
    pub id: String,
    /// When.
    #[serde(with = "time")]
    pub created_at: Option<Timestamp>,
    /// What, in words.
    pub message: String,
}

/// What sends a service traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct LoadBalancer {
    /// The target group of an Application or Network Load Balancer.
    pub target_group_arn: Option<String>,
    /// The name of a Classic Load Balancer.
    pub load_balancer_name: Option<String>,
    /// The container that answers.
    pub container_name: Option<String>,
    /// Its port.
    pub container_port: Option<i64>,
}

/// A tag. Those of a task definition come beside it, not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}
