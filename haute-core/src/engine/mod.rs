//! The engine: order, journal, retries, waiting, cancellation, resume and events of a deployment.
//!
//! A target says what would change and makes one change at a time; everything between is here, once. A program may use
//! [`Engine::deploy`], or go step by step with [`Engine::plan`], [`Engine::apply`] and [`Engine::verify`] and put what
//! it likes between them.

mod apply;
mod call;
mod clock;
mod lock;
mod policy;
mod recover;
mod run;
mod verify;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use apply::Applied;
pub use clock::{Clock, SystemClock, VirtualClock};
pub use policy::{OnFailure, Policy};
pub use run::Run;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Phase};
use crate::journal::{Journal, Pending};
use crate::plan::{Goal, Plan};
use crate::record;
use crate::store::Store;
use crate::target::{Context, DeployTarget, PlanRequest, ProvenRelease, TargetInfo};

/// Carries out deployments of one project.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    policy: Policy,
    clock: Arc<dyn Clock>,
    who: String,
}

impl Engine {
    /// An engine for the project at `project_root`, with the default policy and the clock of this machine.
    pub fn new(project_root: &Path) -> Self {
        Self {
            store: Store::new(project_root),
            policy: Policy::default(),
            clock: Arc::new(SystemClock::new()),
            who: "an unnamed user".to_owned(),
        }
    }

    /// Sets how patient it is and what it does on failure.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the clock, so that tests run in virtual time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the name others are shown while an [`apply`](Self::apply) holds the lock.
    #[must_use]
    pub fn with_who(mut self, who: impl Into<String>) -> Self {
        self.who = who.into();
        self
    }

    /// Where records, journals, locks and proofs of the project are kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock it runs on.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Asks `target` what it would change to reach `goal`. [`Goal::Rollback`] without a release becomes a rollback to the
    /// last verified release before the one that serves, where the records know one.
    ///
    /// Cancel-safe: it reads only.
    ///
    /// # Errors
    /// What the target reports after retries, [`ErrorKind::Unsupported`] when it cannot do what is asked,
    /// [`ErrorKind::Cancelled`].
    pub async fn plan(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        goal: &Goal,
        release: Option<&ProvenRelease>,
    ) -> Result<Plan> {
        self.phase(context, Phase::Plan, async {
            let plan = self.plan_quietly(target, context, goal, release).await?;
            let summary = match plan.steps.len() {
                0 => "nothing to change".to_owned(),
                1 => "1 step".to_owned(),
                count => format!("{count} steps"),
            };
            Ok((plan, summary))
        })
        .await
    }

    /// The deployment of a target's address that was cut off, when there is one: running the same goal again resumes it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn pending(&self, info: &TargetInfo) -> Result<Option<Pending>> {
        Journal::pending(&self.store, info.name, &info.address)
    }

    async fn plan_quietly(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        goal: &Goal,
        release: Option<&ProvenRelease>,
    ) -> Result<Plan> {
        let info = target.info();
        require(&info, goal, release)?;
        let resolved = match goal {
            Goal::Rollback { to: None } => self.rollback_goal(target, context, &info).await?,
            other => other.clone(),
        };
        let release = release.filter(|_| resolved.needs_release());
        self.call(context, None, || target.plan(context, PlanRequest::new(&resolved, release))).await
    }

    /// The last verified release before the one that serves. Where the records know none, the target is asked to find it.
    async fn rollback_goal(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        info: &TargetInfo,
    ) -> Result<Goal> {
        let serving = self.call(context, None, || target.status(context)).await?.release;
        let earlier = record::find_verified(&self.store, info.name, &info.address, |record| {
            record.release.is_some() && record.release != serving
        })?;
        Ok(Goal::Rollback { to: earlier.and_then(|one| one.record.release) })
    }

    /// Runs a phase between its two events.
    async fn phase<T>(
        &self,
        context: &Context,
        phase: Phase,
        work: impl Future<Output = Result<(T, String)>> + Send,
    ) -> Result<T> {
        context.events.emit(&Event::PhaseStarted { phase });
        let started = self.clock.elapsed();
        let result = work.await;
        let milliseconds = lock::milliseconds(self.clock.elapsed().saturating_sub(started));
        match result {
            Ok((value, summary)) => {
                context.events.emit(&Event::PhaseFinished { phase, summary, milliseconds });
                Ok(value)
            }
            Err(error) => {
                let (text, kind) = (error.to_string(), error.kind());
                context.events.emit(&Event::PhaseFailed { phase, error: text, kind, milliseconds });
                Err(error)
            }
        }
    }

    /// Waits, unless the caller cancels.
    async fn sleep(&self, context: &Context, duration: Duration) -> Result<()> {
        tokio::select! {
            biased;
            () = context.cancelled.cancelled() => Err(cancelled()),
            () = self.clock.sleep(duration) => Ok(()),
        }
    }
}

/// What a goal needs of a target and of the request.
fn require(info: &TargetInfo, goal: &Goal, release: Option<&ProvenRelease>) -> Result<()> {
    let unsupported = |what: &str| {
        Err(Error::new(ErrorKind::Unsupported, format!("the target `{}` cannot {what}", info.name)))
    };
    match goal {
        goal if goal.needs_release() && release.is_none() => {
            Err(Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof"))
        }
        Goal::Canary { percent: 0 | 100.. } => {
            Err(Error::new(ErrorKind::InvalidInput, "a canary's share is 1 to 99 percent"))
        }
        Goal::Canary { .. } | Goal::Promote | Goal::Abort if !info.capabilities.canary => {
            unsupported("serve a release to a share of the callers")
        }
        Goal::Rollback { .. } if !info.capabilities.rollback => unsupported("go back to an earlier release"),
        Goal::Remove if !info.capabilities.remove => unsupported("be taken down"),
        _ => Ok(()),
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped on request")
        .with_hint("run the same command again to go on from here")
}
