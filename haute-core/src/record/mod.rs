//! Records: one JSON document per deployment, the evidence of what was done and what serves.
//!
//! `<project>/.haute-cli/records/<UTC time>-<target>-<short digest>.json`. A deployment that failed is recorded too.

mod history;
mod origin;
mod premiums;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use history::find_verified;
pub use history::{Recorded, history, last_verified};
pub use origin::{Origin, git};
pub use premiums::{PremiumChange, premium_changes};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, chain};
use crate::plan::{Goal, Plan};
use crate::proof::{Check, Proof};
use crate::report::FailureReport;
use crate::verify::Verification;

/// The version of the record this crate writes and reads.
pub const RECORD_SCHEMA: &str = "haute.record/1";

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The release serves, verified.
    Deployed,
    /// It served already, verified; nothing was changed.
    Unchanged,
    /// An earlier release serves again, verified, because that was asked for.
    RolledBack,
    /// Nothing serves any more, because that was asked for.
    Removed,
    /// The release serves a share of the traffic, verified.
    CanaryServes,
    /// What was a canary serves everything, verified.
    Promoted,
    /// The canary serves no more; what serves is verified.
    Aborted,
    /// It failed, and what served before serves again, verified.
    FailedAndRolledBack,
    /// It failed; the record says what serves.
    Failed,
    /// The caller cancelled; it can be resumed.
    Cancelled,
}

impl Outcome {
    /// Whether what was asked for is so.
    pub fn succeeded(self) -> bool {
        !matches!(self, Self::FailedAndRolledBack | Self::Failed | Self::Cancelled)
    }
}

/// One deployment: who, what, when, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// [`RECORD_SCHEMA`].
    pub schema: String,
    /// Who asked, from which state of the project.
    pub origin: Origin,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The target's name.
    pub target: String,
    /// The target's address.
    pub address: String,
    /// What was wanted.
    pub goal: Goal,
    /// The release that was to serve.
    pub release: Option<Digest>,
    /// The release that served before.
    pub before: Option<Digest>,
    /// The release that served at the end, as far as could be told.
    pub serving: Option<Digest>,
    /// Where quotes are answered.
    pub url: Option<String>,
    /// The target's own proof of what serves: an image digest, a revision, a process id.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was planned; `None` when it failed before.
    pub plan: Option<Plan>,
    /// The plan's digest: what an approval names.
    pub plan_digest: Option<Digest>,
    /// The steps that were done.
    pub steps: Vec<StepRecord>,
    /// What was proven before.
    pub proof: Option<ProofSummary>,
    /// Premiums that differ from the last verified deployment of this address.
    pub premium_changes: Vec<PremiumChange>,
    /// What was found to serve afterwards.
    pub verification: Option<Verification>,
    /// What the target found out about a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<FailureReport>,
    /// Time per phase, in milliseconds.
    pub timings: BTreeMap<String, u64>,
    /// What failed.
    pub error: Option<ErrorRecord>,
}

impl Record {
    /// Whether it ended with a release that serves and was verified.
    pub fn is_verified(&self) -> bool {
        // A canary is verified too, but it is not what all callers get.
        let whole = match self.outcome {
            Outcome::Deployed | Outcome::RolledBack | Outcome::Promoted | Outcome::Aborted => true,
            Outcome::Unchanged => !matches!(self.goal, Goal::Canary { .. }),
            _ => false,
        };
        whole && self.verification.as_ref().is_some_and(|verification| verification.passed)
    }
}

/// One step that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepRecord {
    /// Its id.
    pub id: String,
    /// For people.
    pub title: String,
    /// Whether it is done.
    pub done: bool,
    /// Whether an earlier run had done it already.
    pub already: bool,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// What the target wanted to remember.
    pub outputs: Value,
}

impl StepRecord {
    pub(crate) fn new(id: &str, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            done: false,
            already: false,
            milliseconds: 0,
            outputs: Value::Null,
        }
    }
}

/// What was proven, without the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProofSummary {
    /// Whether every check passed.
    pub passed: bool,
    /// Checks over all quotes.
    pub checks: Vec<Check>,
    /// Where it ran.
    pub environment: Map<String, Value>,
    /// The prices of each quote.
    pub quotes: Vec<QuotePrices>,
}

/// The prices of one quote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotePrices {
    /// The quote's id.
    pub id: String,
    /// The numeric price columns of its answer.
    pub prices: Map<String, Value>,
}

impl ProofSummary {
    /// The summary of a proof.
    pub fn of(proof: &Proof) -> Self {
        Self {
            passed: proof.passed,
            checks: proof.checks.clone(),
            environment: proof.environment.clone(),
            quotes: proof
                .quotes
                .iter()
                .map(|quote| QuotePrices { id: quote.id.clone(), prices: quote.prices.clone() })
                .collect(),
        }
    }
}

/// What failed, as kept in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorRecord {
    /// Its class.
    pub kind: ErrorKind,
    /// The operation that failed.
    pub operation: Option<String>,
    /// The error and everything behind it.
    pub chain: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl ErrorRecord {
    /// What to keep of an error.
    pub fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            operation: error.operation().map(str::to_owned),
            chain: chain(error),
            hints: error.hints().to_vec(),
        }
    }
}
