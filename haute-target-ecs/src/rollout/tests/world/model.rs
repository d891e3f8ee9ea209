//! A service of ECS: deployments come, start tasks one per tick, fail, complete, are replaced and taken back.

use jiff::Timestamp;

use crate::model::{Deployment, DeploymentStatus, RolloutState, Service, ServiceStatus};

/// What the tasks of a revision do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quality {
    Good,
    /// The first tasks fail, later ones run.
    Shaky(u8),
    /// No task ever runs.
    Broken,
}

/// What ends a deployment whose tasks keep failing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Breaker {
    Off,
    On,
    WithRollback,
}

/// What somebody, or something, does to the service at a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Nothing,
    /// Somebody deploys a new revision.
    Deploy(Quality),
    /// Somebody deploys the revision of the baseline again.
    DeployBaseline,
    /// Somebody forces a deployment of the same revision.
    Force,
    Scale(i64),
    /// An alarm, or a person, takes the deployment back.
    TakeBack,
    Delete,
}

/// Whether going back makes the earlier deployment the primary again, or begins a new one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Back {
    SameId,
    NewId,
}

/// How this ECS behaves where real ones differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    pub(super) breaker: Breaker,
    /// Whether it tells no state, as behind a Classic Load Balancer. It has no breaker then.
    pub(super) hides_state: bool,
    /// How it goes back.
    pub(super) back: Back,
    /// Whether it calls a deployment completed while tasks of earlier ones drain.
    pub(super) completes_early: bool,
    /// Whether the deployment that failed is taken from the list at once.
    pub(super) forgets_at_once: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rollout {
    pub(super) id: String,
    pub(super) revision: u32,
    /// The image its tasks run, whatever its task definition is called.
    pub(super) image: u32,
    quality: Quality,
    begun: i64,
    primary: bool,
    pub(super) running: i64,
    pending: i64,
    failed: i64,
    failed_ever: u8,
    state: RolloutState,
    reason: &'static str,
}

/// The world at a tick.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    status: ServiceStatus,
    desired: i64,
    pub(super) rollouts: Vec<Rollout>,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) ways: Ways,
    pub(super) now: Moment,
    /// The last deployment that completed: what ECS goes back to.
    completed: Option<Rollout>,
    tick: i64,
    ids: u32,
    revisions: u32,
    /// Whether the tag that moves points elsewhere with every deployment.
    tag_moves: bool,
}

impl World {
    /// A service whose revision 7 runs, or is on its way.
    pub(super) fn new(ways: Ways, desired: i64, baseline_completed: bool, tag_moves: bool) -> Self {
        let mut baseline = Rollout::new("ecs-svc/first", 7, 700, Quality::Good, 0);
        baseline.running = if baseline_completed { desired } else { 0 };
        baseline.state = if baseline_completed { RolloutState::Completed } else { RolloutState::InProgress };
        let completed = baseline_completed.then(|| baseline.clone());
        let now = Moment { status: ServiceStatus::Active, desired, rollouts: vec![baseline] };
        Self { ways, now, completed, tick: 1, ids: 0, revisions: 7, tag_moves }
    }

    /// `UpdateService`: a new revision, or the same one forced; its id.
    pub(super) fn update(&mut self, new_revision: bool, quality: Quality) -> String {
        let revision = if new_revision {
            self.revisions += 1;
            self.revisions
        } else {
            self.primary().map_or(7, |primary| primary.revision)
        };
        self.begin(revision, quality)
    }

    fn begin(&mut self, revision: u32, quality: Quality) -> String {
        self.ids += 1;
        let id = format!("ecs-svc/{}", self.ids);
        let image = if self.tag_moves { revision * 100 + self.ids } else { revision * 100 };
        self.demote();
        self.now.rollouts.insert(0, Rollout::new(&id, revision, image, quality, self.tick));
        id
    }

    /// Time goes on: first what somebody does, then what ECS does.
    pub(super) fn step(&mut self, act: Act) {
        self.tick += 1;
        if self.now.status != ServiceStatus::Active {
            return;
        }
        match act {
            Act::Nothing => {}
            Act::Deploy(quality) => drop(self.update(true, quality)),
            Act::DeployBaseline => drop(self.begin(7, Quality::Good)),
            Act::Force => {
                let quality = self.primary().map_or(Quality::Good, |primary| primary.quality);
                drop(self.update(false, quality));
            }
            Act::Scale(desired) => self.now.desired = desired,
            Act::TakeBack => {
                // Where there is nothing to go back to, and no alarm that could fail it, taking back is no call.
                let possible = self.completed.is_some() || !self.ways.hides_state;
                if possible && self.primary().is_some_and(|primary| primary.state == RolloutState::InProgress)
                {
                    self.fail("ECS deployment failed: alarm detected.");
                    self.go_back();
                }
            }
            Act::Delete => {
                self.now.status = ServiceStatus::Draining;
                return;
            }
        }
        self.drain();
        self.advance();
    }

    fn advance(&mut self) {
        let (desired, ways) = (self.now.desired, self.ways);
        let others: i64 =
            self.now.rollouts.iter().filter(|other| !other.primary).map(|other| other.running).sum();
        let Some(primary) = self.now.rollouts.iter_mut().find(|rollout| rollout.primary) else { return };
        if primary.state == RolloutState::Failed {
            if ways.breaker == Breaker::WithRollback {
                self.go_back();
            }
            return;
        }
        primary.running = primary.running.min(desired);
        if primary.running < desired {
            primary.start();
        } else {
            primary.pending = 0;
        }
        let threshold = (desired / 2 + desired % 2).clamp(3, 200);
        if primary.state == RolloutState::InProgress
            && ways.breaker != Breaker::Off
            && primary.failed >= threshold
        {
            self.fail("ECS deployment circuit breaker: tasks failed to start.");
            return;
        }
        let done =
            primary.running == desired && primary.pending == 0 && (others == 0 || ways.completes_early);
        if done && primary.state == RolloutState::InProgress {
            primary.state = RolloutState::Completed;
            self.completed = Some(primary.clone());
        }
    }

    /// Tasks of what was replaced stop, one per tick, as far as enough tasks are left.
    fn drain(&mut self) {
        let running: i64 = self.now.rollouts.iter().map(|rollout| rollout.running).sum();
        let desired = self.now.desired;
        let forgets = self.ways.forgets_at_once;
        let mut spare = running - desired;
        for rollout in self.now.rollouts.iter_mut().filter(|rollout| !rollout.primary) {
            rollout.pending = 0;
            if (spare > 0 || rollout.state == RolloutState::Failed) && rollout.running > 0 {
                rollout.running -= 1;
                spare -= 1;
            }
        }
        self.now.rollouts.retain(|rollout| {
            rollout.primary
                || rollout.running > 0
                || (rollout.state == RolloutState::Failed && !forgets && rollout.linger())
        });
    }

    fn fail(&mut self, reason: &'static str) {
        if let Some(primary) = self.now.rollouts.iter_mut().find(|rollout| rollout.primary) {
            primary.state = RolloutState::Failed;
            primary.reason = reason;
            primary.pending = 0;
        }
    }

    fn go_back(&mut self) {
        let Some(target) = self.completed.clone() else { return };
        let listed = self.now.rollouts.iter().position(|rollout| rollout.id == target.id && !rollout.primary);
        self.demote();
        let reason = "ECS deployment circuit breaker: rolling back to an earlier deployment.";
        if let Some(at) = listed.filter(|_| self.ways.back == Back::SameId) {
            let again = self.now.rollouts.get_mut(at).expect("it is listed");
            again.primary = true;
            again.state = RolloutState::InProgress;
            again.reason = reason;
        } else {
            self.ids += 1;
            let id = format!("ecs-svc/{}", self.ids);
            let mut again = Rollout::new(&id, target.revision, target.image, target.quality, self.tick);
            again.reason = reason;
            self.now.rollouts.insert(0, again);
        }
    }

    fn demote(&mut self) {
        self.now.rollouts.iter_mut().for_each(|rollout| rollout.primary = false);
    }

    fn primary(&self) -> Option<&Rollout> {
        self.now.rollouts.iter().find(|rollout| rollout.primary)
    }

    /// What `DescribeServices` answers at a moment.
    pub(super) fn describe(&self, moment: &Moment) -> Service {
        let mut service = Service {
            status: Some(moment.status),
            desired_count: moment.desired,
            deployments: moment
                .rollouts
                .iter()
                .map(|rollout| rollout.describe(moment.desired, self.ways.hides_state))
                .collect(),
            ..Service::default()
        };
        service.task_definition =
            service.primary().map(|primary| primary.task_definition.clone()).unwrap_or_default();
        let breaker = &mut service.deployment_configuration.circuit_breaker;
        breaker.enable = self.ways.breaker != Breaker::Off;
        breaker.rollback = self.ways.breaker == Breaker::WithRollback;
        service
    }
}

impl Moment {
    /// The images that answer.
    pub(super) fn images(&self) -> Vec<u32> {
        self.rollouts.iter().filter(|rollout| rollout.running > 0).map(|rollout| rollout.image).collect()
    }

    /// Whether this deployment is done, and nothing else runs.
    pub(super) fn is_done(&self, id: &str) -> bool {
        self.status == ServiceStatus::Active
            && self.rollouts.iter().all(|rollout| {
                if rollout.id == id {
                    let serves = rollout.running > 0 || self.desired == 0;
                    rollout.primary && rollout.state == RolloutState::Completed && serves
                } else {
                    rollout.running == 0
                }
            })
            && self.rollouts.iter().any(|rollout| rollout.id == id)
    }

    pub(super) fn desired(&self) -> i64 {
        self.desired
    }
}

impl Rollout {
    fn new(id: &str, revision: u32, image: u32, quality: Quality, begun: i64) -> Self {
        Self {
            id: id.to_owned(),
            revision,
            image,
            quality,
            begun,
            primary: true,
            running: 0,
            pending: 0,
            failed: 0,
            failed_ever: 0,
            state: RolloutState::InProgress,
            reason: "",
        }
    }

    /// One task is placed, and one tick later it runs or fails.
    fn start(&mut self) {
        if self.pending == 0 {
            self.pending = 1;
            return;
        }
        self.pending = 0;
        let fails = match self.quality {
            Quality::Good => false,
            Quality::Broken => true,
            Quality::Shaky(times) => self.failed_ever < times,
        };
        if fails {
            self.failed += 1;
            self.failed_ever = self.failed_ever.saturating_add(1);
        } else {
            self.failed = 0;
            self.running += 1;
        }
    }

    /// A failed deployment is shown until the next completes; here: as long as it has a reason to be.
    fn linger(&self) -> bool {
        !self.reason.is_empty()
    }

    fn describe(&self, desired: i64, hides_state: bool) -> Deployment {
        Deployment {
            id: self.id.clone(),
            status: Some(if self.primary { DeploymentStatus::Primary } else { DeploymentStatus::Active }),
            task_definition: format!(
                "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:{}",
                self.revision
            ),
            desired_count: if self.primary { desired } else { self.running },
            pending_count: self.pending,
            running_count: self.running,
            failed_tasks: self.failed,
            created_at: Timestamp::from_second(1_790_000_000 + self.begun * 10).ok(),
            rollout_state: (!hides_state).then_some(self.state),
            rollout_state_reason: (!hides_state && !self.reason.is_empty()).then(|| self.reason.to_owned()),
            ..Deployment::default()
        }
    }
}
