//! Service deployments: how one replacement of a service's tasks goes, from its beginning to its end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::service_revision::ServiceRevisionCount;
use super::{Failure, time};

/// The answer of `ListServiceDeployments`; its entries have a part of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListServiceDeploymentsAnswer {
    /// Those that were found, newest first.
    pub service_deployments: Vec<ServiceDeployment>,
    /// What to ask for the rest with.
    pub next_token: Option<String>,
}

/// The answer of `DescribeServiceDeployments`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DescribeServiceDeploymentsAnswer {
    /// Those that were found.
    pub service_deployments: Vec<ServiceDeployment>,
    /// Those that were not.
    pub failures: Vec<Failure>,
}

/// How one replacement of a service's tasks goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServiceDeployment {
    /// Its ARN.
    pub service_deployment_arn: String,
    /// The service's ARN.
    pub service_arn: String,
    /// How far it is.
    pub status: Option<ServiceDeploymentStatus>,
    /// Why, in words.
    pub status_reason: Option<String>,
    /// Where in its course it is, such as `SCALE_UP` or `BAKE_TIME`.
    pub lifecycle_stage: Option<String>,
    /// When it was asked for.
    #[serde(with = "time")]
    pub created_at: Option<Timestamp>,
    /// When it was begun.
    #[serde(with = "time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "time")]
    pub finished_at: Option<Timestamp>,
    /// What it replaces.
    pub source_service_revisions: Vec<ServiceRevisionCount>,
    /// What it brings.
    pub target_service_revision: ServiceRevisionCount,
    /// The same, as `ListServiceDeployments` names it.
    pub target_service_revision_arn: Option<String>,
    /// What the circuit breaker counts.
    #[serde(rename = "deploymentCircuitBreaker")]
    pub circuit_breaker: CircuitBreakerProgress,
    /// What the alarms say.
    pub alarms: AlarmsProgress,
    /// The way back, where it was taken.
    pub rollback: Option<Rollback>,
    /// The hooks of the stage it is in.
    #[serde(rename = "lifecycleHookDetails")]
    pub lifecycle_hooks: Vec<PauseHook>,
}

impl ServiceDeployment {
    /// The hook it waits at until somebody continues it or goes back.
    pub fn paused_at(&self) -> Option<&PauseHook> {
        self.lifecycle_hooks.iter().find(|hook| hook.status.as_deref() == Some("AWAITING_ACTION"))
    }

    /// The ARN of the revision it brings, by either of the two fields.
    pub fn target_revision(&self) -> Option<&str> {
        let described = self.target_service_revision.arn.as_str();
        if described.is_empty() { self.target_service_revision_arn.as_deref() } else { Some(described) }
    }
}

/// How far a service deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ServiceDeploymentStatus {
    /// Asked for.
    Pending,
    /// Under way.
    InProgress,
    /// Ended well.
    Successful,
    /// Was stopped.
    Stopped,
    /// Is to be stopped.
    StopRequested,
    /// Is to go back.
    RollbackRequested,
    /// Goes back.
    RollbackInProgress,
    /// Went back: the new revision does not serve.
    RollbackSuccessful,
    /// Could not go back.
    RollbackFailed,
    /// Something newer than this crate.
    #[serde(other)]
    Unknown,
}

/// What the circuit breaker counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct CircuitBreakerProgress {
    /// `MONITORING`, `TRIGGERED`, `MONITORING_COMPLETE` or `DISABLED`.
    pub status: Option<String>,
    /// How many tasks failed.
    pub failure_count: i64,
    /// At how many it trips.
    pub threshold: i64,
}

/// What the deployment alarms say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlarmsProgress {
    /// `MONITORING`, `TRIGGERED`, `MONITORING_COMPLETE` or `DISABLED`.
    pub status: Option<String>,
    /// All of them.
    pub alarm_names: Vec<String>,
    /// Those that went off.
    pub triggered_alarm_names: Vec<String>,
}

/// The way back of a service deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Rollback {
    /// Why it was taken.
    pub reason: Option<String>,
    /// When it was begun.
    #[serde(with = "time")]
    pub started_at: Option<Timestamp>,
    /// The revision that serves again.
    pub service_revision_arn: Option<String>,
}

/// A hook of the stage a service deployment is in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct PauseHook {
    /// Its id: what `ContinueServiceDeployment` is given.
    pub hook_id: String,
    /// `PAUSE` or `AWS_LAMBDA`.
    pub target_type: Option<String>,
    /// `AWAITING_ACTION`, `IN_PROGRESS`, `SUCCEEDED`, `FAILED` or `TIMED_OUT`.
    pub status: Option<String>,
    /// When ECS acts by itself.
    #[serde(with = "time")]
    pub expires_at: Option<Timestamp>,
    /// What ECS does then: `ROLLBACK` or `CONTINUE`.
    pub timeout_action: Option<String>,
}
