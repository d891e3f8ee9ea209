//! The runtime, the context and the phases of a command that takes its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use haute_core::event::{Event, EventSink, Phase};
use haute_core::project::Project;
use haute_core::record::Origin;
use haute_core::target::{Cancellation, Context};
use haute_core::{Error, ErrorKind};
use tokio::task::JoinHandle;

use super::Session;
use crate::exit::Stage;
use crate::failure::Failure;
use crate::interrupt;
use crate::ui::Outcome;

/// A session with a runtime under it.
#[derive(Clone)]
pub(crate) struct Work<'a> {
    pub(crate) session: Session<'a>,
    pub(crate) context: Context,
    /// How long each phase took so far, for the record.
    timings: Arc<Mutex<BTreeMap<Phase, u64>>>,
    /// Who asks, being found out.
    origin: Arc<Mutex<Option<JoinHandle<Origin>>>>,
}

/// Runs `command` on a runtime of its own, with Ctrl-C watched.
pub(crate) fn run<'a, F>(
    session: Session<'a>,
    command: impl FnOnce(Work<'a>) -> F,
) -> Result<Outcome, Failure>
where
    F: Future<Output = Result<Outcome, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Error {
        error: Error::new(ErrorKind::Unavailable, "the system gives no thread to work on")
            .with_source(source),
        stage: Stage::Prepare,
    })?;
    let cancellation = Cancellation::default();
    let events: Arc<dyn EventSink> = Arc::clone(session.ui) as _;
    let context = Context::new(events, cancellation.clone());
    drop(runtime.spawn(interrupt::watch(cancellation, Arc::clone(session.ui))));
    let result =
        runtime.block_on(command(Work { session, context, timings: Arc::default(), origin: Arc::default() }));
    // A thread that still reads a file has nothing left to tell.
    runtime.shutdown_background();
    result
}

impl Work<'_> {
    /// Begins to ask git from which state of the project the command runs, beside what else is to be done before that is needed.
    pub(crate) fn ask_origin(&self, project: &Project) {
        let name = project.config().deploy.model_name.clone();
        let (root, variables) = (project.root().to_owned(), project.variables().clone());
        let asked = tokio::spawn(async move { Origin::collect(name.as_str(), &root, &variables).await });
        *self.origin.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }

    /// Who asks, and from which state of the project: as [`ask_origin`](Self::ask_origin) found it, else as it is now.
    pub(crate) async fn origin(&self, project: &Project) -> Origin {
        let asked = self.origin.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(asked) = asked
            && let Ok(origin) = asked.await
        {
            return origin;
        }
        let name = project.config().deploy.model_name.as_str();
        Origin::collect(name, project.root(), project.variables()).await
    }

    /// Runs one phase between its events.
    pub(crate) async fn phase<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Failure> {
        let events = &self.context.events;
        events.emit(&Event::PhaseStarted { phase });
        let started = Instant::now();
        let result = work.await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.timings.lock().unwrap_or_else(PoisonError::into_inner).insert(phase, milliseconds);
        match result {
            Ok((value, summary)) => {
                events.emit(&Event::PhaseFinished { phase, summary, milliseconds });
                Ok(value)
            }
            Err(failure) => {
                let (error, kind) = match &failure {
                    Failure::Check(_) => ("the project has mistakes".to_owned(), ErrorKind::CheckFailed),
                    Failure::Error { error, .. } => (error.to_string(), error.kind()),
                };
                events.emit(&Event::PhaseFailed { phase, error, kind, milliseconds });
                Err(failure)
            }
        }
    }

    /// How long each phase took so far.
    pub(crate) fn timings(&self) -> BTreeMap<Phase, u64> {
        self.timings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs what changes nothing outside this machine until it ends or a stop is asked for: dropping it is safe. What
    /// changes the world stops by itself between two steps.
    pub(crate) async fn stoppable<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.context.cancelled.cancelled() => Err(Failure::Error {
                error: Error::new(ErrorKind::Cancelled, "stopped on request"),
                stage,
            }),
            result = work => result,
        }
    }
}
