//! What the fake knows of a service.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};

use super::behaviour::{Behaviour, Happening};

#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) cluster: String,
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) status: &'static str,
    pub(crate) desired: usize,
    pub(crate) controller: String,
    /// `deploymentConfiguration`, whole.
    pub(crate) configuration: Value,
    /// Everything else of it, as it was given.
    pub(crate) fields: Map<String, Value>,
    pub(crate) task_definition: String,
    pub(crate) created: Duration,
    /// Newest first.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) tasks: Vec<Task>,
    /// Newest first, at most a hundred.
    pub(crate) events: VecDeque<Event>,
    /// Newest first.
    pub(crate) history: Vec<ServiceDeployment>,
    pub(crate) revisions: Vec<ServiceRevision>,
    /// The last deployment that completed: where the circuit breaker goes back to.
    pub(crate) completed: Option<Deployment>,
    pub(crate) steady: bool,
    pub(crate) habits: Habits,
    pub(crate) happenings: Vec<(Duration, Happening)>,
    /// Happen so long after the next deployment begins.
    pub(crate) upcoming: Vec<(Duration, Happening)>,
}

/// In which of the ways AWS has a service shows itself.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct Habits {
    /// Whether `rolloutState` is in answers.
    pub(crate) rollout_state: bool,
    /// Whether going back makes a deployment of a new id, even where the old one is there.
    pub(crate) new_id_for_rollback: bool,
    /// Whether `currentServiceDeployment` names the deployment before the current one while that is not complete.
    pub(crate) stale_current: bool,
    /// At which stage every deployment waits for somebody to say that it may go on.
    pub(crate) pause_at: Option<String>,
    /// Whether the Docker engine runs its tasks, where no script says anything and the image is in the fake's own registry.
    pub(crate) engine: bool,
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// `ecs-svc/…`.
    pub(crate) id: String,
    pub(crate) primary: bool,
    pub(crate) task_definition: String,
    pub(crate) created: Duration,
    pub(crate) updated: Duration,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    /// Tasks that failed one after the other.
    pub(crate) failed: usize,
    pub(crate) behaviour: Behaviour,
    /// By container: image and digest, resolved once.
    pub(crate) images: BTreeMap<String, (String, Option<String>)>,
    pub(crate) revision: String,
    /// The ARN of its service deployment.
    pub(crate) told: String,
    /// Launches nothing before.
    pub(crate) launch_after: Duration,
    /// Launches nothing any more.
    pub(crate) stalled: bool,
    /// The id of the deployment this one goes back from.
    pub(crate) back_from: Option<String>,
    /// Since when all its tasks are healthy.
    pub(crate) healthy_since: Option<Duration>,
    /// Until when it is shown, though it has no tasks any more.
    pub(crate) shown_until: Duration,
    /// Whether somebody has said that it may go on.
    pub(crate) continued: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) at: Duration,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Provisioning,
    Pending,
    Running,
    Stopping,
    Stopped,
}

impl Status {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopping => "DEACTIVATING",
            Self::Stopped => "STOPPED",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) deployment: String,
    pub(crate) definition: String,
    pub(crate) status: Status,
    pub(crate) healthy: Option<bool>,
    pub(crate) created: Duration,
    pub(crate) started: Option<Duration>,
    pub(crate) stopping: Option<Duration>,
    pub(crate) stopped: Option<Duration>,
    /// Why it stopped, once that is known: code and reason.
    pub(crate) stop: Option<(&'static str, String)>,
    pub(crate) containers: Vec<Container>,
    /// What becomes of it, in order.
    pub(crate) course: VecDeque<(Duration, Change)>,
    /// Whether the Docker engine runs it.
    pub(crate) engine: bool,
    /// Whether it was healthy once.
    pub(crate) served: bool,
    /// Where its container answers: host and port.
    pub(crate) address: Option<String>,
}

impl Task {
    /// Whether it is one of the tasks a service counts: neither stopped nor on the way there.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self.status, Status::Stopping | Status::Stopped)
    }

    pub(crate) fn runs(&self) -> bool {
        self.status == Status::Running
    }

    pub(crate) fn well(&self) -> bool {
        self.runs() && self.healthy == Some(true)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) digest: Option<String>,
    pub(crate) essential: bool,
    pub(crate) exit_code: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) runtime_id: String,
    /// Whether the task definition gives it a health check.
    pub(crate) checked: bool,
}

/// A step in the life of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Pending,
    Running,
    Healthy,
    /// A health check failed: of the container, or of the load balancer with its reason.
    Unhealthy(Option<String>),
    /// The essential container ended.
    Exit {
        code: i64,
        reason: Option<String>,
        log: Vec<String>,
    },
    /// It never got to run: reason of the task, and of the container.
    NoStart {
        reason: String,
        container: Option<String>,
    },
    /// It has stopped, with this exit code.
    Stopped(Option<i64>),
}

/// A service deployment, as the newer API tells of it.
#[derive(Clone, Debug)]
pub(crate) struct ServiceDeployment {
    pub(crate) arn: String,
    pub(crate) deployment: String,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) stage: &'static str,
    pub(crate) created: Duration,
    pub(crate) started: Option<Duration>,
    pub(crate) updated: Duration,
    pub(crate) finished: Option<Duration>,
    pub(crate) source: Option<String>,
    pub(crate) target: String,
    pub(crate) breaker: &'static str,
    pub(crate) failures: usize,
    pub(crate) alarms: Vec<String>,
    /// Reason, when, and to which service revision.
    pub(crate) rollback: Option<(String, Duration, String)>,
    /// The hook it waits at, and whether it waits still.
    pub(crate) hook: Option<(String, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ServiceRevision {
    pub(crate) arn: String,
    pub(crate) task_definition: String,
    pub(crate) created: Duration,
    pub(crate) images: BTreeMap<String, (String, Option<String>)>,
}
