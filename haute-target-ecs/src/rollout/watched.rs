//! Which deployment is followed, and what was there before it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::is_same_revision;
use crate::model::{Deployment, RolloutState, Service, ServiceDeployment};

/// How far apart, in seconds, the two APIs may say that one deployment was begun.
const SAME_BEGINNING: i64 = 60;

/// The deployment that is followed, and what was there before it. Can be kept, to follow it later from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Watched {
    /// Its id, as `UpdateService` answered it.
    pub deployment: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// Whether the task definition names its image by digest, so that whoever deploys it deploys the same.
    pub image_is_pinned: bool,
    /// When it was begun, by the clock of ECS.
    pub created_at: Option<Timestamp>,
    /// What was to serve before; `None`: not known, or nothing.
    pub baseline: Option<Baseline>,
}

/// What was to serve before the deployment that is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baseline {
    /// Its deployment.
    pub deployment: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// Whether it had reached a steady state: only then can ECS go back to it.
    pub completed: bool,
}

impl Baseline {
    /// The deployment that is to serve now.
    pub fn of(service: &Service) -> Option<Self> {
        service.primary().map(|primary| Self {
            deployment: primary.id.clone(),
            task_definition: primary.task_definition.clone(),
            // Where ECS says nothing about the state, it cannot be held against it.
            completed: matches!(primary.rollout_state, None | Some(RolloutState::Completed)),
        })
    }
}

impl Watched {
    /// The deployment of this id, with this task definition.
    pub fn new(deployment: impl Into<String>, task_definition: impl Into<String>) -> Self {
        Self { deployment: deployment.into(), task_definition: task_definition.into(), ..Self::default() }
    }

    /// The deployment that `UpdateService` began: `before` was read just before the call, `after` is its answer.
    ///
    /// `None` when the answer names no deployment that is to serve. ECS begins none where nothing changes; then it is the one that was
    /// there, and [`is_new`](Self::is_new) says so.
    pub fn after_update(before: &Service, after: &Service) -> Option<Self> {
        let primary = after.primary()?;
        Some(Self {
            created_at: primary.created_at,
            baseline: Baseline::of(before),
            ..Self::new(&primary.id, &primary.task_definition)
        })
    }

    /// Says that the task definition names its image by digest.
    #[must_use]
    pub fn with_pinned_image(mut self) -> Self {
        self.image_is_pinned = true;
        self
    }

    /// Says when it was begun, by the clock of ECS.
    #[must_use]
    pub fn with_beginning(mut self, created_at: Timestamp) -> Self {
        self.created_at = Some(created_at);
        self
    }

    /// Says what was to serve before.
    #[must_use]
    pub fn with_baseline(mut self, baseline: Baseline) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Whether it is another deployment than the one before.
    pub fn is_new(&self) -> bool {
        self.baseline.as_ref().is_none_or(|baseline| baseline.deployment != self.deployment)
    }

    /// The one of these service deployments that is this deployment: the one that was begun with it.
    ///
    /// The two APIs name a deployment by different ids, and `currentServiceDeployment` of a service may lag behind; the beginning is what
    /// both tell.
    pub fn among<'a>(&self, service_deployments: &'a [ServiceDeployment]) -> Option<&'a ServiceDeployment> {
        let distance = |candidate: &ServiceDeployment| {
            Some((seconds(candidate.created_at?) - seconds(self.created_at?)).abs())
        };
        service_deployments
            .iter()
            .filter_map(|candidate| Some((distance(candidate)?, candidate)))
            .filter(|(distance, _)| *distance <= SAME_BEGINNING)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, candidate)| candidate)
    }

    /// Whether a service deployment can be this deployment.
    pub(super) fn may_be(&self, told: &ServiceDeployment) -> bool {
        match (self.created_at, told.created_at) {
            (Some(ours), Some(told)) => (seconds(ours) - seconds(told)).abs() <= SAME_BEGINNING,
            _ => true,
        }
    }

    pub(super) fn began_after(&self, other: &Deployment) -> bool {
        self.created_at.zip(other.created_at).is_some_and(|(ours, other)| ours > other)
    }

    pub(super) fn began_before(&self, other: &Deployment) -> bool {
        self.created_at.zip(other.created_at).is_some_and(|(ours, other)| ours < other)
    }

    pub(super) fn is_baseline(&self, deployment: &Deployment) -> bool {
        self.baseline.as_ref().is_some_and(|baseline| baseline.deployment == deployment.id)
    }

    pub(super) fn has_baseline_revision(&self, deployment: &Deployment) -> bool {
        self.baseline
            .as_ref()
            .is_some_and(|baseline| is_same_revision(&baseline.task_definition, &deployment.task_definition))
    }

    /// Whether what runs tells the deployment from the one before.
    pub(super) fn changes_revision(&self) -> bool {
        self.baseline
            .as_ref()
            .is_none_or(|baseline| !is_same_revision(&baseline.task_definition, &self.task_definition))
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.as_second()
}
