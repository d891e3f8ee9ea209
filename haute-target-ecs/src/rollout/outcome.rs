//! What a rollout can come to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What has become of a deployment, as far as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rollout", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rollout {
    /// Nothing is decided.
    InProgress {
        /// What it waits for.
        message: String,
        /// Its tasks.
        counts: Counts,
    },
    /// It failed for certain, and ECS is bringing back another revision: wait for [`RolledBack`](Self::RolledBack) or
    /// [`Failed`](Self::Failed). It never succeeds from here.
    GoingBack {
        /// Why it failed.
        reason: String,
        /// The task definition that is to serve again.
        to: String,
        /// The tasks of that one.
        counts: Counts,
    },
    /// It is the deployment that serves, and the only one that has tasks.
    Succeeded {
        /// How many of its tasks run. None: the service wants none, so nothing serves, and success says nothing about serving.
        running: i64,
    },
    /// It failed and nothing was brought back, or bringing back failed too. What runs now is in the service.
    Failed {
        /// Why.
        reason: String,
    },
    /// It failed or was taken back, and another revision serves again.
    RolledBack {
        /// Why.
        reason: String,
        /// The task definition that serves again.
        to: String,
    },
    /// Somebody began a deployment of something else after it.
    Superseded {
        /// What.
        by: Newer,
    },
    /// It does not go on, and ECS will not end it by itself. The earlier revision keeps the tasks it has.
    Stalled {
        /// Why.
        reason: String,
    },
    /// It waits for somebody to let it go on.
    Paused {
        /// At what.
        at: Pause,
    },
    /// The service is not there any more.
    Gone {
        /// What is known of it.
        reason: String,
    },
}

impl Rollout {
    /// Whether watching further can change nothing.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::InProgress { .. } | Self::GoingBack { .. })
    }
}

/// How many tasks a deployment has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// How many it is to have.
    pub desired: i64,
    /// How many run.
    pub running: i64,
    /// How many are starting.
    pub pending: i64,
    /// How many failed in a row.
    pub failed: i64,
    /// How many of all other deployments run or are starting.
    pub others: i64,
}

/// A deployment that was begun after the one that is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Newer {
    /// Its id.
    pub deployment: String,
    /// Its task definition.
    pub task_definition: String,
    /// When it was begun.
    pub created_at: Option<Timestamp>,
}

/// Where a deployment waits for somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pause {
    /// The service deployment: what `ContinueServiceDeployment` is given.
    pub service_deployment: String,
    /// The hook: what `ContinueServiceDeployment` is given.
    pub hook: String,
    /// The stage it waits in, such as `POST_SCALE_UP`.
    pub stage: Option<String>,
    /// When ECS acts by itself.
    pub expires_at: Option<Timestamp>,
    /// What ECS does then: `ROLLBACK` or `CONTINUE`.
    pub then: Option<String>,
}
