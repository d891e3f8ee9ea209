//! What is told and kept: events and secrets.

use std::fs;
use std::path::Path;

use haute_core::event::{Event, EventSink as _, Phase, RecordingSink};
use haute_core::plan::Goal;
use haute_core::target::{Fault, Faults};

use super::{Found, ensure};
use crate::session::words;
use crate::{Fixture, Session};

pub(super) async fn c14_events_are_well_formed(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    let recorded = session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let planned: Vec<String> = recorded
        .record
        .plan
        .map(|plan| plan.steps.into_iter().map(|step| step.id).collect())
        .unwrap_or_default();
    let asks = session.target.info().capabilities.serves_http;
    let told = well_formed(&session.events, asks)?;
    ensure(told == planned, || format!("the steps told are {told:?}, those planned {planned:?}"))?;
    let faults = Faults::new();
    Session::with_faults(fixture, faults.clone()).deploy(fixture, 2).await.map_err(|e| words(&e))?;
    let first_change = faults.calls().iter().position(|call| *call == "apply_step").unwrap_or_default() + 1;
    let failing = Faults::new().at(first_change, Fault::Fail(haute_core::error::Retry::Never));
    let session = Session::with_faults(fixture, failing);
    ensure(session.deploy(fixture, 1).await.is_err(), || {
        "a failing step did not fail the deploy".to_owned()
    })?;
    well_formed(&session.events, asks).map(|_| ())
}

/// The steps told, in order, if what starts ends once and nothing overlaps; `asks`: what serves is asked for its prices.
fn well_formed(events: &RecordingSink, asks: bool) -> Result<Vec<String>, String> {
    let (mut phase, mut step, mut steps) = (None::<Phase>, None::<String>, Vec::new());
    // Steps that wait for the verification come when it is over, and in no phase.
    let mut verified = false;
    for event in events.events() {
        let text = format!("{event:?}");
        let fits = match event {
            Event::PhaseStarted { phase: new } => phase.replace(new).is_none() && step.is_none(),
            Event::PhaseFinished { phase: end, .. } | Event::PhaseFailed { phase: end, .. } => {
                // Where nobody is asked, there is no verification to wait for.
                verified |= end == Phase::Verify || (!asks && end == Phase::Apply);
                phase.take() == Some(end) && step.is_none()
            }
            Event::StepStarted { step: new, .. } => {
                steps.push(new.clone());
                let turn = phase == Some(Phase::Apply) || (verified && phase.is_none());
                turn && step.replace(new).is_none()
            }
            Event::StepFinished { step: end, .. } | Event::StepFailed { step: end, .. } => {
                step.take() == Some(end)
            }
            Event::StepWaiting { step: now, .. } | Event::StepRetried { step: now, .. } => {
                step.as_ref() == Some(&now)
            }
            _ => true,
        };
        ensure(fits, || format!("{text} comes out of turn"))?;
    }
    ensure(phase.is_none() && step.is_none(), || format!("{phase:?} {step:?} never ended"))?;
    Ok(steps)
}

pub(super) async fn c15_no_secret_leaks(fixture: &dyn Fixture) -> Found {
    let Some(secret) = fixture.secret() else { return Ok(()) };
    let session = Session::new(fixture);
    let (target, context) = (session.target.as_ref(), &session.context);
    let release = fixture.release(1);
    let plan =
        session.engine.plan(target, context, &Goal::Deploy, Some(&release)).await.map_err(|e| words(&e))?;
    session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let faults = Faults::new().at(4, Fault::Fail(haute_core::error::Retry::Never));
    let failing = Session::with_faults(fixture, faults);
    let error = failing.deploy(fixture, 2).await.err().map(|error| format!("{error:?}")).unwrap_or_default();
    session.events.emit(&Event::Warning { message: error, help: None });
    let status = target.status(context).await.map_err(|e| words(&e))?;
    let events = (session.events.events(), failing.events.events());
    let shown = format!("{plan:?} {status:?} {events:?} {:?}", target.info());
    ensure(!shown.contains(&secret), || "it is in what is shown".to_owned())?;
    for place in ["journal", "records", "proofs", "locks"] {
        search(&session.engine.store().root().join(place), &secret)?;
    }
    Ok(())
}

fn search(directory: &Path, secret: &str) -> Found {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            search(&path, secret)?;
        } else {
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            ensure(!found, || format!("it is in `{}`", path.display()))?;
        }
    }
    Ok(())
}
