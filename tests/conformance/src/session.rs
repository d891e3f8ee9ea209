//! An engine with everything a check looks at.

use std::sync::Arc;
use std::time::Duration;

use haute_core::digest::Digest;
use haute_core::engine::{Engine, OnFailure, Policy};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::{EventSink, RecordingSink};
use haute_core::record::{Origin, Outcome, Recorded};
use haute_core::target::{Cancellation, Context, DeployTarget, Faults, FaultyTarget, ProvenRelease};

use crate::Fixture;

/// An engine, a target and a recording of the events between them.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The target, maybe with faults around it.
    pub target: Arc<dyn DeployTarget>,
    /// The context calls are made in.
    pub context: Context,
    /// What was told.
    pub events: Arc<RecordingSink>,
    /// Stops what runs.
    pub cancellation: Cancellation,
}

impl Session {
    /// A session in the fixture's world. Failures are reported and not rolled back, so that a check sees them as they are.
    pub fn new(fixture: &dyn Fixture) -> Self {
        Self::with_target(fixture, fixture.target())
    }

    /// A session whose target goes wrong as `faults` says.
    pub fn with_faults(fixture: &dyn Fixture, faults: Faults) -> Self {
        Self::with_target(fixture, Arc::new(FaultyTarget::new(fixture.target(), faults)))
    }

    fn with_target(fixture: &dyn Fixture, target: Arc<dyn DeployTarget>) -> Self {
        let policy =
            Policy::default().with_on_failure(OnFailure::Report).with_lock_wait(Duration::from_secs(20));
        let events = Arc::new(RecordingSink::default());
        let cancellation = Cancellation::default();
        let context = Context::new(events.clone(), cancellation.clone());
        let engine = Engine::new(fixture.project_root()).with_policy(policy).with_clock(fixture.clock());
        Self { engine, target, context, events, cancellation }
    }

    /// Sends events through `sink` as well as to the recording.
    #[must_use]
    pub fn with_sink(mut self, sink: impl EventSink + 'static) -> Self {
        let both = Both(self.events.clone(), Box::new(sink));
        self.context = Context::new(Arc::new(both), self.cancellation.clone());
        self
    }

    /// Deploys release `number` of the fixture.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn deploy(&self, fixture: &dyn Fixture, number: usize) -> Result<Recorded> {
        let release = fixture.release(number);
        self.engine.deploy(self.target.as_ref(), &self.context, &release, origin()).await
    }

    /// Whether the target serves `release` as it was proven; a target without an address to ask is asked what it holds.
    ///
    /// # Errors
    /// What the target reports, and what differs.
    pub async fn confirm(&self, release: &ProvenRelease) -> Result<()> {
        let target = self.target.as_ref();
        if target.info().capabilities.serves_http {
            return self.engine.verify(target, &self.context, &release.proof).await?.require();
        }
        let status = target.status(&self.context).await?;
        if status.release.as_ref() == Some(release.release.digest()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::VerificationFailed, format!("the target says that it holds {status:?}")))
    }

    /// Takes everything down.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn remove(&self) -> Result<Recorded> {
        self.engine.remove(self.target.as_ref(), &self.context, origin()).await
    }

    /// Goes back.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn rollback(&self) -> Result<Recorded> {
        self.engine.rollback(self.target.as_ref(), &self.context, None, origin()).await
    }

    /// The release the target says it serves.
    ///
    /// # Errors
    /// What the target reports.
    pub async fn serving(&self) -> Result<Option<Digest>> {
        Ok(self.target.status(&self.context).await?.release)
    }
}

/// Who runs the checks.
pub(crate) fn origin() -> Origin {
    Origin::new("conformance")
}

/// An error with all behind it, in one line.
pub(crate) fn words(error: &Error) -> String {
    format!("{:?}: {}", error.kind(), haute_core::error::chain(error).join(": "))
}

/// A record that must say that the release was deployed now: verified by quotes, or where there is no address to ask, held by
/// the target.
pub(crate) fn is_live(recorded: &Recorded) -> bool {
    let record = &recorded.record;
    let held = record.url.is_none() && record.serving.is_some() && record.serving == record.release;
    matches!(record.outcome, Outcome::Deployed | Outcome::Unchanged) && (record.is_verified() || held)
}

struct Both(Arc<RecordingSink>, Box<dyn EventSink>);

impl EventSink for Both {
    fn emit(&self, event: &haute_core::event::Event) {
        self.0.emit(event);
        self.1.emit(event);
    }
}
