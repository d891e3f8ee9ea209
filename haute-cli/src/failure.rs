//! How a command ends when it does not end well.

use haute_core::diagnostic::Report;
use haute_core::{Error, ErrorKind};

use crate::exit::{Exit, Stage};

/// Why a command did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The project's files hold mistakes.
    Check(Box<Report>),
    /// The world did not play along.
    Error {
        /// What went wrong.
        error: Error,
        /// Where on the way.
        stage: Stage,
    },
}

impl Failure {
    /// A request that cannot be carried out as given.
    pub(crate) fn usage(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Check(_) => Exit::CheckFailed,
            Self::Error { error, stage } => Exit::of(error.kind(), *stage),
        }
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self::Check(Box::new(report))
    }
}

/// Names the stage an error came up at.
pub(crate) trait At<T> {
    /// Turns an error into a failure at `stage`.
    fn at(self, stage: Stage) -> Result<T, Failure>;
}

impl<T> At<T> for haute_core::Result<T> {
    fn at(self, stage: Stage) -> Result<T, Failure> {
        self.map_err(|error| Failure::Error { error, stage })
    }
}
