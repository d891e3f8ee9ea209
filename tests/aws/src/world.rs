//! Everything there is in the fake's part of AWS, and its time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::ecr::Repository;
use crate::ecs::definitions::TaskDefinition;
use crate::logs::Logs;
use crate::names::{Identifiers, Names};
use crate::rollout::{Behaviour, Script, Service, step};

/// The state of the fake. A clone of it is what a stale read is answered from.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) ground: Ground,
    pub(crate) clusters: BTreeSet<String>,
    /// By cluster and name.
    pub(crate) services: BTreeMap<(String, String), Service>,
    pub(crate) target_groups: BTreeMap<String, Value>,
    /// Load balancers, and the listeners of each, by its ARN.
    pub(crate) balancers: BTreeMap<String, Value>,
    pub(crate) listeners: BTreeMap<String, Value>,
    /// Until when the keys are good that were handed out for roles.
    pub(crate) sessions: BTreeMap<String, Duration>,
    /// By role: the service it trusts.
    pub(crate) roles: BTreeMap<String, String>,
}

/// What the services of a world stand on.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) names: Names,
    /// Since the Unix epoch.
    pub(crate) now: Duration,
    pub(crate) identifiers: Identifiers,
    pub(crate) families: BTreeMap<String, Vec<TaskDefinition>>,
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) registry: String,
    pub(crate) logs: Logs,
    pub(crate) scripts: Vec<(Script, Behaviour)>,
    pub(crate) timings: Timings,
    /// How long a token of the registry is good for.
    pub(crate) token_life: Duration,
    /// Whether there is an engine to run tasks.
    pub(crate) engine: bool,
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// From a task's launch until it runs.
    pub start: Duration,
    /// From there until it is healthy.
    pub healthy: Duration,
    /// From a task's being told to stop until it has stopped.
    pub stop: Duration,
    /// From a failed task to the next one.
    pub pause: Duration,
}

impl Timings {
    /// A task runs after five seconds, is healthy ten later, takes five to stop, and is replaced two after it failed.
    pub fn usual() -> Self {
        let seconds = Duration::from_secs;
        Self { start: seconds(5), healthy: seconds(10), stop: seconds(5), pause: seconds(2) }
    }

    /// Everything as soon as the clock moves.
    pub fn quick() -> Self {
        let none = Duration::ZERO;
        Self { start: none, healthy: none, stop: none, pause: none }
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self::usual()
    }
}

impl World {
    /// Lets time go on to `until`, in steps of a second.
    pub(crate) fn run_until(&mut self, until: Duration) {
        while self.ground.now < until {
            self.ground.now = until.min(self.ground.now + Duration::from_secs(1));
            self.settle();
        }
    }

    /// Lets happen what is due.
    pub(crate) fn settle(&mut self) {
        let keys: Vec<_> = self.services.keys().cloned().collect();
        for key in keys {
            if let Some(mut service) = self.services.remove(&key)
                && step::step(&mut service, &mut self.ground)
            {
                self.services.insert(key, service);
            }
        }
    }
}
