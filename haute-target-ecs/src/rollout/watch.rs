//! Following a deployment from read to read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outcome::{Counts, Rollout};
use super::verdict;
use super::watched::Watched;
use crate::model::{Deployment, DeploymentStatus, RolloutState, Service, ServiceDeployment, ServiceStatus};

/// What counts, and how long it is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rules {
    /// Without a circuit breaker: at how many tasks failed in a row a deployment is given up.
    pub most_failed_tasks: i64,
    /// How many reads in a row may miss the deployment, or show what cannot be, before they are believed.
    pub stale_reads: u32,
    /// How long after the update reads may miss the deployment, however many they are.
    pub stale_for: Duration,
    /// Where ECS tells no state: how many reads in a row must show a settled service.
    pub settled_reads: u32,
    /// How many reads in a row may show an end that is not whole: completed, and tasks of other revisions left, or none that runs.
    pub patient_reads: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            most_failed_tasks: 3,
            stale_reads: 3,
            stale_for: Duration::from_secs(30),
            settled_reads: 3,
            patient_reads: 40,
        }
    }
}

impl Rules {
    /// Sets at how many tasks failed in a row a deployment without a circuit breaker is given up.
    #[must_use]
    pub fn with_most_failed_tasks(mut self, count: i64) -> Self {
        self.most_failed_tasks = count;
        self
    }
}

/// What was read at one time.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Observation<'a> {
    /// The service; `None`: `DescribeServices` has it among its failures, or the cluster is not there.
    pub service: Option<&'a Service>,
    /// The deployment as `DescribeServiceDeployments` tells it, where the policy allows that: see [`Watched::among`].
    pub service_deployment: Option<&'a ServiceDeployment>,
    /// How long ago the update was.
    pub elapsed: Duration,
}

impl<'a> Observation<'a> {
    /// The answer of `DescribeServices` for the service, so long after the update.
    pub fn new(service: Option<&'a Service>, elapsed: Duration) -> Self {
        Self { service, service_deployment: None, elapsed }
    }

    /// Adds the deployment as `DescribeServiceDeployments` tells it.
    #[must_use]
    pub fn with_service_deployment(mut self, told: Option<&'a ServiceDeployment>) -> Self {
        self.service_deployment = told;
        self
    }
}

/// Follows a deployment from read to read.
///
/// Can be written down between two reads and read back; without what it had seen it takes a few more reads to be sure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub(super) watched: Watched,
    pub(super) rules: Rules,
    pub(super) seen: Seen,
}

/// What earlier reads showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// Whether the deployment was shown at all.
    pub(super) shown: bool,
    /// Why it failed, once it was shown that it did; empty where ECS has no words for it.
    pub(super) failure: Option<String>,
    /// The deployment that ECS was seen to go back to.
    pub(super) back: Option<String>,
    /// Reads in a row without the service.
    missing: u32,
    /// Reads in a row without the deployment.
    absent: u32,
    /// Reads in a row in which nothing is to serve.
    headless: u32,
    /// Reads in a row that show it failed and still to serve.
    pub(super) failed: u32,
    /// Reads in a row that show a settled service without a state.
    pub(super) settled: u32,
    /// Reads in a row that show an end that is not whole.
    pub(super) unclean: u32,
    /// Reads in a row in which the circuit breaker should have tripped and has not.
    pub(super) tripped: u32,
}

impl Watch {
    /// Follows `watched` by `rules`.
    pub fn new(watched: Watched, rules: Rules) -> Self {
        Self { watched, rules, seen: Seen::default() }
    }

    /// What is followed.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// What one more read means.
    pub fn observe(&mut self, observation: Observation<'_>) -> Rollout {
        let Some(service) = observation.service else {
            self.seen.missing += 1;
            if self.seen.missing <= self.rules.stale_reads {
                return waiting("ECS does not show the service");
            }
            return gone("the service is not there any more");
        };
        self.seen.missing = 0;
        match service.status {
            Some(ServiceStatus::Draining) => return gone("the service is being deleted"),
            Some(ServiceStatus::Inactive) => return gone("the service was deleted"),
            Some(ServiceStatus::Active | ServiceStatus::Unknown) | None => {}
        }
        self.learn(service);
        let told = observation.service_deployment.filter(|told| self.watched.may_be(told));
        let said = self.of_service(service, told, observation.elapsed);
        match told {
            Some(told) => verdict::with_service_deployment(self, said, told, service),
            None => said,
        }
    }

    /// Keeps what the deployment shows of itself: it may vanish.
    fn learn(&mut self, service: &Service) {
        let Some(ours) = service.deployment(&self.watched.deployment) else {
            self.seen.absent += 1;
            return;
        };
        self.seen.absent = 0;
        self.seen.shown = true;
        self.watched.created_at = self.watched.created_at.or(ours.created_at);
        if self.watched.task_definition.is_empty() {
            self.watched.task_definition.clone_from(&ours.task_definition);
        }
        if ours.rollout_state == Some(RolloutState::Failed) {
            self.learn_failure(ours);
        }
    }

    /// Keeps why it failed. The first words are about that; later ones are about the way back.
    pub(super) fn learn_failure(&mut self, deployment: &Deployment) {
        if self.seen.failure.as_deref().is_none_or(str::is_empty) {
            self.seen.failure = Some(verdict::words_of(deployment).unwrap_or_default());
        }
    }

    fn of_service(
        &mut self,
        service: &Service,
        told: Option<&ServiceDeployment>,
        elapsed: Duration,
    ) -> Rollout {
        let ours = service.deployment(&self.watched.deployment);
        if let Some(ours) = ours.filter(|ours| ours.status == Some(DeploymentStatus::Primary)) {
            self.seen.headless = 0;
            return verdict::of_primary(self, ours, service, told);
        }
        let Some(primary) = service.primary() else {
            self.seen.headless += 1;
            if self.seen.headless <= self.rules.stale_reads {
                return waiting("ECS shows no deployment that is to serve");
            }
            return gone("the service has no deployment that is to serve");
        };
        self.seen.headless = 0;
        if ours.is_none() && !self.watched.began_before(primary) && self.may_be_stale(elapsed) {
            return waiting(&format!("ECS does not show deployment {} yet", self.watched.deployment));
        }
        verdict::of_another(self, primary, service, told)
    }

    /// Whether a read without the deployment may be of a time before it. What was seen to fail is expected to vanish.
    fn may_be_stale(&self, elapsed: Duration) -> bool {
        let expected = self.seen.failure.is_some() || self.seen.back.is_some();
        !expected && (self.seen.absent <= self.rules.stale_reads || elapsed < self.rules.stale_for)
    }
}

impl Counts {
    pub(super) fn of(deployment: &Deployment, service: &Service) -> Self {
        let others = service.deployments.iter().filter(|other| other.id != deployment.id);
        Self {
            desired: deployment.desired_count,
            running: deployment.running_count,
            pending: deployment.pending_count,
            failed: deployment.failed_tasks,
            others: others.map(|other| other.running_count.max(0) + other.pending_count.max(0)).sum(),
        }
    }
}

fn waiting(message: &str) -> Rollout {
    Rollout::InProgress { message: message.to_owned(), counts: Counts::default() }
}

fn gone(reason: &str) -> Rollout {
    Rollout::Gone { reason: reason.to_owned() }
}
