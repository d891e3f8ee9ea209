//! What a target can do, as data.

use serde::{Deserialize, Serialize};

/// What a target can do. Callers look here before they ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each asked for by name")]
pub struct Capabilities {
    /// Reaches beyond this machine: a deploy outside CI wants a `--yes`.
    pub remote: bool,
    /// Can serve an earlier release again.
    pub rollback: bool,
    /// Can be taken down.
    pub remove: bool,
    /// Has an address quotes can be sent to.
    pub serves_http: bool,
    /// Can serve a release to a share of the callers, beside the one before.
    pub canary: bool,
}

impl Capabilities {
    /// None.
    pub const fn none() -> Self {
        Self { remote: false, rollback: false, remove: false, serves_http: false, canary: false }
    }

    /// Reaches beyond this machine.
    #[must_use]
    pub const fn with_remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Can serve an earlier release again.
    #[must_use]
    pub const fn with_rollback(mut self) -> Self {
        self.rollback = true;
        self
    }

    /// Can be taken down.
    #[must_use]
    pub const fn with_remove(mut self) -> Self {
        self.remove = true;
        self
    }

    /// Has an address quotes can be sent to.
    #[must_use]
    pub const fn with_http(mut self) -> Self {
        self.serves_http = true;
        self
    }

    /// Can serve a release to a share of the callers.
    #[must_use]
    pub const fn with_canary(mut self) -> Self {
        self.canary = true;
        self
    }
}
