//! The journal of an address: what was begun and what was done, line by line, so that a killed apply can be resumed.
//!
//! `<project>/.haute-cli/journal/<target>/<address>.jsonl`, append-only JSON lines, each on disk before the next thing
//! happens. A last line that was cut off by a crash is ignored by readers and removed by the next writer.

mod file;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use file::Journal;

use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::plan::{Goal, Plan};

/// The version of the journal this crate writes and reads.
pub const JOURNAL_SCHEMA: &str = "haute.journal/1";

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What a journal line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// An apply begins; nothing is changed yet.
    ApplyStarted {
        /// [`JOURNAL_SCHEMA`].
        schema: String,
        /// Names the apply; tokens are derived from it.
        apply: String,
        /// What is to be done.
        plan: Box<Plan>,
    },
    /// An apply that was cut off goes on.
    ApplyResumed {
        /// What is still to be done, as the world says now.
        plan: Box<Plan>,
    },
    /// A step is about to be applied: from here on the world may have changed.
    StepStarted {
        /// The step's id.
        step: String,
        /// Its idempotency token.
        token: String,
    },
    /// The step's call returned; the world may still have to catch up.
    StepApplied {
        /// The step's id.
        step: String,
        /// What the target wants to remember.
        outputs: Value,
    },
    /// The world has caught up with the step.
    StepFinished {
        /// The step's id.
        step: String,
    },
    /// The step failed.
    StepFailed {
        /// The step's id.
        step: String,
        /// What failed.
        error: String,
        /// Its class.
        kind: ErrorKind,
    },
    /// The apply is over; there is nothing to resume.
    ApplyFinished {
        /// How it ended.
        end: ApplyEnd,
    },
}

/// How an apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyEnd {
    /// Every step is done.
    Done,
    /// A step failed for good.
    Failed,
    /// It was cut off, and something else was wanted next.
    Replaced,
}

/// An apply that was cut off: by a kill, a cancellation, or an error that leaves the state of the world open.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pending {
    /// Names the apply.
    pub apply: String,
    /// When it began.
    pub since: Timestamp,
    /// What was to be done.
    pub plan: Plan,
    /// The steps it began, by id.
    pub steps: BTreeMap<String, PendingStep>,
}

/// A step of an apply that was cut off.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingStep {
    /// Its idempotency token.
    pub token: String,
    /// What its call returned; `None` when it never did: whether it took effect is open.
    pub outputs: Option<Value>,
    /// Whether the world had caught up with it.
    pub finished: bool,
    /// How often it was begun under a token of its own.
    pub rounds: u32,
}

impl Pending {
    /// Whether it was on the way to the same goal and release.
    pub fn is_for(&self, goal: &Goal, release: Option<&Digest>) -> bool {
        &self.plan.goal == goal && self.plan.release.as_ref() == release
    }
}

/// What the lines of a journal leave open.
fn pending(lines: impl IntoIterator<Item = Line>) -> Option<Pending> {
    let mut open: Option<Pending> = None;
    for Line { at, entry } in lines {
        match (entry, open.as_mut()) {
            (Entry::ApplyStarted { apply, plan, .. }, _) => {
                open = Some(Pending { apply, since: at, plan: *plan, steps: BTreeMap::new() });
            }
            (Entry::ApplyFinished { .. }, _) => open = None,
            (Entry::ApplyResumed { plan }, Some(open)) => open.plan = *plan,
            (Entry::StepStarted { step, token }, Some(open)) => {
                let rounds =
                    open.steps.get(&step).map_or(1, |old| old.rounds + u32::from(old.token != token));
                open.steps.insert(step, PendingStep { token, outputs: None, finished: false, rounds });
            }
            (Entry::StepApplied { step, outputs }, Some(open)) => {
                if let Some(step) = open.steps.get_mut(&step) {
                    step.outputs = Some(outputs);
                }
            }
            (Entry::StepFinished { step }, Some(open)) => {
                if let Some(step) = open.steps.get_mut(&step) {
                    step.finished = true;
                }
            }
            (Entry::StepFailed { .. }, _) | (_, None) => {}
        }
    }
    open
}
