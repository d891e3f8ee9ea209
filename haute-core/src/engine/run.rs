//! A whole deployment: plan, apply, verify, record.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::apply::{leaves_open, short};
use super::lock::milliseconds;
use super::{Applied, Engine, cancelled};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Phase;
use crate::plan::{Goal, Plan};
use crate::proof::Proof;
use crate::record::{
    ErrorRecord, Origin, Outcome, PremiumChange, ProofSummary, RECORD_SCHEMA, Record, Recorded,
    last_verified, premium_changes,
};
use crate::report::FailureReport;
use crate::target::{Context, DeployTarget, Deployment, ProvenRelease};
use crate::verify::Verification;

/// What is asked of [`Engine::run`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run<'a> {
    /// What is wanted.
    pub goal: Goal,
    /// The release to deploy, with its proof.
    pub release: Option<&'a ProvenRelease>,
    /// A plan that was shown or approved before; `None` plans now.
    pub plan: Option<&'a Plan>,
    /// Who asks, from which state of the project.
    pub origin: Origin,
    /// How long earlier phases took, for the record.
    pub timings: BTreeMap<Phase, u64>,
}

impl<'a> Run<'a> {
    /// Deploys `release`.
    pub fn deploy(release: &'a ProvenRelease, origin: Origin) -> Self {
        Self { release: Some(release), ..Self::new(Goal::Deploy, origin) }
    }

    /// Goes back to `to`, or to the last verified release before the one that serves.
    pub fn rollback(to: Option<Digest>, origin: Origin) -> Self {
        Self::new(Goal::Rollback { to }, origin)
    }

    /// Takes down what serves.
    pub fn remove(origin: Origin) -> Self {
        Self::new(Goal::Remove, origin)
    }

    /// Serves `release` to a share of the traffic, 1 to 99 percent, beside what serves.
    pub fn canary(release: &'a ProvenRelease, percent: u8, origin: Origin) -> Self {
        Self { release: Some(release), ..Self::new(Goal::Canary { percent }, origin) }
    }

    /// Lets the canary serve everything.
    pub fn promote(origin: Origin) -> Self {
        Self::new(Goal::Promote, origin)
    }

    /// Takes the canary away.
    pub fn abort(origin: Origin) -> Self {
        Self::new(Goal::Abort, origin)
    }

    fn new(goal: Goal, origin: Origin) -> Self {
        Self { goal, release: None, plan: None, origin, timings: BTreeMap::new() }
    }

    /// Applies this plan instead of planning now.
    #[must_use]
    pub fn with_plan(mut self, plan: &'a Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Adds how long earlier phases took, in milliseconds.
    #[must_use]
    pub fn with_timings(mut self, timings: BTreeMap<Phase, u64>) -> Self {
        self.timings = timings;
        self
    }
}

/// What is known while a run goes on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) plan: Option<Plan>,
    pub(super) applied: Applied,
    pub(super) proof: Option<Proof>,
    pub(super) verification: Option<Verification>,
    pub(super) deployment: Deployment,
    pub(super) timings: BTreeMap<Phase, u64>,
    pub(super) report: Option<FailureReport>,
}

impl Engine {
    /// Deploys `release`: [`run`](Self::run) with [`Goal::Deploy`].
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub async fn deploy(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        release: &ProvenRelease,
        origin: Origin,
    ) -> Result<Recorded> {
        self.run(target, context, Run::deploy(release, origin)).await
    }

    /// Goes back to an earlier release: [`run`](Self::run) with [`Goal::Rollback`].
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub async fn rollback(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        to: Option<Digest>,
        origin: Origin,
    ) -> Result<Recorded> {
        self.run(target, context, Run::rollback(to, origin)).await
    }

    /// Takes down what serves: [`run`](Self::run) with [`Goal::Remove`].
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub async fn remove(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        origin: Origin,
    ) -> Result<Recorded> {
        self.run(target, context, Run::remove(origin)).await
    }

    /// Plans, applies, verifies and records, all under the lock of the address. What fails is recorded too, and where
    /// the policy says so, what served before is brought back.
    ///
    /// Dropping the future is like a kill: running the same again resumes. Raising the context's
    /// [`Cancellation`](crate::target::Cancellation) finishes the running call, journals and records.
    ///
    /// # Errors
    /// [`ErrorKind::DeploymentFailed`] when what served before serves (or nothing does, where nothing did);
    /// [`ErrorKind::RollbackUnconfirmed`] when that could not be confirmed; [`ErrorKind::VerificationFailed`] when what
    /// serves is not what was proven and nothing was rolled back; [`ErrorKind::Cancelled`]; [`ErrorKind::Conflict`] and
    /// [`ErrorKind::StalePlan`] before anything is changed; what the target reports where nothing was changed.
    /// The context of an error names the record.
    pub async fn run(&self, target: &dyn DeployTarget, context: &Context, run: Run<'_>) -> Result<Recorded> {
        let info = target.info();
        let _lock = self.lock(context, &info, &run.origin.who()).await?;
        let started = self.clock.now();
        if let Some(release) = run.release {
            self.store.save_proof(&release.proof)?;
        }
        let mut progress = Progress { timings: run.timings.clone(), ..Progress::default() };
        let ended = match self.attempt(target, context, &run, &mut progress).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err(self.recover(target, context, &run, &mut progress, error).await),
        };
        let record = self.record(target, &run, started, &progress, &ended)?;
        let written = Recorded::write(&self.store, record);
        match (ended, written) {
            (Ok(_), written) => written,
            (Err((_, error)), Ok(written)) => Err(error.with_context("record", written.id)),
            // What went wrong with the deployment matters more than what went wrong with its record.
            (Err((_, error)), Err(unwritten)) => {
                Err(error.with_context("record", format!("none, {unwritten}")))
            }
        }
    }

    /// The way down: each phase leaves what it found in `progress`.
    async fn attempt(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        run: &Run<'_>,
        progress: &mut Progress,
    ) -> Result<Outcome> {
        let clock = || self.clock.elapsed();
        let start = clock();
        let (plan, fresh) = if let Some(plan) = run.plan {
            (plan.clone(), None)
        } else {
            let plan = self.plan(target, context, &run.goal, run.release).await?;
            (plan.clone(), Some(plan))
        };
        progress.plan = Some(plan.clone());
        progress.timings.insert(Phase::Plan, milliseconds(clock().saturating_sub(start)));
        let same_goal =
            matches!((&plan.goal, &run.goal), (Goal::Rollback { .. }, Goal::Rollback { to: None }));
        if plan.goal != run.goal && !same_goal {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the plan is for another goal than the one asked for",
            ));
        }

        let start = clock();
        let done = self.apply_locked(target, context, &plan, run.release, fresh, &mut progress.applied).await;
        progress.timings.insert(Phase::Apply, milliseconds(clock().saturating_sub(start)));
        done?;
        if context.cancelled.is_cancelled() {
            return Err(cancelled().with_context("before", "verification"));
        }

        let start = clock();
        let verified = self.confirm(target, context, run, &plan, progress).await;
        progress.timings.insert(Phase::Verify, milliseconds(clock().saturating_sub(start)));
        if let Err(error) = verified {
            if !leaves_open(error.kind()) {
                self.give_up(target, &plan)?;
            }
            return Err(error);
        }
        let start = clock();
        self.conclude_locked(target, context, &plan, run.release, &mut progress.applied).await?;
        if let Some(time) = progress.timings.get_mut(&Phase::Apply) {
            *time += milliseconds(clock().saturating_sub(start));
        }
        Ok(match run.goal {
            Goal::Rollback { .. } => Outcome::RolledBack,
            Goal::Remove => Outcome::Removed,
            Goal::Canary { .. } if progress.applied.changed => Outcome::CanaryServes,
            Goal::Promote => Outcome::Promoted,
            Goal::Abort => Outcome::Aborted,
            Goal::Deploy if progress.applied.changed => Outcome::Deployed,
            Goal::Deploy | Goal::Canary { .. } => Outcome::Unchanged,
        })
    }

    /// Makes sure that the goal is reached: by quotes where something serves, by the target's word where nothing does.
    async fn confirm(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        run: &Run<'_>,
        plan: &Plan,
        progress: &mut Progress,
    ) -> Result<()> {
        let Some(release) = &plan.release else {
            progress.deployment = self.call(context, None, || target.status(context)).await?;
            return match &progress.deployment.release {
                None => Ok(()),
                Some(release) => Err(Error::new(
                    ErrorKind::VerificationFailed,
                    format!("release {} still serves", release.short()),
                )),
            };
        };
        progress.proof = match run.release {
            Some(release) => Some(release.proof.clone()),
            None => self.proof(target, context, release).await?,
        };
        let serves_http = target.info().capabilities.serves_http;
        if serves_http {
            let proof = progress.proof.as_ref().ok_or_else(|| no_proof(release))?;
            let verification = self.verify(target, context, proof).await?;
            progress.verification = Some(verification);
        }
        progress.deployment = self.call(context, None, || target.status(context)).await?;
        match &progress.verification {
            Some(verification) => verification.require(),
            None if progress.deployment.release.as_ref() == Some(release) => Ok(()),
            None => Err(Error::new(
                ErrorKind::VerificationFailed,
                format!(
                    "the target says that {} is in place, not {}",
                    short(progress.deployment.release.as_ref()),
                    release.short()
                ),
            )),
        }
    }

    /// The proof of a release: kept here, or beside the release where it serves.
    pub(super) async fn proof(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        release: &Digest,
    ) -> Result<Option<Proof>> {
        if let Some(proof) = self.store.proof(release)? {
            return Ok(Some(proof));
        }
        let proof = self.call(context, None, || target.proof(context, release)).await?;
        // What comes from elsewhere counts for the release it names, and only when it passed.
        Ok(proof.filter(|proof| &proof.release == release && proof.passed))
    }

    fn record(
        &self,
        target: &dyn DeployTarget,
        run: &Run<'_>,
        started: Timestamp,
        progress: &Progress,
        ended: &Result<Outcome, (Outcome, Error)>,
    ) -> Result<Record> {
        let info = target.info();
        let proof =
            run.release.map(|release| &release.proof).or(progress.proof.as_ref()).map(ProofSummary::of);
        let plan = progress.plan.as_ref();
        Ok(Record {
            schema: RECORD_SCHEMA.to_owned(),
            origin: run.origin.clone(),
            started,
            finished: self.clock.now(),
            target: info.name.to_owned(),
            address: info.address.clone(),
            goal: plan.map_or_else(|| run.goal.clone(), |plan| plan.goal.clone()),
            release: plan
                .and_then(|plan| plan.release.clone())
                .or_else(|| run.release.map(|release| release.release.digest().clone())),
            before: plan.and_then(|plan| plan.serving.clone()),
            serving: progress.deployment.release.clone(),
            url: progress.deployment.url.clone(),
            details: progress.deployment.details.clone(),
            outcome: match ended {
                Ok(outcome) | Err((outcome, _)) => *outcome,
            },
            plan: plan.cloned(),
            plan_digest: plan.map(Plan::digest),
            steps: progress.applied.steps.clone(),
            premium_changes: self.changes(&info.address, info.name, proof.as_ref())?,
            proof,
            verification: progress.verification.clone(),
            report: progress.report.clone(),
            timings: progress.timings.iter().map(|(phase, time)| (name(*phase), *time)).collect(),
            error: ended.as_ref().err().map(|(_, error)| ErrorRecord::of(error)),
        })
    }

    fn changes(
        &self,
        address: &str,
        target: &str,
        proof: Option<&ProofSummary>,
    ) -> Result<Vec<PremiumChange>> {
        let (Some(proof), Some(last)) = (proof, last_verified(&self.store, target, address)?) else {
            return Ok(Vec::new());
        };
        Ok(last.record.proof.map_or_else(Vec::new, |before| premium_changes(&before, proof)))
    }
}

/// The name of a phase, as events spell it.
fn name(phase: Phase) -> String {
    serde_json::to_value(phase).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn no_proof(release: &Digest) -> Error {
    Error::new(
        ErrorKind::VerificationFailed,
        format!("there is no proof of release {} here to hold what serves against", release.short()),
    )
    .with_operation("engine.verify")
    .with_hint("deploy that release again from its commit: that proves it afresh")
}
