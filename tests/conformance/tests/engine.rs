//! What the engine does around a target: rollback, records, retries, waiting, resume, locks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use haute_conformance::{make_release, prove};
use haute_core::engine::{Clock as _, Engine, OnFailure, Policy, VirtualClock};
use haute_core::error::{ErrorKind, Retry};
use haute_core::event::{Event, RecordingSink};
use haute_core::journal::{Entry, Journal};
use haute_core::record::{Origin, Outcome, Recorded, history, last_verified};
use haute_core::target::{
    Cancellation, Context, DeployTarget as _, Fault, Faults, FaultyTarget, MemoryTarget, MemoryWorld,
    ProvenRelease,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

struct Lab {
    directory: TempDir,
    world: MemoryWorld,
    clock: Arc<VirtualClock>,
    events: Arc<RecordingSink>,
    cancellation: Cancellation,
    faults: Faults,
    engine: Engine,
}

impl Lab {
    fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    fn with_policy(policy: Policy) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::new());
        let engine = Engine::new(directory.path()).with_clock(clock.clone()).with_policy(policy);
        let (world, events) = (MemoryWorld::new(), Arc::new(RecordingSink::default()));
        Self {
            directory,
            world,
            clock,
            events,
            cancellation: Cancellation::default(),
            faults: Faults::new(),
            engine,
        }
    }

    fn target(&self) -> FaultyTarget {
        FaultyTarget::new(Arc::new(MemoryTarget::new(self.world.clone())), self.faults.clone())
    }

    fn context(&self) -> Context {
        Context::new(self.events.clone(), self.cancellation.clone())
    }

    fn release(&self, name: &str, premium: f64) -> ProvenRelease {
        let release = make_release(&self.directory.path().join(name), name, "3.11", &[]).unwrap();
        prove(release, &[(object(&json!({"IDpol": 1})), object(&json!({"premium": premium, "id": 1})))])
            .unwrap()
    }

    async fn deploy(&self, release: &ProvenRelease) -> haute_core::Result<Recorded> {
        self.engine.deploy(&self.target(), &self.context(), release, Origin::new("motor")).await
    }

    fn newest(&self) -> Recorded {
        history(self.engine.store(), None).unwrap().remove(0)
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[tokio::test]
async fn a_release_that_serves_another_price_is_taken_back() {
    let lab = Lab::new();
    let (good, bad) = (lab.release("good", 100.0), lab.release("bad", 120.0));
    lab.deploy(&good).await.unwrap();
    lab.world.misprice(bad.release.digest());

    let error = lab.deploy(&bad).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    assert_eq!(lab.world.serving().as_ref(), Some(good.release.digest()));
    assert_eq!(
        error.message(),
        format!("the deployment failed; release {} serves again, verified", good.release.digest().short())
    );
    let cause = haute_core::error::chain(&error).join(": ");
    assert!(cause.contains("`premium` is 121.0, proven 120.0"), "{cause}");
    let record = lab.newest().record;
    assert_eq!(record.outcome, Outcome::FailedAndRolledBack);
    assert_eq!(record.serving.as_ref(), Some(good.release.digest()));
    assert!(!record.verification.unwrap().passed);
    assert!(lab.events.events().iter().any(|event| matches!(event, Event::RollbackStarted { .. })));
    let last = last_verified(lab.engine.store(), "memory", "main").unwrap().unwrap();
    assert_eq!(last.record.release.as_ref(), Some(good.release.digest()));
}

#[tokio::test]
async fn a_wrong_price_is_not_left_serving_when_nothing_served_before() {
    let lab = Lab::new();
    let bad = lab.release("bad", 120.0);
    lab.world.misprice(bad.release.digest());
    let error = lab.deploy(&bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    assert_eq!(error.message(), "the deployment failed; nothing serves, as before");
    assert_eq!(lab.world.serving(), None);
}

#[tokio::test]
async fn a_way_back_that_serves_another_price_too_is_unconfirmed() {
    let lab = Lab::new();
    let (good, bad) = (lab.release("good", 100.0), lab.release("bad", 120.0));
    lab.deploy(&good).await.unwrap();
    lab.world.misprice(bad.release.digest());
    lab.world.misprice(good.release.digest());
    let error = lab.deploy(&bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RollbackUnconfirmed);
    assert!(error.to_string().contains(&format!("serves now: {}", good.release.digest().short())), "{error}");
    assert_eq!(lab.newest().record.outcome, Outcome::Failed);
}

#[tokio::test]
async fn without_rollback_the_error_says_what_serves() {
    let lab = Lab::with_policy(Policy::default().with_on_failure(OnFailure::Report));
    let bad = lab.release("bad", 120.0);
    lab.world.misprice(bad.release.digest());
    let error = lab.deploy(&bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VerificationFailed);
    assert!(error.to_string().contains(&format!("serves now: {}", bad.release.digest().short())), "{error}");
}

#[tokio::test]
async fn an_unchanged_release_that_serves_another_price_is_no_success() {
    let lab = Lab::new();
    let release = lab.release("motor", 100.0);
    lab.deploy(&release).await.unwrap();
    lab.world.misprice(release.release.digest());
    let writes = lab.world.writes();
    let error = lab.deploy(&release).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VerificationFailed);
    assert_eq!(lab.world.writes(), writes);
}

#[tokio::test]
async fn a_record_tells_premiums_old_and_new() {
    let lab = Lab::new();
    let (old, new) = (lab.release("old", 100.0), lab.release("new", 112.5));
    let first = lab.deploy(&old).await.unwrap().record;
    assert!(first.premium_changes.is_empty());
    lab.clock.advance(Duration::from_secs(1));
    let second = lab.deploy(&new).await.unwrap();
    let change = second.record.premium_changes.first().unwrap();
    assert_eq!(
        (change.column.as_str(), &change.before, &change.after),
        ("premium", &Some(json!(100.0)), &Some(json!(112.5)))
    );
    assert_eq!(second.id, format!("20260101T000001000Z-memory-{}", new.release.digest().short()));
    assert_eq!(second.record.before.as_ref(), Some(old.release.digest()));
    assert_eq!(second.record.plan_digest, second.record.plan.as_ref().map(haute_core::plan::Plan::digest));
    assert_eq!(history(lab.engine.store(), Some("memory")).unwrap()[0], second);
    assert!(history(lab.engine.store(), Some("local")).unwrap().is_empty());
}

#[tokio::test]
async fn a_call_that_fails_is_tried_again_with_growing_waits() {
    let mut lab = Lab::new();
    lab.faults = (3..=5).fold(Faults::new(), |faults, call| faults.at(call, Fault::Fail(Retry::Soon)));
    let release = lab.release("motor", 100.0);
    lab.deploy(&release).await.unwrap();
    let waits: Vec<u64> = lab
        .events
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::StepRetried { wait_milliseconds, .. } => Some(*wait_milliseconds),
            _ => None,
        })
        .collect();
    assert_eq!(waits.len(), 3, "{:?}", lab.faults.calls());
    assert!(
        (187..=250).contains(&waits[0])
            && (375..=500).contains(&waits[1])
            && (750..=1000).contains(&waits[2])
    );
}

#[tokio::test]
async fn a_named_wait_is_heeded() {
    let mut lab = Lab::new();
    lab.faults = Faults::new().at(2, Fault::Fail(Retry::After(Duration::from_secs(7))));
    let before = lab.clock.elapsed();
    lab.deploy(&lab.release("motor", 100.0)).await.unwrap();
    assert!(lab.clock.elapsed().saturating_sub(before) >= Duration::from_secs(7));
}

#[tokio::test]
async fn a_world_that_never_catches_up_times_out_and_can_be_resumed() {
    let lab = Lab::with_policy(Policy::default().with_on_failure(OnFailure::Report));
    let release = lab.release("motor", 100.0);
    lab.world.pending_polls_after_write(1_000_000);
    let error = lab.deploy(&release).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().starts_with("step `start` was not ready after 900 s"), "{error}");
    assert!(error.hints().iter().any(|hint| hint.contains("again")), "{error:?}");
    let pending = lab.engine.pending(&lab.target().info()).unwrap().unwrap();
    let token = pending.steps["start"].token.clone();
    let looks = lab.faults.calls().iter().filter(|call| **call == "poll").count();
    assert!(looks < 230, "{looks} looks in 15 minutes");

    lab.world.pending_polls_after_write(0);
    lab.world.meddle(None);
    lab.deploy(&release).await.unwrap();
    let tokens: Vec<String> = Journal::lines(lab.engine.store(), "memory", "main")
        .unwrap()
        .into_iter()
        .filter_map(|line| match line.entry {
            Entry::StepStarted { step, token } if step == "start" => Some(token),
            _ => None,
        })
        .collect();
    assert_eq!(tokens, [token.clone(), token], "a step that was begun keeps its token over a resume");
}

#[tokio::test]
async fn a_second_deployment_is_told_who_holds_the_address() {
    let lab = Lab::with_policy(Policy::default().with_lock_wait(Duration::from_secs(3)));
    let release = lab.release("motor", 100.0);
    let faults = Faults::new().at(3, Fault::Die);
    let hanging = FaultyTarget::new(Arc::new(MemoryTarget::new(lab.world.clone())), faults.clone());
    let mut ada = Origin::new("motor");
    ada.user = Some("ada".to_owned());
    let context = lab.context();
    let mut first = std::pin::pin!(lab.engine.deploy(&hanging, &context, &release, ada));
    tokio::select! {
        _ = &mut first => panic!("the first deployment was to hang"),
        () = faults.death() => {}
    }
    let error = lab.deploy(&release).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let expected = format!(
        "another deployment of `main` is under way, by ada (process {}) since 2026-01-01T00:00:00Z",
        std::process::id()
    );
    assert_eq!(error.message(), expected);
}

#[tokio::test]
async fn a_cancelled_deploy_names_the_next_step_and_is_recorded() {
    let lab = Lab::new();
    lab.cancellation.cancel();
    let error = lab.deploy(&lab.release("motor", 100.0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.hints(), ["run the same command again to go on from here"]);
    assert_eq!(lab.newest().record.outcome, Outcome::Cancelled);
    assert_eq!(lab.world.writes(), 0);
}

#[tokio::test]
async fn a_rollback_without_an_earlier_release_says_so() {
    let lab = Lab::new();
    lab.deploy(&lab.release("motor", 100.0)).await.unwrap();
    let target = lab.target();
    let error = lab.engine.rollback(&target, &lab.context(), None, Origin::new("motor")).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "no release served here before"));
}

#[tokio::test]
async fn a_failed_step_keeps_the_old_release_and_the_record_says_which_step() {
    let mut lab = Lab::new();
    let (old, new) = (lab.release("old", 100.0), lab.release("new", 120.0));
    lab.deploy(&old).await.unwrap();
    lab.faults = Faults::new().at(2, Fault::Fail(Retry::Never));
    let error = lab.deploy(&new).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    assert_eq!(lab.world.serving().as_ref(), Some(old.release.digest()));
    let record = lab.newest().record;
    let chain = record.error.unwrap().chain;
    assert!(chain[1].contains("`apply_step` failed on purpose (step: start)"), "{chain:?}");
}
