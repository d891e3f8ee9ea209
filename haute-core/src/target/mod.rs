//! Targets: the places a release can serve from.

mod capabilities;
mod faults;
mod memory;
mod past;
mod registry;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use capabilities::Capabilities;
pub use faults::{Fault, Faults, FaultyTarget};
pub use memory::{MemoryTarget, MemoryWorld};
pub use past::PastRelease;
pub use registry::{Registry, TargetFactory};

use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::engine::OnFailure;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventSink;
use crate::plan::{Goal, Plan, Step};
use crate::proof::Proof;
use crate::release::Release;
use crate::report::FailureReport;
use crate::verify::QuoteService;

/// What a target is, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TargetInfo {
    /// The name in `deploy.target`, such as `local`.
    pub name: &'static str,
    /// For people: "this machine".
    pub title: String,
    /// Which deployment of the target is meant: a service, an endpoint, an address. Keys records and journals.
    pub address: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What its configuration wants done when a deployment fails; the caller's policy goes before.
    pub on_failure: Option<OnFailure>,
    /// The first and the longest wait between two looks at its world, where the policy's are not fit for it.
    pub poll_waits: Option<(Duration, Duration)>,
}

impl TargetInfo {
    /// What a target is.
    pub fn new(
        name: &'static str,
        title: impl Into<String>,
        address: impl Into<String>,
        capabilities: Capabilities,
    ) -> Self {
        Self {
            name,
            title: title.into(),
            address: address.into(),
            capabilities,
            on_failure: None,
            poll_waits: None,
        }
    }

    /// Sets what its configuration wants done when a deployment fails.
    #[must_use]
    pub fn with_on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = Some(on_failure);
        self
    }

    /// Sets the first and the longest wait between two looks at its world.
    #[must_use]
    pub fn with_poll_waits(mut self, first: Duration, longest: Duration) -> Self {
        self.poll_waits = Some((first, longest));
        self
    }
}

/// What a call to a target may use of the world around it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Context {
    /// Where events go.
    pub events: Arc<dyn EventSink>,
    /// Set when the caller wants to stop. A target checks it in loops of its own; the engine checks it between steps.
    pub cancelled: Cancellation,
}

impl Context {
    /// A context.
    pub fn new(events: Arc<dyn EventSink>, cancelled: Cancellation) -> Self {
        Self { events, cancelled }
    }
}

/// A flag the caller raises to stop cleanly. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: std::sync::atomic::AtomicBool,
    changed: tokio::sync::Notify,
}

impl Cancellation {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.raised.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.raised.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Waits until a stop is asked for. Cancel-safe.
    pub async fn cancelled(&self) {
        let mut changed = std::pin::pin!(self.0.changed.notified());
        // Registered before the flag is read: a stop between the two is not missed.
        changed.as_mut().enable();
        if !self.is_cancelled() {
            changed.await;
        }
    }
}

/// A release with the proof that goes with it: what a deploy hands to a target.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProvenRelease {
    /// The release directory.
    pub release: Release,
    /// What it answered to the test quotes.
    pub proof: Proof,
}

impl ProvenRelease {
    /// A release and its proof.
    ///
    /// # Errors
    /// [`ErrorKind::ProofFailed`] when the proof is of another release or did not pass.
    pub fn new(release: Release, proof: Proof) -> Result<Self> {
        if &proof.release != release.digest() {
            let message = format!(
                "the proof is of release {}, not of {}",
                proof.release.short(),
                release.digest().short()
            );
            return Err(Error::new(ErrorKind::ProofFailed, message));
        }
        if !proof.passed {
            return Err(Error::new(
                ErrorKind::ProofFailed,
                format!("the proof of release {} did not pass", proof.release.short()),
            ));
        }
        Ok(Self { release, proof })
    }
}

/// What is asked of [`DeployTarget::plan`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlanRequest<'a> {
    /// What is wanted.
    pub goal: &'a Goal,
    /// The release to serve, where the [goal needs one](Goal::needs_release); the target finds that of the others.
    pub release: Option<&'a ProvenRelease>,
}

impl<'a> PlanRequest<'a> {
    /// A request.
    pub fn new(goal: &'a Goal, release: Option<&'a ProvenRelease>) -> Self {
        Self { goal, release }
    }
}

/// What is asked of [`DeployTarget::apply_step`] and [`DeployTarget::poll`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepRequest<'a> {
    /// The plan the step belongs to.
    pub plan: &'a Plan,
    /// The step.
    pub step: &'a Step,
    /// The release the plan deploys, when it does.
    pub release: Option<&'a ProvenRelease>,
    /// The same for every attempt of this step of this plan, and for no other: an idempotency token for the world.
    pub token: &'a str,
    /// What this step's earlier calls reported, when it was applied before.
    pub outputs: &'a serde_json::Value,
    /// What the plan's earlier steps reported, by their ids, also those an interrupted run had done.
    pub earlier: &'a BTreeMap<String, serde_json::Value>,
}

/// No step came before.
static NO_STEPS: BTreeMap<String, serde_json::Value> = BTreeMap::new();

impl<'a> StepRequest<'a> {
    /// A request.
    pub fn new(
        plan: &'a Plan,
        step: &'a Step,
        release: Option<&'a ProvenRelease>,
        token: &'a str,
        outputs: &'a serde_json::Value,
    ) -> Self {
        Self { plan, step, release, token, outputs, earlier: &NO_STEPS }
    }

    /// Adds what the plan's earlier steps reported.
    #[must_use]
    pub fn with_earlier(mut self, earlier: &'a BTreeMap<String, serde_json::Value>) -> Self {
        self.earlier = earlier;
        self
    }
}

/// What is asked of [`DeployTarget::report`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReportRequest<'a> {
    /// The plan that failed.
    pub plan: &'a Plan,
    /// The step that failed; `None` when it was the verification.
    pub step: Option<&'a Step>,
    /// What every step that was begun reported, by its id.
    pub outputs: &'a BTreeMap<String, serde_json::Value>,
    /// What failed.
    pub error: &'a Error,
}

impl<'a> ReportRequest<'a> {
    /// A request.
    pub fn new(
        plan: &'a Plan,
        step: Option<&'a Step>,
        outputs: &'a BTreeMap<String, serde_json::Value>,
        error: &'a Error,
    ) -> Self {
        Self { plan, step, outputs, error }
    }
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepOutcome {
    /// What the target wants to remember: ids, revisions, addresses. Goes to the journal and the record; never a secret.
    pub outputs: serde_json::Value,
}

impl StepOutcome {
    /// An outcome with `outputs`.
    pub fn new(outputs: serde_json::Value) -> Self {
        Self { outputs }
    }
}

/// Whether the world has caught up with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// It has.
    Ready,
    /// Not yet; the engine asks again later.
    Pending {
        /// What it waits for, in a few words.
        message: String,
    },
}

/// How a preflight check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    /// As it should be.
    Ok,
    /// Works, but somebody should look.
    Warn,
    /// Could not be looked at; `fix` names the permission.
    Skipped,
    /// A deploy would fail.
    Failed,
}

/// One line of a preflight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// How it ended.
    pub level: FindingLevel,
    /// What was found.
    pub detail: String,
    /// The command, config line or permission that mends it.
    pub fix: Option<String>,
}

impl Finding {
    /// A finding.
    pub fn new(subject: impl Into<String>, level: FindingLevel, detail: impl Into<String>) -> Self {
        Self { subject: subject.into(), level, detail: detail.into(), fix: None }
    }

    /// Adds what mends it.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// What serves now, as the target itself says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deployment {
    /// The release that serves; `None` when nothing does.
    pub release: Option<Digest>,
    /// Where quotes are answered, such as `http://127.0.0.1:8080`.
    pub url: Option<String>,
    /// `serving`, `stopped`, `starting`, `failed`, or the target's own word.
    pub state: String,
    /// The target's own proof: process id, revision, image digest …
    pub details: BTreeMap<String, String>,
}

impl Deployment {
    /// Nothing serves.
    pub fn nothing() -> Self {
        Self { state: "stopped".to_owned(), ..Self::default() }
    }

    /// `release` serves at `url`.
    pub fn serving(release: Option<Digest>, url: Option<String>) -> Self {
        Self { release, url, state: "serving".to_owned(), ..Self::default() }
    }

    /// Sets the state.
    #[must_use]
    pub fn with_state(mut self, state: impl Into<String>) -> Self {
        self.state = state.into();
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn with_detail(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }
}

/// A place a release can serve from.
///
/// # Contract
///
/// Implemented by target crates, called by the [`Engine`](crate::engine::Engine), which owns order, journal, retries,
/// waiting, cancellation and resume. So a target:
///
/// - never sleeps, never loops until ready, never prints;
/// - reads only in [`plan`](Self::plan), [`poll`](Self::poll), [`status`](Self::status) and [`preflight`](Self::preflight);
/// - changes one thing per [`apply_step`](Self::apply_step), and finding that thing done already returns what it would
///   have returned the first time;
/// - plans deploy, rollback and remove alike: there is no dry run anywhere.
#[async_trait]
pub trait DeployTarget: Send + Sync {
    /// What it is. Pure.
    fn info(&self) -> TargetInfo;

    /// Looks at its own configuration. Pure: no file, network, clock or environment.
    fn validate(&self) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Looks at the outside world. Cancel-safe: reads only.
    ///
    /// # Errors
    /// Only when nothing at all could be looked at; what a single look finds is a [`Finding`].
    async fn preflight(&self, context: &Context) -> Result<Vec<Finding>>;

    /// Says what would change. Cancel-safe: reads only. The same world gives the same plan.
    ///
    /// # Errors
    /// When the world cannot be read, or the goal cannot be reached from it.
    async fn plan(&self, context: &Context, request: PlanRequest<'_>) -> Result<Plan>;

    /// Makes one change. Not cancel-safe: dropping the future leaves it open whether the change happened; applying the
    /// same step again with the same token settles it.
    ///
    /// # Errors
    /// With a retry class the engine heeds.
    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome>;

    /// Says whether the world has caught up with an applied step. Cancel-safe: reads only.
    ///
    /// # Errors
    /// When the step has failed for good (the new process died), or the world cannot be read.
    async fn poll(&self, context: &Context, request: StepRequest<'_>) -> Result<Readiness>;

    /// Says what serves. Cancel-safe: reads only.
    ///
    /// # Errors
    /// When the world cannot be read.
    async fn status(&self, context: &Context) -> Result<Deployment>;

    /// The way to ask what serves for quotes, when there is one. The engine verifies through it.
    ///
    /// # Errors
    /// When a client cannot be made.
    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>>;

    /// The way to ask `release` for quotes, which may be one of several that serve. Where only one does, that is
    /// [`service`](Self::service).
    ///
    /// # Errors
    /// When a client cannot be made.
    fn service_of(&self, deployment: &Deployment, release: &Digest) -> Result<Option<Box<dyn QuoteService>>> {
        let _ = release;
        self.service(deployment)
    }

    /// The proof of a release this target holds, when it was put beside it: for going back to a release from a machine
    /// that never saw it. Cancel-safe: reads only.
    ///
    /// # Errors
    /// When the world cannot be read.
    async fn proof(&self, context: &Context, release: &Digest) -> Result<Option<Proof>> {
        let _ = (context, release);
        Ok(None)
    }

    /// Says whether a deployment has come through that was begun elsewhere, named by the target's own id: what
    /// [`poll`](Self::poll) is to a step. Cancel-safe: reads only.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the target has no such ids; [`ErrorKind::NotFound`]; when it failed for good.
    async fn watch(&self, context: &Context, deployment: &str) -> Result<Readiness> {
        let _ = (context, deployment);
        let name = self.info().name;
        Err(Error::new(ErrorKind::Unsupported, format!("the target `{name}` has no deployments to watch")))
    }

    /// What this target has served, newest first, as it knows itself; `None` where it keeps no memory of its own.
    /// Cancel-safe: reads only.
    ///
    /// # Errors
    /// When the world cannot be read.
    async fn history(&self, context: &Context, limit: usize) -> Result<Option<Vec<PastRelease>>> {
        let _ = (context, limit);
        Ok(None)
    }

    /// Finds out what it can about a step or a verification that failed, for one screen. Asked before anything is put
    /// right. What cannot be read is left out, and the permission for it named. Cancel-safe: reads only.
    async fn report(&self, context: &Context, request: ReportRequest<'_>) -> Option<FailureReport> {
        let _ = (context, request);
        None
    }

    /// The last lines that what serves (or failed to) wrote, oldest first; empty where the target has none.
    /// Cancel-safe: reads only.
    ///
    /// # Errors
    /// When the world cannot be read.
    async fn logs(&self, context: &Context, lines: usize) -> Result<Vec<String>> {
        let _ = (context, lines);
        Ok(Vec::new())
    }
}

/// Where a target may keep files of its own for one project.
pub fn state_directory(project_root: &Path, target: &str) -> std::path::PathBuf {
    project_root.join(crate::project::STATE_DIRECTORY).join(target)
}
