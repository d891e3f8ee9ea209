//! Faults at every call, kills at every call, cancellation at every step.
//!
//! One world per check: each round wants the other release, so each has something to do, and starts from what the
//! rounds before left behind.

use haute_core::error::{ErrorKind, Retry};
use haute_core::event::{Event, EventSink};
use haute_core::target::{Cancellation, Fault, Faults};

use super::{Found, ensure};
use crate::session::{is_live, origin, words};
use crate::{Fixture, Session};

/// How many calls a deploy may make before a check gives up counting.
const MOST_CALLS: usize = 200;

pub(super) async fn c07_every_failing_call(fixture: &dyn Fixture) -> Found {
    fail_everywhere(fixture, Fault::Fail(Retry::Soon), Fault::Fail(Retry::Never)).await
}

pub(super) async fn c08_every_call_failing_after_its_effect(fixture: &dyn Fixture) -> Found {
    fail_everywhere(fixture, Fault::FailAfter(Retry::Soon), Fault::FailAfter(Retry::Never)).await
}

async fn fail_everywhere(fixture: &dyn Fixture, passing: Fault, lasting: Fault) -> Found {
    Session::new(fixture).deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let mut number = 2;
    for call in 1..MOST_CALLS {
        let faults = Faults::new().at(call, passing);
        let session = Session::with_faults(fixture, faults.clone());
        let recorded = session.deploy(fixture, number).await;
        let recorded = recorded.map_err(|e| format!("call {call} failing once ended it: {}", words(&e)))?;
        ensure(is_live(&recorded), || format!("call {call} failing once: {:?}", recorded.record.outcome))?;
        converged(fixture, number).await.map_err(|e| format!("call {call} failing once: {e}"))?;
        number = 3 - number;
        if faults.calls().len() < call {
            return Ok(());
        }
        let faults = Faults::new().at(call, lasting);
        if let Ok(recorded) = Session::with_faults(fixture, faults).deploy(fixture, number).await {
            // A look at the world that fails may be looked at again, in a verification say: then it must be live.
            ensure(is_live(&recorded), || format!("call {call} failed: {:?}", recorded.record.outcome))?;
        }
        converged(fixture, number).await.map_err(|e| format!("call {call} failed for good: {e}"))?;
        number = 3 - number;
    }
    Err(format!("a deploy makes {MOST_CALLS} calls or more"))
}

pub(super) async fn c09_killed_at_every_call(fixture: &dyn Fixture) -> Found {
    Session::new(fixture).deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let mut number = 2;
    for call in 1..MOST_CALLS {
        for fault in [Fault::Die, Fault::DieAfter] {
            let faults = Faults::new().at(call, fault);
            let session = Session::with_faults(fixture, faults.clone());
            let finished = tokio::select! {
                // Polled first, so that a death is not overlooked.
                biased;
                () = faults.death() => None,
                finished = session.deploy(fixture, number) => Some(finished),
            };
            drop(session);
            match finished {
                Some(Ok(recorded)) => {
                    return ensure(is_live(&recorded), || format!("{:?}", recorded.record.outcome));
                }
                Some(Err(error)) => return Err(format!("call {call}: {}", words(&error))),
                None => {}
            }
            converged(fixture, number)
                .await
                .map_err(|e| format!("killed at call {call} ({fault:?}): {e}"))?;
            number = 3 - number;
        }
    }
    Err(format!("a deploy makes {MOST_CALLS} calls or more"))
}

/// Running again reaches the goal: release `number` serves, verified, with no drift and nothing left to resume.
async fn converged(fixture: &dyn Fixture, number: usize) -> Found {
    let session = Session::new(fixture);
    let recorded =
        session.deploy(fixture, number).await.map_err(|e| format!("running again: {}", words(&e)))?;
    ensure(is_live(&recorded), || format!("running again ended `{:?}`", recorded.record.outcome))?;
    let release = fixture.release(number);
    let plan = session
        .engine
        .plan(session.target.as_ref(), &session.context, &haute_core::plan::Goal::Deploy, Some(&release))
        .await
        .map_err(|e| words(&e))?;
    ensure(plan.is_empty(), || format!("there is drift: {:?}", plan.steps))?;
    let pending = session.engine.pending(&session.target.info()).map_err(|e| words(&e))?;
    ensure(pending.is_none(), || format!("the journal leaves something open: {pending:?}"))
}

pub(super) async fn c13_cancelled_at_every_step(fixture: &dyn Fixture) -> Found {
    Session::new(fixture).deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let mut number = 2;
    for nth in 1..MOST_CALLS {
        let session = Session::new(fixture);
        let sink = CancelAt {
            nth,
            seen: std::sync::atomic::AtomicUsize::new(0),
            flag: session.cancellation.clone(),
        };
        let session = session.with_sink(sink);
        match session.deploy(fixture, number).await {
            Ok(recorded) => {
                ensure(is_live(&recorded), || format!("{:?}", recorded.record.outcome))?;
                if !session.cancellation.is_cancelled() {
                    return Ok(());
                }
            }
            Err(error) => {
                ensure(error.kind() == ErrorKind::Cancelled, || {
                    format!("cancelled at event {nth}: {}", words(&error))
                })?;
                ensure(!error.hints().is_empty(), || {
                    "a cancellation says nothing about going on".to_owned()
                })?;
            }
        }
        let fresh = Session::new(fixture);
        let release = fixture.release(number);
        let again = fresh.engine.deploy(fresh.target.as_ref(), &fresh.context, &release, origin()).await;
        let again = again.map_err(|e| format!("after a cancellation at event {nth}: {}", words(&e)))?;
        ensure(is_live(&again), || {
            format!("after a cancellation at event {nth}: {:?}", again.record.outcome)
        })?;
        number = 3 - number;
    }
    Err("a deploy has no end of steps".to_owned())
}

/// Cancels when the `nth` phase or step begins or ends.
struct CancelAt {
    nth: usize,
    seen: std::sync::atomic::AtomicUsize,
    flag: Cancellation,
}

impl EventSink for CancelAt {
    fn emit(&self, event: &Event) {
        let counts = matches!(
            event,
            Event::PhaseStarted { .. }
                | Event::PhaseFinished { .. }
                | Event::StepStarted { .. }
                | Event::StepFinished { .. }
        );
        if counts && self.seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == self.nth {
            self.flag.cancel();
        }
    }
}
