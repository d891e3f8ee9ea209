//! What a test sees that no API shows.

use crate::rollout::{Service, Task};

/// A service as it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceView {
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// How many tasks it is to have.
    pub desired: usize,
    /// How many run.
    pub running: usize,
    /// The ARN of the task definition it is to run.
    pub task_definition: String,
    /// The ids of its deployments, newest first.
    pub deployments: Vec<String>,
    /// The texts of its events, newest first.
    pub events: Vec<String>,
    /// Its tasks, stopped ones too, oldest first.
    pub tasks: Vec<TaskView>,
    /// How many deployments were begun since it was made, its first one and those that went back not counted.
    pub begun: usize,
}

impl ServiceView {
    /// The task definition ARNs of the tasks that serve, each once, sorted.
    pub fn serving(&self) -> Vec<String> {
        let mut arns: Vec<String> = self
            .tasks
            .iter()
            .filter(|task| task.healthy && task.status == "RUNNING")
            .map(|task| task.task_definition.clone())
            .collect();
        arns.sort();
        arns.dedup();
        arns
    }

    pub(crate) fn of(service: &Service) -> Self {
        Self {
            status: service.status.to_owned(),
            desired: service.desired,
            running: service.tasks.iter().filter(|task| task.runs()).count(),
            task_definition: service.task_definition.clone(),
            deployments: service.deployments.iter().map(|one| one.id.clone()).collect(),
            events: service.events.iter().map(|event| event.message.clone()).collect(),
            tasks: service.tasks.iter().map(TaskView::of).collect(),
            begun: service.history.len().saturating_sub(1),
        }
    }
}

/// A task as it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskView {
    /// Its id: the last part of its ARN.
    pub id: String,
    /// The id of its deployment.
    pub deployment: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// `PROVISIONING`, `PENDING`, `RUNNING`, `DEACTIVATING` or `STOPPED`.
    pub status: String,
    /// Whether it is healthy.
    pub healthy: bool,
    /// Why it stopped.
    pub stopped_reason: Option<String>,
}

impl TaskView {
    fn of(task: &Task) -> Self {
        Self {
            id: task.id.clone(),
            deployment: task.deployment.clone(),
            task_definition: task.definition.clone(),
            status: task.status.word().to_owned(),
            healthy: task.healthy == Some(true),
            stopped_reason: task.stop.as_ref().map(|(_, reason)| reason.clone()),
        }
    }
}
