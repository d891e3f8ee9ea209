//! Tasks and their containers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Failure, time};

/// The answer of `ListTasks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListTasksAnswer {
    /// Their ARNs.
    pub task_arns: Vec<String>,
    /// What to ask for the rest with.
    pub next_token: Option<String>,
}

/// The answer of `DescribeTasks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DescribeTasksAnswer {
    /// Those that were found; a stopped one can be seen for an hour at least.
    pub tasks: Vec<Task>,
    /// Those that were not.
    pub failures: Vec<Failure>,
}

/// A task: the containers of a task definition, started once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Task {
    /// Its ARN.
    pub task_arn: String,
    /// The ARN of its task definition.
    pub task_definition_arn: String,
    /// Who started it: for the tasks of a service, the id of the deployment.
    pub started_by: Option<String>,
    /// Where it is, such as `RUNNING` or `STOPPED`.
    pub last_status: Option<String>,
    /// Where it is to go.
    pub desired_status: Option<String>,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`, from its essential containers' own checks.
    pub health_status: Option<String>,
    /// Why it stopped, as a word, such as `TaskFailedToStart` or `EssentialContainerExited`.
    pub stop_code: Option<String>,
    /// Why it stopped, in words.
    pub stopped_reason: Option<String>,
    /// When it was made.
    #[serde(with = "time")]
    pub created_at: Option<Timestamp>,
    /// When it began to run.
    #[serde(with = "time")]
    pub started_at: Option<Timestamp>,
    /// When it began to stop.
    #[serde(with = "time")]
    pub stopping_at: Option<Timestamp>,
    /// When it had stopped.
    #[serde(with = "time")]
    pub stopped_at: Option<Timestamp>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Where it runs.
    pub availability_zone: Option<String>,
}

impl Task {
    /// Its id: the last part of its ARN. Log streams are named by it.
    pub fn id(&self) -> &str {
        self.task_arn.rsplit('/').next().unwrap_or_default()
    }
}

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Container {
    /// Its name in the task definition.
    pub name: String,
    /// The image as the task definition names it.
    pub image: String,
    /// The digest of the image that was pulled.
    pub image_digest: Option<String>,
    /// The container's id where it runs.
    pub runtime_id: Option<String>,
    /// Where it is, such as `RUNNING` or `STOPPED`.
    pub last_status: Option<String>,
    /// What its own health check says.
    pub health_status: Option<String>,
    /// What its process ended with.
    pub exit_code: Option<i64>,
    /// Why it stopped or could not start, in words.
    pub reason: Option<String>,
}
