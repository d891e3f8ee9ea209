//! Faults on purpose: a target that fails, or dies, at a chosen call. For tests of engines, targets and programs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{
    Context, DeployTarget, Deployment, Finding, PastRelease, PlanRequest, Readiness, ReportRequest,
    StepOutcome, StepRequest, TargetInfo,
};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::plan::Plan;
use crate::proof::Proof;
use crate::report::FailureReport;
use crate::verify::QuoteService;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails before it did anything, with this retry class.
    Fail(Retry),
    /// It does its work, and then fails: the caller cannot know.
    FailAfter(Retry),
    /// It never returns, and did nothing: the process was killed before.
    Die,
    /// It never returns, and did its work: the process was killed after.
    DieAfter,
}

/// A script of faults by the number of the call, from 1, and a list of the calls made. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    script: Arc<Mutex<Script>>,
    deaths: Arc<tokio::sync::Notify>,
}

#[derive(Debug, Default)]
struct Script {
    faults: BTreeMap<usize, Fault>,
    calls: Vec<&'static str>,
    died: bool,
}

impl Faults {
    /// No faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets call `number`, counted from 1 over all calls of the target, go wrong.
    #[must_use]
    pub fn at(self, number: usize, fault: Fault) -> Self {
        self.with(|script| script.faults.insert(number, fault));
        self
    }

    /// The calls made so far, by name.
    pub fn calls(&self) -> Vec<&'static str> {
        self.with(|script| script.calls.clone())
    }

    /// Waits until a call dies: the moment to drop the future that made it. Cancel-safe.
    pub async fn death(&self) {
        let mut notified = std::pin::pin!(self.deaths.notified());
        notified.as_mut().enable();
        if !self.with(|script| script.died) {
            notified.await;
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        let mut script = self.script.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut script)
    }

    /// Runs one call under the script.
    async fn call<T: Send>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let fault = self.with(|script| {
            script.calls.push(name);
            script.faults.get(&script.calls.len()).copied()
        });
        match fault {
            None => work.await,
            Some(Fault::Fail(retry)) => Err(failure(name, retry)),
            Some(Fault::FailAfter(retry)) => work.await.and(Err(failure(name, retry))),
            Some(Fault::Die) => self.die().await,
            Some(Fault::DieAfter) => {
                work.await?;
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.with(|script| script.died = true);
        self.deaths.notify_waiters();
        std::future::pending().await
    }
}

fn failure(name: &str, retry: Retry) -> Error {
    Error::new(ErrorKind::Unavailable, format!("`{name}` failed on purpose")).with_retry(retry)
}

/// A target around another whose calls go wrong as a script says.
#[derive(Clone)]
pub struct FaultyTarget {
    inner: Arc<dyn DeployTarget>,
    faults: Faults,
}

impl FaultyTarget {
    /// Puts `faults` around `inner`.
    pub fn new(inner: Arc<dyn DeployTarget>, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl DeployTarget for FaultyTarget {
    fn info(&self) -> TargetInfo {
        self.inner.info()
    }

    fn validate(&self) -> Vec<Diagnostic> {
        self.inner.validate()
    }

    async fn preflight(&self, context: &Context) -> Result<Vec<Finding>> {
        self.faults.call("preflight", self.inner.preflight(context)).await
    }

    async fn plan(&self, context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        self.faults.call("plan", self.inner.plan(context, request)).await
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        self.faults.call("apply_step", self.inner.apply_step(context, request)).await
    }

    async fn poll(&self, context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        self.faults.call("poll", self.inner.poll(context, request)).await
    }

    async fn status(&self, context: &Context) -> Result<Deployment> {
        self.faults.call("status", self.inner.status(context)).await
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        self.inner.service(deployment)
    }

    fn service_of(&self, deployment: &Deployment, release: &Digest) -> Result<Option<Box<dyn QuoteService>>> {
        self.inner.service_of(deployment, release)
    }

    async fn proof(&self, context: &Context, release: &Digest) -> Result<Option<Proof>> {
        self.faults.call("proof", self.inner.proof(context, release)).await
    }

    async fn watch(&self, context: &Context, deployment: &str) -> Result<Readiness> {
        self.faults.call("watch", self.inner.watch(context, deployment)).await
    }

    async fn history(&self, context: &Context, limit: usize) -> Result<Option<Vec<PastRelease>>> {
        self.faults.call("history", self.inner.history(context, limit)).await
    }

    async fn report(&self, context: &Context, request: ReportRequest<'_>) -> Option<FailureReport> {
        self.inner.report(context, request).await
    }

    async fn logs(&self, context: &Context, lines: usize) -> Result<Vec<String>> {
        self.inner.logs(context, lines).await
    }
}
