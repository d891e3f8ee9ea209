//! What was asked.

use std::time::Duration;

use serde_json::Value;

use crate::fault::Fault;

/// A call that was made.
///
/// Requests to the registry are calls as well, of the service `registry`, by what they do: `GetManifest`, `HeadManifest`,
/// `PutManifest`, `GetBlob`, `HeadBlob`, `StartUpload`, `SendUpload`, `FinishUpload`, `Ping`, `Other`; their body names the
/// path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// Counted from one.
    pub number: usize,
    /// `ecs`, `ecr`, `logs`, `sts`, `elasticloadbalancing` or `registry`.
    pub service: String,
    /// `UpdateService`.
    pub action: String,
    /// The request, as JSON also where it came as a form.
    pub body: Value,
    /// When, by the fake's clock, since the Unix epoch.
    pub at: Duration,
    /// The type of the refusal, when it was refused.
    pub refused: Option<String>,
    /// What went wrong with it, when something was to.
    pub fault: Option<Fault>,
    /// Whether it changed something.
    pub wrote: bool,
}
