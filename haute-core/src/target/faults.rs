//! Faults on purpose: a target that fails, or dies, at a chosen call. For tests of engines, targets and programs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{
    Context, DeployTarget, Deployment, Finding, PlanRequest, Readiness, StepOutcome, StepRequest, TargetInfo,
};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::plan::Plan;
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
pub struct Faults(Arc<Mutex<Script>>);

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

    /// Whether a call has died.
    pub fn died(&self) -> bool {
        self.with(|script| script.died)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        let mut script = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
                if let Err(error) = work.await {
                    return Err(error);
                }
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.with(|script| script.died = true);
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

    async fn logs(&self, context: &Context, lines: usize) -> Result<Vec<String>> {
        self.inner.logs(context, lines).await
    }
}
