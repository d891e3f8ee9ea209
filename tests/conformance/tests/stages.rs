//! What the engine does around the verification: steps that wait for it, what steps hand on, what is found out about a failure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use haute_conformance::{make_release, prove};
use haute_core::digest::Digest;
use haute_core::engine::{Engine, OnFailure, Policy, VirtualClock};
use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::event::{Event, RecordingSink};
use haute_core::plan::{Action, Plan, Step};
use haute_core::proof::Proof;
use haute_core::record::{Origin, Outcome, history};
use haute_core::report::FailureReport;
use haute_core::target::{
    Cancellation, Capabilities, Context, DeployTarget, Deployment, Finding, MemoryTarget, MemoryWorld,
    PlanRequest, ProvenRelease, Readiness, ReportRequest, StepOutcome, StepRequest, TargetInfo,
};
use haute_core::verify::QuoteService;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A memory target that marks what it serves, once that is verified, and keeps what it was told meanwhile.
#[derive(Clone)]
struct Marking {
    inner: MemoryTarget,
    state: Arc<Mutex<State>>,
    remote: bool,
}

#[derive(Default)]
struct State {
    marked: Option<Digest>,
    handed_on: Vec<Value>,
    /// What the step `switch` fails with.
    failure: Option<ErrorKind>,
    /// What becomes of a step cannot be read.
    out_of_sight: bool,
    /// Dies when it is asked to mark.
    hang: bool,
    watched: u32,
    proofs: Vec<Proof>,
}

impl Marking {
    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

#[async_trait]
impl DeployTarget for Marking {
    fn info(&self) -> TargetInfo {
        let info = self.inner.info();
        let capabilities = Capabilities::none().with_rollback().with_remove().with_http();
        let capabilities = if self.remote { capabilities.with_remote() } else { capabilities };
        TargetInfo::new(info.name, info.title, info.address, capabilities)
            .with_on_failure(OnFailure::Rollback)
            .with_poll_waits(Duration::from_secs(5), Duration::from_secs(15))
    }

    async fn preflight(&self, context: &Context) -> Result<Vec<Finding>> {
        self.inner.preflight(context).await
    }

    async fn plan(&self, context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        let plan = self.inner.plan(context, request).await?;
        if plan.release.is_none() || self.with(|state| state.marked == plan.release) {
            return Ok(plan);
        }
        Ok(plan.with_step(Step::new("mark", "Mark it as verified", Action::Update).after_verification()))
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        self.with(|state| state.handed_on.push(json!({"to": request.step.id, "earlier": request.earlier})));
        if request.step.id == "mark" {
            if self.with(|state| state.hang) {
                std::future::pending::<()>().await;
            }
            self.with(|state| state.marked.clone_from(&request.plan.release));
            return Ok(StepOutcome::new(json!({"marked": true})));
        }
        let failure = self.with(|state| state.failure).filter(|_| request.step.id == "switch");
        if let Some(kind) = failure {
            return Err(Error::new(kind, "it was not to be"));
        }
        let step = request.step.id.clone();
        self.inner.apply_step(context, request).await?;
        Ok(StepOutcome::new(json!({"done": step})))
    }

    async fn poll(&self, context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        if self.with(|state| state.out_of_sight) {
            return Err(Error::new(ErrorKind::Unavailable, "no answer").with_retry(Retry::Soon));
        }
        if request.step.id == "mark" {
            return Ok(Readiness::Ready);
        }
        self.inner.poll(context, request).await
    }

    async fn status(&self, context: &Context) -> Result<Deployment> {
        self.inner.status(context).await
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        self.inner.service(deployment)
    }

    async fn proof(&self, _context: &Context, release: &Digest) -> Result<Option<Proof>> {
        Ok(self.with(|state| state.proofs.iter().find(|proof| &proof.release == release).cloned()))
    }

    async fn watch(&self, _context: &Context, deployment: &str) -> Result<Readiness> {
        if deployment != "d-1" {
            return Err(Error::new(ErrorKind::NotFound, "there is no such deployment"));
        }
        Ok(
            match self.with(|state| {
                state.watched += 1;
                state.watched
            }) {
                1..=3 => Readiness::Pending { message: "one more task".to_owned() },
                _ => Readiness::Ready,
            },
        )
    }

    async fn report(&self, _context: &Context, request: ReportRequest<'_>) -> Option<FailureReport> {
        let at = request.step.map_or("the verification", |step| step.id.as_str());
        let known: Vec<String> = request.outputs.keys().cloned().collect();
        Some(FailureReport::new(format!("{at}: {}", request.error)).with_section("steps", known))
    }
}

struct Lab {
    directory: TempDir,
    world: MemoryWorld,
    target: Marking,
    events: Arc<RecordingSink>,
    engine: Engine,
}

impl Lab {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = MemoryWorld::new();
        let target =
            Marking { inner: MemoryTarget::new(world.clone()), state: Arc::default(), remote: false };
        let engine = Self::engine(&directory);
        Self { directory, world, target, events: Arc::default(), engine }
    }

    fn engine(directory: &TempDir) -> Engine {
        Engine::new(directory.path()).with_clock(Arc::new(VirtualClock::new()))
    }

    fn context(&self) -> Context {
        Context::new(self.events.clone(), Cancellation::default())
    }

    fn release(&self, name: &str, premium: f64) -> ProvenRelease {
        let release = make_release(&self.directory.path().join(name), name, "3.11", &[]).unwrap();
        let object = |value: Value| value.as_object().cloned().unwrap();
        prove(release, &[(object(json!({"IDpol": 1})), object(json!({"premium": premium, "id": 1})))])
            .unwrap()
    }

    async fn deploy(&self, release: &ProvenRelease) -> Result<Outcome> {
        let done = self.engine.deploy(&self.target, &self.context(), release, Origin::new("motor")).await?;
        Ok(done.record.outcome)
    }

    fn marked(&self) -> Option<Digest> {
        self.target.with(|state| state.marked.clone())
    }
}

#[tokio::test]
async fn a_step_that_waits_for_the_verification_comes_after_it() {
    let lab = Lab::new();
    let release = lab.release("motor", 100.0);
    assert_eq!(lab.deploy(&release).await.unwrap(), Outcome::Deployed);
    assert_eq!(lab.marked().as_ref(), Some(release.release.digest()));
    let order: Vec<String> = lab
        .events
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::StepStarted { step, .. } => Some(step.clone()),
            Event::PhaseFinished { phase, .. } => Some(format!("{phase:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["Plan", "start", "switch", "Apply", "Verify", "mark"]);
    assert_eq!(lab.engine.pending(&lab.target.info()).unwrap(), None);
    assert_eq!(lab.deploy(&release).await.unwrap(), Outcome::Unchanged);
}

#[tokio::test]
async fn nothing_is_marked_as_verified_that_was_not() {
    let lab = Lab::new();
    let (good, bad) = (lab.release("good", 100.0), lab.release("bad", 120.0));
    lab.deploy(&good).await.unwrap();
    lab.world.misprice(bad.release.digest());
    let error = lab.deploy(&bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    assert_eq!(lab.marked().as_ref(), Some(good.release.digest()));
    assert_eq!(lab.engine.pending(&lab.target.info()).unwrap(), None, "there is nothing to go on with");
    let record =
        history(lab.engine.store(), None).unwrap().into_iter().find(|one| one.record.error.is_some());
    let report = record.unwrap().record.report.unwrap();
    assert!(report.summary.starts_with("the verification: "), "{report:?}");
    assert_eq!(report.sections[0].lines, ["retire", "start", "switch"]);
    assert!(lab.events.events().iter().any(|event| matches!(event, Event::FailureReport { .. })));
}

#[tokio::test]
async fn a_kill_between_the_verification_and_the_mark_is_made_good() {
    let lab = Lab::new();
    let release = lab.release("motor", 100.0);
    lab.target.with(|state| state.hang = true);
    let dead = tokio::time::timeout(Duration::from_millis(500), lab.deploy(&release)).await;
    assert!(dead.is_err(), "it was to hang at the mark");
    assert_eq!(lab.marked(), None);
    lab.target.with(|state| state.hang = false);
    let writes = lab.world.writes();
    assert_eq!(lab.deploy(&release).await.unwrap(), Outcome::Deployed);
    assert_eq!(lab.marked().as_ref(), Some(release.release.digest()));
    assert_eq!(lab.world.writes(), writes, "only the mark was missing");
}

#[tokio::test]
async fn a_step_is_handed_what_earlier_ones_reported() {
    let lab = Lab::new();
    lab.deploy(&lab.release("motor", 100.0)).await.unwrap();
    let handed_on = lab.target.with(|state| state.handed_on.clone());
    assert_eq!(
        handed_on,
        [
            json!({"to": "start", "earlier": {}}),
            json!({"to": "switch", "earlier": {"start": {"done": "start"}}}),
            json!({"to": "mark", "earlier": {"start": {"done": "start"}, "switch": {"done": "switch"}}}),
        ]
    );
}

#[tokio::test]
async fn step_by_step_the_mark_is_a_call_of_its_own() {
    let lab = Lab::new();
    let (release, context) = (lab.release("motor", 100.0), lab.context());
    let goal = haute_core::plan::Goal::Deploy;
    let plan = lab.engine.plan(&lab.target, &context, &goal, Some(&release)).await.unwrap();
    let applied = lab.engine.apply(&lab.target, &context, &plan, Some(&release)).await.unwrap();
    assert_eq!(lab.marked(), None);
    lab.engine.verify(&lab.target, &context, &release.proof).await.unwrap().require().unwrap();
    let applied = lab.engine.conclude(&lab.target, &context, &plan, Some(&release), applied).await.unwrap();
    assert_eq!(lab.marked().as_ref(), Some(release.release.digest()));
    let steps: Vec<_> = applied.steps.iter().map(|step| (step.id.as_str(), step.done)).collect();
    assert_eq!(steps, [("start", true), ("switch", true), ("mark", true)]);
}

#[tokio::test]
async fn what_belongs_to_others_is_not_taken_back() {
    for kind in [ErrorKind::Superseded, ErrorKind::WaitingForApproval, ErrorKind::Timeout] {
        let mut lab = Lab::new();
        lab.target.remote = true;
        let (good, new) = (lab.release("good", 100.0), lab.release("new", 120.0));
        lab.deploy(&good).await.unwrap();
        lab.target.with(|state| state.failure = Some(kind));
        let error = lab.deploy(&new).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        let events = lab.events.events();
        assert!(!events.iter().any(|event| matches!(event, Event::RollbackStarted { .. })), "{kind:?}");
        // A failure that is ours is taken back: the configuration of the target says so.
        lab.target.with(|state| state.failure = Some(ErrorKind::Conflict));
        let error = lab.deploy(&new).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeploymentFailed, "{error:?}");
        assert!(lab.events.events().iter().any(|event| matches!(event, Event::RollbackStarted { .. })));
    }
}

#[tokio::test]
async fn a_change_that_is_out_of_sight_is_neither_failed_nor_taken_back() {
    let mut lab = Lab::new();
    lab.target.remote = true;
    let (good, new) = (lab.release("good", 100.0), lab.release("new", 120.0));
    lab.deploy(&good).await.unwrap();
    lab.target.with(|state| state.out_of_sight = true);
    let error = lab.deploy(&new).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(error.message().contains("can no longer be followed"), "{error}");
    assert!(!lab.events.events().iter().any(|event| matches!(event, Event::RollbackStarted { .. })));
    lab.target.with(|state| state.out_of_sight = false);
    assert_eq!(lab.deploy(&new).await.unwrap(), Outcome::Deployed, "the same command goes on from there");
}

#[tokio::test]
async fn a_way_back_is_verified_with_the_proof_the_target_keeps() {
    let lab = Lab::new();
    let (good, new) = (lab.release("good", 100.0), lab.release("new", 120.0));
    lab.deploy(&good).await.unwrap();
    lab.deploy(&new).await.unwrap();
    // Another machine: no records, no proofs.
    let elsewhere = tempfile::tempdir().unwrap();
    let engine = Lab::engine(&elsewhere);
    let back = Some(good.release.digest().clone());
    let missing = engine.rollback(&lab.target, &lab.context(), back.clone(), Origin::new("motor")).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::RollbackUnconfirmed);
    lab.deploy(&new).await.unwrap();
    lab.target.with(|state| state.proofs.push(good.proof.clone()));
    let done = engine.rollback(&lab.target, &lab.context(), back, Origin::new("motor")).await.unwrap();
    assert_eq!(done.record.outcome, Outcome::RolledBack);
    assert!(done.record.is_verified());
}

#[tokio::test]
async fn a_deployment_begun_elsewhere_is_watched_to_its_end() {
    let lab = Lab::new();
    lab.engine.watch(&lab.target, &lab.context(), "d-1").await.unwrap();
    assert_eq!(lab.target.with(|state| state.watched), 4);
    let error = lab.engine.watch(&lab.target, &lab.context(), "d-2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    lab.target.with(|state| state.watched = 0);
    let hasty =
        Lab::engine(&lab.directory).with_policy(Policy::default().with_step_deadline(Duration::from_secs(6)));
    let error = hasty.watch(&lab.target, &lab.context(), "d-1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("one more task"), "{error}");
}

#[tokio::test]
async fn a_canary_is_refused_where_there_is_one_place_to_serve_from() {
    let lab = Lab::new();
    let release = lab.release("motor", 100.0);
    let run = haute_core::engine::Run::canary(&release, 10, Origin::new("motor"));
    let error = lab.engine.run(&lab.target, &lab.context(), run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(lab.world.writes(), 0);
}
