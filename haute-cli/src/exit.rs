//! The exit codes, and the one mapping from what went wrong to one of them.

use std::process::{ExitCode, Termination};

use haute_core::{Error, ErrorKind};

/// The key under which the engine names what serves after a failure that left something else serving than before.
pub(crate) const SERVES_NOW: &str = "serves now";

/// How a run ended. The numbers are a contract with the CI jobs that read them; they never change meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// Done, or there was nothing to do.
    Done,
    /// The command line cannot be carried out as given.
    Usage,
    /// The check or the proof failed.
    CheckFailed,
    /// Credentials are missing or refused, or a permission is.
    Credentials,
    /// The release could not be built, or not be pushed.
    BuildFailed,
    /// The deployment failed; the version before it still serves.
    DeploymentFailed,
    /// The deployment failed and the way back is not confirmed.
    RollbackUnconfirmed,
    /// A newer deployment took over.
    Superseded,
    /// The deadline passed while the world was changing; its state is not known.
    TimedOut,
    /// Somebody has to approve first.
    WaitingForApproval,
    /// `plan --exit-code`: there are changes.
    Changes,
    /// A bug of this program.
    Bug,
    /// Stopped by a signal.
    Interrupted,
}

/// Where on the way of a release something went wrong: decides what a kind without a code of its own comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Arguments, configuration, static check, or a command that only reads.
    Prepare,
    /// Building the release.
    Build,
    /// Proving it.
    Prove,
    /// Holding a service against what it should answer: nothing is meant to change.
    Ask,
    /// Reading the target's world for a plan: nothing has changed yet.
    Plan,
    /// Changing the target's world.
    Apply,
}

impl Exit {
    /// Every exit, in order of its number.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Usage,
        Self::CheckFailed,
        Self::Credentials,
        Self::BuildFailed,
        Self::DeploymentFailed,
        Self::RollbackUnconfirmed,
        Self::Superseded,
        Self::TimedOut,
        Self::WaitingForApproval,
        Self::Changes,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::CheckFailed => 3,
            Self::Credentials => 4,
            Self::BuildFailed => 5,
            Self::DeploymentFailed => 6,
            Self::RollbackUnconfirmed => 7,
            Self::Superseded => 8,
            Self::TimedOut => 9,
            Self::WaitingForApproval => 10,
            Self::Changes => 20,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// The `outcome` of a JSON result line of a command that did not come to its end; the exit code says why.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Changes => "changes",
            Self::Superseded => "superseded",
            Self::TimedOut => "timed_out",
            Self::WaitingForApproval => "waiting_for_approval",
            Self::Interrupted => "interrupted",
            Self::Usage
            | Self::CheckFailed
            | Self::Credentials
            | Self::BuildFailed
            | Self::DeploymentFailed
            | Self::RollbackUnconfirmed
            | Self::Bug => "failed",
        }
    }

    /// What it means, for the help text and the manual.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Usage => "the command line or the request is wrong",
            Self::CheckFailed => "check or proof failed",
            Self::Credentials => "credentials or permission",
            Self::BuildFailed => "build or push failed",
            Self::DeploymentFailed => "deployment failed, the old version still serves",
            Self::RollbackUnconfirmed => "failed, and the way back is not confirmed",
            Self::Superseded => "superseded by a newer deployment",
            Self::TimedOut => "timed out, state unknown (the output names the command that resumes)",
            Self::WaitingForApproval => "waiting for approval",
            Self::Changes => "`plan --exit-code` found changes",
            Self::Bug => "a bug of haute-cli",
            Self::Interrupted => "interrupted",
        }
    }

    /// What `error` at `stage` comes to.
    pub(crate) fn of(error: &Error, stage: Stage) -> Self {
        let exit = Self::of_kind(error.kind(), stage);
        // The engine adds this where the world did change and what served before may no longer serve. A stale plan names
        // what serves too, but changed nothing.
        let changed = error.context().iter().any(|(key, _)| *key == SERVES_NOW)
            && !matches!(error.kind(), ErrorKind::DeploymentFailed | ErrorKind::StalePlan);
        if changed && exit == Self::DeploymentFailed { Self::RollbackUnconfirmed } else { exit }
    }

    fn of_kind(kind: ErrorKind, stage: Stage) -> Self {
        match kind {
            ErrorKind::InvalidInput | ErrorKind::Unsupported => Self::Usage,
            ErrorKind::CheckFailed | ErrorKind::ProofFailed => Self::CheckFailed,
            ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => Self::Credentials,
            ErrorKind::BuildFailed => Self::BuildFailed,
            ErrorKind::DeploymentFailed => Self::DeploymentFailed,
            ErrorKind::RollbackUnconfirmed => Self::RollbackUnconfirmed,
            ErrorKind::Superseded => Self::Superseded,
            ErrorKind::WaitingForApproval => Self::WaitingForApproval,
            ErrorKind::Cancelled => Self::Interrupted,
            ErrorKind::Timeout if stage == Stage::Apply => Self::TimedOut,
            // The engine says `DeploymentFailed` where the old version serves. This one says: another price serves.
            ErrorKind::VerificationFailed if stage == Stage::Apply => Self::RollbackUnconfirmed,
            // Nothing was being changed when these came up, or a change was refused: the stage says what did not happen.
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::StalePlan
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::VerificationFailed
            | ErrorKind::Timeout => match stage {
                Stage::Build => Self::BuildFailed,
                Stage::Prove | Stage::Ask => Self::CheckFailed,
                Stage::Prepare | Stage::Plan | Stage::Apply => Self::DeploymentFailed,
            },
            // `ErrorKind` grows; a kind this file does not know is a bug of this file.
            _ => Self::Bug,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_contract() {
        let table: Vec<_> = Exit::ALL.iter().map(|exit| (exit.code(), exit.outcome())).collect();
        assert_eq!(
            table,
            [
                (0, "done"),
                (2, "failed"),
                (3, "failed"),
                (4, "failed"),
                (5, "failed"),
                (6, "failed"),
                (7, "failed"),
                (8, "superseded"),
                (9, "timed_out"),
                (10, "waiting_for_approval"),
                (20, "changes"),
                (70, "failed"),
                (130, "interrupted"),
            ]
        );
    }

    #[test]
    fn every_kind_has_its_exit_at_every_stage() {
        use ErrorKind as K;
        // kind, then the exit when preparing, building, proving, planning, applying; asking is as proving
        let table = [
            (K::InvalidInput, [2, 2, 2, 2, 2]),
            (K::Unsupported, [2, 2, 2, 2, 2]),
            (K::CheckFailed, [3, 3, 3, 3, 3]),
            (K::ProofFailed, [3, 3, 3, 3, 3]),
            (K::Unauthenticated, [4, 4, 4, 4, 4]),
            (K::PermissionDenied, [4, 4, 4, 4, 4]),
            (K::BuildFailed, [5, 5, 5, 5, 5]),
            (K::DeploymentFailed, [6, 6, 6, 6, 6]),
            (K::RollbackUnconfirmed, [7, 7, 7, 7, 7]),
            (K::Superseded, [8, 8, 8, 8, 8]),
            (K::WaitingForApproval, [10, 10, 10, 10, 10]),
            (K::Timeout, [6, 5, 3, 6, 9]),
            (K::NotFound, [6, 5, 3, 6, 6]),
            (K::AlreadyExists, [6, 5, 3, 6, 6]),
            (K::Conflict, [6, 5, 3, 6, 6]),
            (K::StalePlan, [6, 5, 3, 6, 6]),
            (K::RateLimited, [6, 5, 3, 6, 6]),
            (K::Unavailable, [6, 5, 3, 6, 6]),
            (K::VerificationFailed, [6, 5, 3, 6, 7]),
            (K::Cancelled, [130, 130, 130, 130, 130]),
            (K::Unexpected, [70, 70, 70, 70, 70]),
        ];
        for (kind, codes) in table {
            let stages = [Stage::Prepare, Stage::Build, Stage::Prove, Stage::Plan, Stage::Apply];
            assert_eq!(stages.map(|stage| Exit::of_kind(kind, stage).code()), codes, "{kind:?}");
            assert_eq!(Exit::of_kind(kind, Stage::Ask), Exit::of_kind(kind, Stage::Prove), "{kind:?}");
        }
    }

    #[test]
    fn an_old_version_is_only_said_to_serve_where_it_does() {
        let error = Error::new(ErrorKind::Conflict, "somebody else changed it");
        assert_eq!(Exit::of(&error, Stage::Apply), Exit::DeploymentFailed);
        let error = error.with_context(SERVES_NOW, "1a2b3c");
        assert_eq!(Exit::of(&error, Stage::Apply), Exit::RollbackUnconfirmed);
    }
}
