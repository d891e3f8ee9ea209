//! Apply: the steps of a plan, one by one, journalled.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::lock::milliseconds;
use super::policy::Backoff;
use super::{Engine, cancelled, require};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::event::{Event, Phase};
use crate::journal::{ApplyEnd, Entry, JOURNAL_SCHEMA, Journal, Pending};
use crate::plan::{PLAN_SCHEMA, Plan, Step};
use crate::record::StepRecord;
use crate::target::{Context, DeployTarget, ProvenRelease, Readiness, StepRequest};

/// What an apply did.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// The steps that were begun, in order.
    pub steps: Vec<StepRecord>,
    /// Whether any change of the world was asked for: by this call, or by the one it resumes.
    pub changed: bool,
    /// Whether it went on where an earlier one was cut off.
    pub resumed: bool,
}

impl Engine {
    /// Applies a plan: takes the lock of the address, makes sure the world is still the one the plan saw, and makes the
    /// changes in order, waiting until the world has caught up with each. Steps that wait for the verification are left
    /// for [`conclude`](Self::conclude).
    ///
    /// After a kill or a cancellation at any point, the same call with the same plan, or with a new plan for the same goal
    /// and release, goes on from there.
    ///
    /// Not cancel-safe in the sense of leaving nothing behind: dropping the future is like a kill, and can be resumed.
    /// Raising the context's [`Cancellation`](crate::target::Cancellation) finishes the running call first.
    ///
    /// # Errors
    /// [`ErrorKind::StalePlan`] when the world has changed; [`ErrorKind::Conflict`] when another deployment is under way;
    /// [`ErrorKind::Cancelled`]; [`ErrorKind::Timeout`] when the world did not catch up in time; what the target reports.
    pub async fn apply(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        plan: &Plan,
        release: Option<&ProvenRelease>,
    ) -> Result<Applied> {
        let _lock = self.lock(context, &target.info(), &self.who).await?;
        let mut applied = Applied::default();
        self.apply_locked(target, context, plan, release, None, &mut applied).await?;
        Ok(applied)
    }

    /// Makes the changes of a plan that wait for the verification, after [`apply`](Self::apply) and a
    /// [`verify`](Self::verify) that passed: `applied` is what the first of them returned. Does nothing for a plan without
    /// such steps.
    ///
    /// Not cancel-safe, in the sense of [`apply`](Self::apply).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn conclude(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        plan: &Plan,
        release: Option<&ProvenRelease>,
        mut applied: Applied,
    ) -> Result<Applied> {
        let _lock = self.lock(context, &target.info(), &self.who).await?;
        self.conclude_locked(target, context, plan, release, &mut applied).await?;
        Ok(applied)
    }

    /// Applies under a lock that is held already. `fresh` is the plan as of now, when the caller has just made it.
    /// `applied` tells what was done also when this fails.
    pub(super) async fn apply_locked(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        plan: &Plan,
        release: Option<&ProvenRelease>,
        fresh: Option<Plan>,
        applied: &mut Applied,
    ) -> Result<()> {
        self.phase(context, Phase::Apply, async {
            let info = target.info();
            fits(plan, info.name, &info.address, release)?;
            require(&info, &plan.goal, release)?;
            let fresh = match fresh {
                Some(fresh) => fresh,
                None => self.plan_quietly(target, context, &plan.goal, release).await?,
            };
            if plan.is_empty()
                && fresh.is_empty()
                && Journal::pending(&self.store, info.name, &info.address)?.is_none()
            {
                return Ok(((), "nothing to change".to_owned()));
            }
            let (journal, pending) = Journal::open(&self.store, info.name, &info.address)?;
            let mut work =
                Work { engine: self, target, context, release, journal, apply: String::new(), pending: None };
            let steps = work.begin(plan, fresh, pending, applied)?;
            let mut count = 0;
            for step in steps.steps.iter().filter(|step| !step.after_verification) {
                work.step(&steps, step, applied).await?;
                count += 1;
            }
            // With steps left for after the verification, the journal stays open: a kill before them is resumed.
            if count == steps.steps.len() {
                work.write(Entry::ApplyFinished { end: ApplyEnd::Done })?;
            }
            Ok(((), if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }))
        })
        .await
    }

    /// The steps of `plan` that wait for the verification. Those an interrupted run had done are in `applied` already.
    pub(super) async fn conclude_locked(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        plan: &Plan,
        release: Option<&ProvenRelease>,
        applied: &mut Applied,
    ) -> Result<()> {
        let done = |step: &Step| applied.steps.iter().any(|one| one.id == step.id && one.done);
        let left: Vec<&Step> =
            plan.steps.iter().filter(|step| step.after_verification && !done(step)).collect();
        let info = target.info();
        let (journal, pending) = Journal::open(&self.store, info.name, &info.address)?;
        let Some(pending) = pending.filter(|pending| pending.is_for(&plan.goal, plan.release.as_ref()))
        else {
            return Ok(());
        };
        let apply = pending.apply.clone();
        let mut work =
            Work { engine: self, target, context, release, journal, apply, pending: Some(pending) };
        for step in left {
            work.step(plan, step, applied).await?;
        }
        work.write(Entry::ApplyFinished { end: ApplyEnd::Done })
    }

    /// Closes the journal of a plan whose verification failed: there is nothing to go on with.
    pub(super) fn give_up(&self, target: &dyn DeployTarget, plan: &Plan) -> Result<()> {
        let info = target.info();
        let (mut journal, pending) = Journal::open(&self.store, info.name, &info.address)?;
        if pending.is_some_and(|pending| pending.is_for(&plan.goal, plan.release.as_ref())) {
            journal.append(self.clock.now(), Entry::ApplyFinished { end: ApplyEnd::Failed })?;
        }
        Ok(())
    }
}

/// An apply at work.
struct Work<'a> {
    engine: &'a Engine,
    target: &'a dyn DeployTarget,
    context: &'a Context,
    release: Option<&'a ProvenRelease>,
    journal: Journal,
    apply: String,
    pending: Option<Pending>,
}

impl Work<'_> {
    /// Decides what is really to be done: all of the plan, or what is left of it.
    fn begin(
        &mut self,
        plan: &Plan,
        fresh: Plan,
        pending: Option<Pending>,
        applied: &mut Applied,
    ) -> Result<Plan> {
        let resumed = pending.filter(|pending| pending.is_for(&plan.goal, plan.release.as_ref()));
        let unchanged = fresh.fingerprint == plan.fingerprint;
        let Some(pending) = resumed else {
            if !unchanged {
                return Err(stale(plan, &fresh));
            }
            // What was cut off on the way to something else is not resumed any more: a new start replaces it.
            self.apply =
                Digest::of(format!("{} {} {}", self.engine.clock.now(), std::process::id(), plan.digest()))
                    .hex()
                    .chars()
                    .take(16)
                    .collect();
            let (apply, plan) = (self.apply.clone(), Box::new(plan.clone()));
            self.write(Entry::ApplyStarted { schema: JOURNAL_SCHEMA.to_owned(), apply, plan })?;
            return Ok(fresh);
        };
        // Our own steps have changed the world since. That is fine as long as nothing else did: what serves is what
        // served then, or already the release we want, and no new kind of step is needed.
        let on_the_way = (fresh.serving == plan.serving || fresh.serving == plan.release)
            && fresh.steps.iter().all(|step| plan.steps.iter().any(|known| known.id == step.id));
        if !unchanged && !on_the_way {
            return Err(stale(plan, &fresh));
        }
        self.apply.clone_from(&pending.apply);
        applied.resumed = true;
        applied.changed = !pending.steps.is_empty();
        for step in &plan.steps {
            let left = fresh.steps.iter().any(|one| one.id == step.id);
            if !left && pending.steps.contains_key(&step.id) {
                self.emit(&Event::StepStarted { step: step.id.clone(), title: step.title.clone() });
                self.emit(&Event::StepFinished { step: step.id.clone(), milliseconds: 0, already: true });
                let mut record = StepRecord::new(&step.id, &step.title);
                record.done = true;
                record.already = true;
                record.outputs =
                    pending.steps.get(&step.id).and_then(|one| one.outputs.clone()).unwrap_or_default();
                applied.steps.push(record);
            }
        }
        self.pending = Some(pending);
        self.write(Entry::ApplyResumed { plan: Box::new(fresh.clone()) })?;
        Ok(fresh)
    }

    /// One step: journal, call, journal, wait, journal.
    async fn step(&mut self, plan: &Plan, step: &Step, applied: &mut Applied) -> Result<()> {
        if self.context.cancelled.is_cancelled() {
            return Err(cancelled().with_context("before step", step.id.clone()));
        }
        let started = self.engine.clock.elapsed();
        let (token, mut outputs) = self.token(step);
        let earlier = outputs_of(applied);
        applied.steps.push(StepRecord::new(&step.id, &step.title));
        applied.changed = true;
        self.write(Entry::StepStarted { step: step.id.clone(), token: token.clone() })?;
        self.emit(&Event::StepStarted { step: step.id.clone(), title: step.title.clone() });
        let known = Known { token: &token, earlier: &earlier, started };
        let result = self.apply_and_wait(plan, step, known, &mut outputs).await;
        let took = milliseconds(self.engine.clock.elapsed().saturating_sub(started));
        if let Some(record) = applied.steps.last_mut() {
            record.milliseconds = took;
            record.done = result.is_ok();
            record.outputs = outputs;
        }
        match result {
            Ok(()) => {
                self.write(Entry::StepFinished { step: step.id.clone() })?;
                self.emit(&Event::StepFinished { step: step.id.clone(), milliseconds: took, already: false });
                Ok(())
            }
            Err(error) => {
                let (text, kind) = (error.to_string(), error.kind());
                let failed = Entry::StepFailed { step: step.id.clone(), error: text.clone(), kind };
                self.emit(&Event::StepFailed { step: step.id.clone(), error: text, kind });
                self.write(failed)?;
                if !leaves_open(kind) {
                    self.write(Entry::ApplyFinished { end: ApplyEnd::Failed })?;
                }
                Err(error.with_context("step", step.id.clone()))
            }
        }
    }

    async fn apply_and_wait(
        &mut self,
        plan: &Plan,
        step: &Step,
        known: Known<'_>,
        outputs: &mut Value,
    ) -> Result<()> {
        let Known { token, earlier, started } = known;
        let (engine, target, context, release) = (self.engine, self.target, self.context, self.release);
        let outcome = {
            let before = outputs.clone();
            let request = StepRequest::new(plan, step, release, token, &before).with_earlier(earlier);
            engine.call(context, Some(&step.id), || target.apply_step(context, request.clone())).await?
        };
        *outputs = outcome.outputs;
        self.write(Entry::StepApplied { step: step.id.clone(), outputs: outputs.clone() })?;
        let deadline = step.deadline_seconds.map_or(engine.policy.step_deadline, Duration::from_secs);
        let request = StepRequest::new(plan, step, release, token, outputs).with_earlier(earlier);
        let mut looks = Backoff::poll(&engine.policy, &target.info());
        let mut retries = Backoff::retry(&engine.policy);
        let mut failures = 0;
        loop {
            let waited = engine.clock.elapsed().saturating_sub(started);
            match target.poll(context, request.clone()).await {
                Ok(Readiness::Ready) => return Ok(()),
                Ok(Readiness::Pending { message }) => {
                    failures = 0;
                    if waited >= deadline {
                        return Err(late(step, deadline, &message));
                    }
                    let milliseconds = milliseconds(waited);
                    self.emit(&Event::StepWaiting { step: step.id.clone(), message, milliseconds });
                    engine.sleep(context, looks.next()).await?;
                }
                Err(error) => {
                    failures += 1;
                    if error.retry() == Retry::Never {
                        return Err(error);
                    }
                    if failures >= engine.policy.attempts || waited >= deadline {
                        let remote = target.info().capabilities.remote;
                        return Err(if remote { lost_sight(step, error) } else { error });
                    }
                    engine.wait_to_retry(context, Some(&step.id), failures, &error, &mut retries).await?;
                }
            }
        }
    }

    /// The token of a step, and what its earlier calls returned. A step that was begun and not finished keeps its token
    /// over a resume; one that was finished and is needed again is a new change, with a token of its own.
    fn token(&self, step: &Step) -> (String, Value) {
        let earlier = self.pending.as_ref().and_then(|pending| pending.steps.get(&step.id));
        match earlier {
            Some(earlier) if !earlier.finished => {
                (earlier.token.clone(), earlier.outputs.clone().unwrap_or_default())
            }
            other => {
                let round = other.map_or(0, |earlier| earlier.rounds);
                let digest = Digest::of(format!("{}/{}/{round}", self.apply, step.id));
                (digest.hex().chars().take(32).collect(), Value::Null)
            }
        }
    }

    fn write(&mut self, entry: Entry) -> Result<()> {
        // Synchronous on purpose: nothing may happen before the line is on disk.
        self.journal.append(self.engine.clock.now(), entry)
    }

    fn emit(&self, event: &Event) {
        self.context.events.emit(event);
    }
}

/// What a call of a step is told beside the step.
#[derive(Clone, Copy)]
struct Known<'a> {
    token: &'a str,
    earlier: &'a BTreeMap<String, Value>,
    started: Duration,
}

/// What each step reported, by its id.
pub(super) fn outputs_of(applied: &Applied) -> BTreeMap<String, Value> {
    applied.steps.iter().map(|step| (step.id.clone(), step.outputs.clone())).collect()
}

/// Whether a failed step may have taken effect, so that a later try has to use the same token.
pub(super) fn leaves_open(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Cancelled
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::Unauthenticated
            // Somebody's approval lets the very same deployment go on.
            | ErrorKind::WaitingForApproval
    )
}

/// Refuses a plan that is of another format, another place or another release.
fn fits(plan: &Plan, target: &str, address: &str, release: Option<&ProvenRelease>) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
    if plan.schema != PLAN_SCHEMA {
        return wrong(format!(
            "the plan is of the form `{}`, this version reads `{PLAN_SCHEMA}`",
            plan.schema
        ));
    }
    if plan.target != target || plan.address != address {
        return wrong(format!(
            "the plan is for `{}` at `{}`, not for `{target}` at `{address}`",
            plan.target, plan.address
        ));
    }
    let given = release.map(|release| release.release.digest());
    if plan.goal.needs_release() && plan.release.as_ref() != given {
        return wrong(format!(
            "the plan is for release {}, not for {}",
            short(plan.release.as_ref()),
            short(given)
        ));
    }
    Ok(())
}

fn stale(plan: &Plan, fresh: &Plan) -> Error {
    let mut error = Error::new(
        ErrorKind::StalePlan,
        "the world has changed since the plan was made; nothing was changed",
    )
    .with_operation("engine.apply")
    .with_hint("plan again, look at what is different, and apply the new plan");
    if plan.serving != fresh.serving {
        error = error
            .with_context("served then", short(plan.serving.as_ref()))
            .with_context("serves now", short(fresh.serving.as_ref()));
    }
    error
}

fn late(step: &Step, deadline: Duration, message: &str) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("step `{}` was not ready after {} s: {message}", step.id, deadline.as_secs()),
    )
    .with_operation("engine.wait")
    .with_hint("run the same command again to go on waiting from here")
}

/// The step took effect beyond this machine, and nobody here sees any more what becomes of it: that it failed would be a guess.
fn lost_sight(step: &Step, error: Error) -> Error {
    let message =
        format!("step `{}` is applied and can no longer be followed; it goes on by itself", step.id);
    let mut lost = Error::new(ErrorKind::Timeout, message)
        .with_operation("engine.wait")
        .with_hint("run the same command again to go on waiting from here");
    for hint in error.hints() {
        lost = lost.with_hint(hint.clone());
    }
    lost.with_source(error)
}

/// A release for people, or `nothing`.
pub(super) fn short(release: Option<&Digest>) -> String {
    release.map_or_else(|| "nothing".to_owned(), |release| release.short().to_owned())
}
