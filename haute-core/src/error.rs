//! Errors: what went wrong in the world (a file system, a process, a registry, a cloud).
//!
//! A mistake in a file the user wrote is a [`Diagnostic`](crate::diagnostic::Diagnostic), not an error.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The result of an operation on the world.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What class of thing went wrong. Exit codes are derived from it in one place, the CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself cannot be carried out as given (an unknown target, a missing file named by a flag).
    InvalidInput,
    /// The project's own files hold mistakes; the diagnostics say which.
    CheckFailed,
    /// The release could not be made (lock resolution, environment, assembling).
    BuildFailed,
    /// Test quotes did not give the prices they should.
    ProofFailed,
    /// Nobody is signed in, or the credentials were refused.
    Unauthenticated,
    /// Signed in, but not allowed.
    PermissionDenied,
    /// Something that was named does not exist.
    NotFound,
    /// Something exists already, with other content.
    AlreadyExists,
    /// Another change is under way, or got in between.
    Conflict,
    /// The world changed after the plan was made.
    StalePlan,
    /// A newer deployment replaced this one.
    Superseded,
    /// The other side asks to slow down, or a quota is used up.
    RateLimited,
    /// The other side cannot be reached, or answers that it is not able to now.
    Unavailable,
    /// The deadline passed; whether the change took effect is not known.
    Timeout,
    /// Somebody has to approve before it goes on: a deployment that waits at a hook, for one.
    WaitingForApproval,
    /// The new version did not come up, and the old one still serves.
    DeploymentFailed,
    /// The new version failed and the way back could not be confirmed.
    RollbackUnconfirmed,
    /// What serves is not what was proven.
    VerificationFailed,
    /// The target cannot do what was asked.
    Unsupported,
    /// The caller cancelled.
    Cancelled,
    /// A bug of this project.
    Unexpected,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail the same way.
    Never,
    /// The same request may succeed; the engine decides when.
    Soon,
    /// The other side named a time to wait.
    After(Duration),
}

/// An error about the world: kind, operation, retry class, context, and the error behind it.
///
/// `Display` is one line without the source, so that a renderer can print the chain without saying things twice.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<&'static str>,
    retry: Retry,
    context: Vec<(&'static str, String)>,
    hints: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`: lower case, no full stop, literals in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            retry: Retry::Never,
            context: Vec::new(),
            hints: Vec::new(),
            source: None,
        }))
    }

    /// An internal invariant that does not hold: a bug of this project, said as such.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
            .with_hint("this is a bug of haute-cli, please report it with the output above")
    }

    /// Names the operation that failed, such as `build.lock` or `ecs.RegisterTaskDefinition`.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// Adds a fact about where it happened. Never a secret.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.context.push((key, value.into()));
        self
    }

    /// Adds what the reader can do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Sets the retry class.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Keeps the error behind this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The one-line message, without operation, context or source.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The operation that failed, when one was named.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Facts about where it happened, in the order they were added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// What the reader can do next.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut separator = " (";
        for (key, value) in &self.0.context {
            write!(f, "{separator}{key}: {value}")?;
            separator = ", ";
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("operation", &self.0.operation)
            .field("retry", &self.0.retry)
            .field("context", &self.0.context)
            .field("hints", &self.0.hints)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The error and everything behind it, as one string per link: for a renderer or a record.
pub fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut links = vec![error.to_string()];
    let mut next = error.source();
    while let Some(link) = next {
        links.push(link.to_string());
        next = link.source();
    }
    links
}
