//! How a service replaces its tasks.

use serde::{Deserialize, Serialize};

/// How a service replaces its tasks, as `DeploymentConfiguration` of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeploymentConfiguration {
    /// What ends a deployment whose tasks keep failing.
    #[serde(rename = "deploymentCircuitBreaker")]
    pub circuit_breaker: CircuitBreaker,
    /// The alarms that end a deployment.
    pub alarms: DeploymentAlarms,
    /// How traffic moves to the new tasks.
    pub strategy: Strategy,
    /// How many tasks there may be during a deployment, in percent of the desired count.
    pub maximum_percent: Option<i64>,
    /// How many tasks stay healthy during a deployment, in percent of the desired count.
    pub minimum_healthy_percent: Option<i64>,
    /// How long old and new tasks run side by side after the traffic moved, in minutes.
    pub bake_time_in_minutes: Option<i64>,
}

/// What ends a deployment whose tasks keep failing, as `DeploymentCircuitBreaker` of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct CircuitBreaker {
    /// Whether it is on.
    pub enable: bool,
    /// Whether it goes back to the last completed deployment.
    pub rollback: bool,
    /// After how many failures it trips; missing: half of the desired count, at least 3, at most 200.
    pub threshold_configuration: Option<ThresholdConfiguration>,
}

/// After how many failed tasks the circuit breaker trips.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ThresholdConfiguration {
    /// `COUNT`, `BOUNDED_PERCENT` or `UNBOUNDED_PERCENT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In tasks, or in percent of the desired count.
    pub value: Option<i64>,
}

/// The alarms of `CloudWatch` that end a deployment, as `DeploymentAlarms` of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeploymentAlarms {
    /// Their names.
    pub alarm_names: Vec<String>,
    /// Whether they are looked at.
    pub enable: bool,
    /// Whether an alarm goes back to the last completed deployment.
    pub rollback: bool,
}

/// How traffic moves from the old tasks to the new ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Strategy {
    /// Task by task; also where nothing is said.
    #[default]
    Rolling,
    /// All at once, after a test.
    BlueGreen,
    /// In equal parts.
    Linear,
    /// A small part first.
    Canary,
    /// Something newer than this crate.
    #[serde(other)]
    Unknown,
}
