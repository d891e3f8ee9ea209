//! Rollback, removal, capabilities, and two at once.

use haute_core::error::ErrorKind;
use haute_core::plan::Goal;
use haute_core::record::Outcome;

use super::{Found, ensure};
use crate::session::words;
use crate::{Fixture, Session};

pub(super) async fn c11_rollback_restores(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    if !session.target.info().capabilities.rollback {
        return Ok(());
    }
    session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
    session.deploy(fixture, 2).await.map_err(|e| words(&e))?;
    let back = session.rollback().await.map_err(|e| words(&e))?;
    ensure(back.record.outcome == Outcome::RolledBack, || format!("{:?}", back.record.outcome))?;
    let asked = back.record.is_verified() || !session.target.info().capabilities.serves_http;
    ensure(asked, || "the rollback verified nothing".to_owned())?;
    let one = fixture.release(1);
    let serving = session.serving().await.map_err(|e| words(&e))?;
    ensure(serving.as_ref() == Some(one.release.digest()), || format!("{serving:?} serves"))?;
    let plan = session
        .engine
        .plan(session.target.as_ref(), &session.context, &Goal::Deploy, Some(&one))
        .await
        .map_err(|e| words(&e))?;
    ensure(plan.is_empty(), || format!("there is drift: {:?}", plan.steps))?;
    session.confirm(&one).await.map_err(|e| words(&e))
}

pub(super) async fn c12_remove_is_idempotent(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    if !session.target.info().capabilities.remove {
        return Ok(());
    }
    session.remove().await.map_err(|e| format!("removing nothing: {}", words(&e)))?;
    session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let removed = session.remove().await.map_err(|e| words(&e))?;
    ensure(removed.record.outcome == Outcome::Removed, || format!("{:?}", removed.record.outcome))?;
    let serving = session.serving().await.map_err(|e| words(&e))?;
    ensure(serving.is_none(), || format!("{serving:?} serves after the removal"))?;
    let before = fixture.world().await;
    session.remove().await.map_err(|e| format!("removing again: {}", words(&e)))?;
    let after = fixture.world().await;
    ensure(before == after, || format!("removing again changed the world\nfrom {before}\nto   {after}"))?;
    session.deploy(fixture, 2).await.map_err(|e| format!("deploying after a removal: {}", words(&e)))?;
    Ok(())
}

pub(super) async fn c17_capabilities_tell_the_truth(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    let (target, context) = (session.target.as_ref(), &session.context);
    let can = target.info().capabilities;
    let deployed = session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
    let status = target.status(context).await.map_err(|e| words(&e))?;
    let service = target.service(&status).map_err(|e| words(&e))?;
    ensure(service.is_some() == can.serves_http, || "`serves_http` is not what `service` gives".to_owned())?;
    ensure(deployed.record.url.is_some() == can.serves_http, || {
        format!("the record's URL: {:?}", deployed.record.url)
    })?;
    session.deploy(fixture, 2).await.map_err(|e| words(&e))?;
    let back = Goal::Rollback { to: deployed.record.release };
    for (goal, can) in [(back, can.rollback), (Goal::Remove, can.remove)] {
        match session.engine.plan(target, context, &goal, None).await {
            Ok(plan) => {
                ensure(can && !plan.is_empty(), || format!("{goal:?} is planned against the capabilities"))?;
            }
            Err(error) => ensure(!can && error.kind() == ErrorKind::Unsupported, || words(&error))?,
        }
    }
    Ok(())
}

pub(super) async fn c18_one_deployment_at_a_time(fixture: &dyn Fixture) -> Found {
    let (one, two) = (Session::new(fixture), Session::new(fixture));
    let (first, second) = tokio::join!(one.deploy(fixture, 1), two.deploy(fixture, 2));
    let mut last = None;
    for (number, result) in [(1, first), (2, second)] {
        match result {
            Ok(recorded) => {
                let when = (recorded.record.finished, number);
                last = last.max(Some(when));
            }
            Err(error) => ensure(error.kind() == ErrorKind::Conflict, || words(&error))?,
        }
    }
    let (_, number) = last.ok_or_else(|| "both were turned away".to_owned())?;
    let release = fixture.release(number);
    let confirmed = one.confirm(&release).await;
    confirmed.map_err(|e| format!("the later one does not serve: {}", words(&e)))
}
