//! Errors of this target.

use std::path::Path;

use haute_core::{Error, ErrorKind};

/// A file that cannot be read or written.
pub(crate) fn file(verb: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = if error.kind() == std::io::ErrorKind::PermissionDenied {
        ErrorKind::PermissionDenied
    } else {
        ErrorKind::Unavailable
    };
    Error::new(kind, format!("cannot {verb} `{}`", path.display()))
        .with_operation("local.file")
        .with_source(error)
}

/// A supervisor that does not answer as it should.
pub(crate) fn supervisor(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, words).with_operation("local.supervisor")
}

/// A release that did not come up, with its last words.
pub(crate) fn not_up(message: String, lines: &[String]) -> Error {
    let error = Error::new(ErrorKind::DeploymentFailed, message).with_operation("local.start");
    if lines.is_empty() {
        return error.with_hint("the process wrote nothing; see `supervisor.log` below `.haute-cli/local`");
    }
    error.with_source(format!("the last lines it wrote:\n{}", lines.join("\n")))
}
