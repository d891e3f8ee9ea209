//! Plans: reading, equality, storage, drift, staleness.

use haute_core::error::ErrorKind;
use haute_core::plan::{Goal, Plan};
use haute_core::record::Outcome;

use super::{Found, ensure};
use crate::session::words;
use crate::{Fixture, Session};

pub(super) async fn c02_reads_only(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    let (target, context) = (session.target.as_ref(), &session.context);
    for round in 0..2 {
        let before = fixture.world().await;
        for number in 1..=2 {
            let release = fixture.release(number);
            session
                .engine
                .plan(target, context, &Goal::Deploy, Some(&release))
                .await
                .map_err(|e| words(&e))?;
        }
        if target.info().capabilities.remove {
            session.engine.plan(target, context, &Goal::Remove, None).await.map_err(|e| words(&e))?;
        }
        target.preflight(context).await.map_err(|e| words(&e))?;
        target.status(context).await.map_err(|e| words(&e))?;
        target.logs(context, 10).await.map_err(|e| words(&e))?;
        ensure(target.validate().is_empty(), || "the fixture's configuration has mistakes".to_owned())?;
        let after = fixture.world().await;
        ensure(before == after, || format!("reading changed the world\nfrom {before}\nto   {after}"))?;
        if round == 0 {
            session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
        }
    }
    Ok(())
}

pub(super) async fn c03_planning_twice_is_equal(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    for round in 0..2 {
        let release = fixture.release(round + 1);
        let mut plans = Vec::new();
        for _ in 0..2 {
            let plan = session
                .engine
                .plan(session.target.as_ref(), &session.context, &Goal::Deploy, Some(&release))
                .await
                .map_err(|e| words(&e))?;
            plans.push(serde_json::to_string_pretty(&plan).map_err(|e| e.to_string())?);
        }
        ensure(plans.first() == plans.last(), || plans.join("\nis not\n"))?;
        if round == 0 {
            session.deploy(fixture, 1).await.map_err(|e| words(&e))?;
        }
    }
    Ok(())
}

pub(super) async fn c04_plan_survives_json(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    let (target, context) = (session.target.as_ref(), &session.context);
    let release = fixture.release(1);
    let plan =
        session.engine.plan(target, context, &Goal::Deploy, Some(&release)).await.map_err(|e| words(&e))?;
    let text = serde_json::to_string(&plan).map_err(|e| e.to_string())?;
    let read: Plan = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    ensure(read == plan && read.digest() == plan.digest(), || {
        "the plan is another after reading".to_owned()
    })?;
    session.engine.apply(target, context, &read, Some(&release)).await.map_err(|e| words(&e))?;
    session.confirm(&release).await.map_err(|e| words(&e))
}

pub(super) async fn c05_applied_is_no_drift(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    let (target, context) = (session.target.as_ref(), &session.context);
    for number in [1, 2] {
        session.deploy(fixture, number).await.map_err(|e| words(&e))?;
        let release = fixture.release(number);
        let plan = session
            .engine
            .plan(target, context, &Goal::Deploy, Some(&release))
            .await
            .map_err(|e| words(&e))?;
        ensure(plan.is_empty(), || format!("there is drift: {:?}", plan.steps))?;
        let before = fixture.world().await;
        let again = session.deploy(fixture, number).await.map_err(|e| words(&e))?;
        let outcome = again.record.outcome;
        ensure(outcome == Outcome::Unchanged, || format!("deploying again is `{outcome:?}`"))?;
        let asked = again.record.is_verified() || !target.info().capabilities.serves_http;
        ensure(asked, || "deploying again verified nothing".to_owned())?;
        let after = fixture.world().await;
        ensure(before == after, || {
            format!("deploying again changed the world\nfrom {before}\nto   {after}")
        })?;
    }
    Ok(())
}

pub(super) async fn c06_stale_plan_is_refused(fixture: &dyn Fixture) -> Found {
    let session = Session::new(fixture);
    let (target, context) = (session.target.as_ref(), &session.context);
    let (one, two) = (fixture.release(1), fixture.release(2));
    let plan =
        session.engine.plan(target, context, &Goal::Deploy, Some(&one)).await.map_err(|e| words(&e))?;
    session.deploy(fixture, 2).await.map_err(|e| words(&e))?;
    let before = fixture.world().await;
    match session.engine.apply(target, context, &plan, Some(&one)).await {
        Err(error) if error.kind() == ErrorKind::StalePlan => {}
        Err(error) => return Err(format!("refused, but not as stale: {}", words(&error))),
        Ok(_) => return Err("the stale plan was applied".to_owned()),
    }
    let after = fixture.world().await;
    ensure(before == after, || format!("a refused plan changed the world\nfrom {before}\nto   {after}"))?;
    let serving = session.serving().await.map_err(|e| words(&e))?;
    ensure(serving.as_ref() == Some(two.release.digest()), || format!("{serving:?} serves"))?;
    match session.engine.apply(target, context, &plan, Some(&two)).await {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        other => Err(format!("a plan for another release: {other:?}")),
    }
}
