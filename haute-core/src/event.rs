//! Events: what a long call tells while it runs.

use std::sync::Mutex;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::report::FailureReport;

/// Everything a call may report, one closed list.
///
/// A secret never enters an event. Text fields are for people; the rest is for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A phase of the way of a release begins: `load`, `check`, `build`, `prove`, `plan`, `apply`, `verify`.
    PhaseStarted {
        /// Its name.
        phase: Phase,
    },
    /// A phase ended well.
    PhaseFinished {
        /// Its name.
        phase: Phase,
        /// What it came to, in one line.
        summary: String,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
    /// A phase ended badly.
    PhaseFailed {
        /// Its name.
        phase: Phase,
        /// What failed.
        error: String,
        /// Its class.
        kind: ErrorKind,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
    /// The way back begins: what follows are the phases of a rollback.
    RollbackStarted {
        /// What is to serve again; `None`: nothing served before.
        to: Option<Digest>,
        /// Why.
        reason: String,
    },
    /// Something outside a step is waited for: another deployment, a service that comes up.
    Waiting {
        /// What for.
        message: String,
        /// How long so far, in milliseconds.
        milliseconds: u64,
    },
    /// How far a long piece of work is.
    Progress {
        /// What is being done.
        activity: String,
        /// How much is done, in `unit`.
        done: u64,
        /// How much there is, when known.
        total: Option<u64>,
        /// `bytes`, `packages`, `quotes`, `seconds`.
        unit: String,
    },
    /// A line of output of something that runs for us (a package installer, a server that starts).
    Log {
        /// Where it comes from.
        stream: String,
        /// The line, without its end.
        line: String,
    },
    /// A step of the plan begins.
    StepStarted {
        /// The step's id.
        step: String,
        /// The step's title.
        title: String,
    },
    /// A step is applied and waits until the world is ready.
    StepWaiting {
        /// The step's id.
        step: String,
        /// What it waits for.
        message: String,
        /// How long so far, in milliseconds.
        milliseconds: u64,
    },
    /// A call of a step failed and is tried again.
    StepRetried {
        /// The step's id.
        step: String,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// Until the next one, in milliseconds.
        wait_milliseconds: u64,
        /// What failed.
        error: String,
    },
    /// A step is done.
    StepFinished {
        /// The step's id.
        step: String,
        /// How long it took, in milliseconds.
        milliseconds: u64,
        /// Whether an earlier run had done it already, as the journal knows.
        already: bool,
    },
    /// A step failed.
    StepFailed {
        /// The step's id.
        step: String,
        /// What failed.
        error: String,
        /// Its class.
        kind: ErrorKind,
    },
    /// An image is in its registry, under its tag.
    Pushed {
        /// Its short name and tag, `motor-pricing:a1b2c3d`.
        image: String,
        /// Where it is, `registry.example/pricing`.
        registry: String,
        /// The digest of its manifest: what everything after this names.
        digest: Digest,
        /// How many bytes of blobs and manifests had to be sent.
        bytes: u64,
        /// How many layers were made and sent.
        layers: u64,
        /// How many layers the registry had already.
        present: u64,
    },
    /// What the service a release is brought to says of itself meanwhile, each line once: a service event.
    ServiceEvent {
        /// When it was said.
        at: Option<Timestamp>,
        /// The service's own words.
        message: String,
    },
    /// What the target could find out about a deployment that failed.
    FailureReport {
        /// All of it.
        report: FailureReport,
    },
    /// Something a person should know that stops nothing.
    Warning {
        /// In one line.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

/// A phase of the way of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Configuration.
    Load,
    /// Static check.
    Check,
    /// Release.
    Build,
    /// Test quotes.
    Prove,
    /// What would change.
    Plan,
    /// Changing it.
    Apply,
    /// What really serves.
    Verify,
}

/// Where events go. Infallible and quick: a sink that must wait hands over to a thread of its own.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Event);
}

/// Takes events and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl EventSink for NullSink {
    fn emit(&self, _event: &Event) {}
}

/// Keeps every event: for tests, and for programs that look at them afterwards.
#[derive(Debug, Default)]
pub struct RecordingSink(Mutex<Vec<Event>>);

impl RecordingSink {
    /// What was emitted so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().map(|events| events.clone()).unwrap_or_default()
    }
}

impl EventSink for RecordingSink {
    fn emit(&self, event: &Event) {
        if let Ok(mut events) = self.0.lock() {
            events.push(event.clone());
        }
    }
}

impl<T: EventSink + ?Sized> EventSink for std::sync::Arc<T> {
    fn emit(&self, event: &Event) {
        (**self).emit(event);
    }
}
