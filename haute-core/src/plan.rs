//! Plans: what a target would change, as data that can be shown, stored, approved and applied elsewhere.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The version of the plan format this crate writes and reads.
pub const PLAN_SCHEMA: &str = "haute.plan/1";

/// What is wanted of a target. Each is planned, shown and applied the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goal", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Goal {
    /// This release serves.
    Deploy,
    /// An earlier release serves again.
    Rollback {
        /// Which one; `None` is the last one before the current whose verification passed.
        to: Option<Digest>,
    },
    /// Nothing serves any more.
    Remove,
    /// This release serves a share of the traffic, beside the one that serves.
    Canary {
        /// The share, 1 to 99.
        percent: u8,
    },
    /// The canary serves everything.
    Promote,
    /// The canary serves nothing any more.
    Abort,
}

impl Goal {
    /// Whether it brings a new release, which has to be given.
    pub fn needs_release(&self) -> bool {
        matches!(self, Self::Deploy | Self::Canary { .. })
    }
}

/// What a step does to the thing it names, in order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Makes something new.
    Create,
    /// Changes something that is there.
    Update,
    /// Starts something.
    Start,
    /// Stops something.
    Stop,
    /// Deletes something.
    Delete,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field's path, such as `image`.
    pub field: String,
    /// Before; `None` when it is not there. A secret is `[redacted]`.
    pub before: Option<String>,
    /// After; `None` when it goes away.
    pub after: Option<String>,
}

impl Change {
    /// A change of `field`.
    pub fn new(field: impl Into<String>, before: Option<String>, after: Option<String>) -> Self {
        Self { field: field.into(), before, after }
    }
}

/// One change of the world: one call of [`apply_step`](crate::target::DeployTarget::apply_step).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// Unique in the plan and stable over re-planning of the same change, such as `start`.
    pub id: String,
    /// For people, in the imperative: "Start release 1a2b3c".
    pub title: String,
    /// What it does.
    pub action: Action,
    /// The fields that change.
    pub changes: Vec<Change>,
    /// What the target needs to apply it. Core never looks inside; never a secret.
    pub payload: serde_json::Value,
    /// How long the world may take to catch up with it, in seconds; `None` leaves it to the engine's policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// Whether it waits until what serves has been verified: it says of the world what only the verification shows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_verification: bool,
}

impl Step {
    /// A step without changes or payload.
    pub fn new(id: impl Into<String>, title: impl Into<String>, action: Action) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            action,
            changes: Vec::new(),
            payload: serde_json::Value::Null,
            deadline_seconds: None,
            after_verification: false,
        }
    }

    /// Lets it wait until what serves has been verified: an alias that moves, a tag that says so.
    #[must_use]
    pub fn after_verification(mut self) -> Self {
        self.after_verification = true;
        self
    }

    /// Sets how long the world may take to catch up with it, in seconds.
    #[must_use]
    pub fn with_deadline(mut self, seconds: u64) -> Self {
        self.deadline_seconds = Some(seconds);
        self
    }

    /// Adds a field that changes.
    #[must_use]
    pub fn with_change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// Sets what the target needs to apply it.
    #[must_use]
    pub fn with_payload(mut self, payload: serde_json::Value) -> Self {
        self.payload = payload;
        self
    }
}

/// What a target would change to reach a goal, and the world it saw when it said so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The target's name, such as `local`.
    pub target: String,
    /// The target's address of the thing that changes, such as a service; distinguishes two deployments of one target.
    pub address: String,
    /// What is wanted.
    pub goal: Goal,
    /// The release that serves afterwards; `None` for [`Goal::Remove`].
    pub release: Option<Digest>,
    /// The release that serves now, as far as the target can tell.
    pub serving: Option<Digest>,
    /// A digest of what the target read: apply refuses a plan whose world has changed.
    pub fingerprint: Digest,
    /// What changes, in order. Empty: there is nothing to do.
    pub steps: Vec<Step>,
    /// What a reader should know about it.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Plan {
    /// An empty plan for `goal`.
    pub fn new(
        target: impl Into<String>,
        address: impl Into<String>,
        goal: Goal,
        fingerprint: Digest,
    ) -> Self {
        Self {
            schema: PLAN_SCHEMA.to_owned(),
            target: target.into(),
            address: address.into(),
            goal,
            release: None,
            serving: None,
            fingerprint,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Sets the release that serves now and the one that serves afterwards.
    #[must_use]
    pub fn with_releases(mut self, serving: Option<Digest>, release: Option<Digest>) -> Self {
        self.serving = serving;
        self.release = release;
        self
    }

    /// Adds a step at the end.
    #[must_use]
    pub fn with_step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds what a reader should know.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The digest of the plan itself: what an approval names.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_vec(self).unwrap_or_default())
    }
}
