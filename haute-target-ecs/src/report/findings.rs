//! What a report is made from.

use std::fmt;

use super::subject::Subject;
use crate::model::{Service, ServiceEvent, Task};
use crate::rollout::Rollout;

/// Everything that could be read about a deployment that failed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Findings<'a> {
    /// What failed, in one line: the error's own message.
    pub summary: String,
    /// What became of the deployment; `None`: it did not come to one.
    pub rollout: Option<&'a Rollout>,
    /// The deployment's id.
    pub deployment: Option<&'a str>,
    /// The service as it is now.
    pub service: Option<&'a Service>,
    /// What happened to it since the update, oldest first.
    pub events: &'a [ServiceEvent],
    /// Stopped tasks of the service, of whatever deployment: those of others are left out here.
    pub tasks: &'a [Task],
    /// What containers wrote last.
    pub logs: Vec<LogTail>,
    /// What could not be read for want of a permission.
    pub denied: Vec<Denied>,
    /// What was deployed, where, and how it is set up.
    pub subject: Subject,
}

impl<'a> Findings<'a> {
    /// Nothing but what failed.
    pub fn new(summary: impl Into<String>, subject: Subject) -> Self {
        Self { summary: summary.into(), subject, ..Self::default() }
    }

    /// Adds what became of the deployment of this id.
    #[must_use]
    pub fn with_rollout(mut self, deployment: &'a str, rollout: Option<&'a Rollout>) -> Self {
        self.deployment = Some(deployment);
        self.rollout = rollout;
        self
    }

    /// Adds the service as it is now.
    #[must_use]
    pub fn with_service(mut self, service: &'a Service) -> Self {
        self.service = Some(service);
        self
    }

    /// Adds what happened since the update, oldest first.
    #[must_use]
    pub fn with_events(mut self, events: &'a [ServiceEvent]) -> Self {
        self.events = events;
        self
    }

    /// Adds stopped tasks.
    #[must_use]
    pub fn with_tasks(mut self, tasks: &'a [Task]) -> Self {
        self.tasks = tasks;
        self
    }

    /// Adds what a container wrote last.
    #[must_use]
    pub fn with_log(mut self, log: LogTail) -> Self {
        self.logs.push(log);
        self
    }

    /// Adds what could not be read.
    #[must_use]
    pub fn with_denied(mut self, denied: Denied) -> Self {
        self.denied.push(denied);
        self
    }
}

/// What a container wrote last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogTail {
    /// The container.
    pub container: String,
    /// The task's id.
    pub task: String,
    /// The stream in the subject's log group.
    pub stream: String,
    /// The lines, oldest first.
    pub lines: Vec<String>,
}

impl LogTail {
    /// The last lines of a container of a task.
    pub fn new(container: impl Into<String>, task: impl Into<String>, lines: Vec<String>) -> Self {
        Self { container: container.into(), task: task.into(), lines, ..Self::default() }
    }

    /// Names the stream they are in.
    #[must_use]
    pub fn in_stream(mut self, stream: impl Into<String>) -> Self {
        self.stream = stream.into();
        self
    }
}

/// A call that was refused for want of a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    action: String,
}

impl Denied {
    /// The IAM action, such as `ecs:DescribeTasks`.
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into() }
    }

    /// Whether the call would have shown why tasks stopped.
    pub(super) fn hides_reasons(&self) -> bool {
        matches!(self.action.as_str(), "ecs:ListTasks" | "ecs:DescribeTasks" | "logs:GetLogEvents")
    }

    /// What the call would have shown.
    fn would_show(&self) -> Option<&'static str> {
        Some(match self.action.as_str() {
            "ecs:ListTasks" | "ecs:DescribeTasks" => "why tasks stopped, and with which exit codes",
            "logs:GetLogEvents" => "what the containers wrote last",
            "ecs:DescribeTaskDefinition" => "which image, ports and roles the task definition names",
            "ecs:ListServiceDeployments" | "ecs:DescribeServiceDeployments" => {
                "the deployment's own course: stages, alarms, circuit breaker, reason of a rollback"
            }
            "ecs:DescribeServiceRevisions" => "the digest of the image that the deployment runs",
            "ecs:DescribeServices" => "the service's events, and what runs now",
            "ecr:DescribeImages" | "ecr:BatchGetImage" => "whether the image is in the repository",
            "elasticloadbalancing:DescribeTargetHealth" | "elasticloadbalancing:DescribeTargetGroups" => {
                "what the load balancer's health check asks, and what it got"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.would_show() {
            Some(shown) => write!(f, "{} ({shown})", self.action),
            None => f.write_str(&self.action),
        }
    }
}
