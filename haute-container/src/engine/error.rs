//! What an engine fails with.

use std::error::Error as StdError;

use bollard::errors::Error as EngineError;
use haute_core::error::{Error, ErrorKind, Retry};

/// The caller wants to stop.
pub(super) fn cancelled(what: &str) -> Error {
    Error::new(ErrorKind::Cancelled, format!("stopped while {what}"))
        .with_hint("nothing was tagged or pushed; the same command goes on from what the engine has")
}

/// An error of the engine, while `what` was tried.
pub(super) fn failed(operation: &'static str, what: &str, source: EngineError) -> Error {
    let denied = io_kind(&source) == Some(std::io::ErrorKind::PermissionDenied);
    let (kind, retry, words) = match &source {
        _ if denied => {
            (ErrorKind::PermissionDenied, Retry::Never, "this user may not speak to it".to_owned())
        }
        EngineError::DockerResponseServerError { status_code, message } => {
            let kind = match status_code {
                404 => ErrorKind::NotFound,
                409 => ErrorKind::Conflict,
                400 => ErrorKind::InvalidInput,
                503 => ErrorKind::Unavailable,
                _ => ErrorKind::Unexpected,
            };
            (registry_kind(message).unwrap_or(kind), Retry::Never, one_line(message))
        }
        EngineError::DockerStreamError { error } => {
            (registry_kind(error).unwrap_or(ErrorKind::Unexpected), Retry::Never, one_line(error))
        }
        EngineError::RequestTimeoutError => {
            (ErrorKind::Timeout, Retry::Soon, "it did not answer in time".to_owned())
        }
        EngineError::SocketNotFoundError(_) | EngineError::HyperLegacyError { .. } => {
            (ErrorKind::Unavailable, Retry::Soon, "it does not answer".to_owned())
        }
        EngineError::HyperResponseError { .. } | EngineError::IOError { .. } => {
            (ErrorKind::Unavailable, Retry::Soon, "it broke off the connection".to_owned())
        }
        other => (ErrorKind::Unexpected, Retry::Never, one_line(&other.to_string())),
    };
    let mut error = Error::new(kind, format!("the Docker engine cannot {what}: {words}"))
        .with_operation(operation)
        .with_retry(retry);
    if denied {
        error = error
            .with_hint(
                "add the user to the group of the engine's socket (`docker`), or use a rootless engine",
            )
            .with_hint("or set `builder = \"direct\"`, which needs no engine");
    }
    // The words of the engine are in the message already.
    match source {
        EngineError::DockerResponseServerError { .. } | EngineError::DockerStreamError { .. } => error,
        source => error.with_source(source),
    }
}

/// The class of what a registry said through an engine.
///
/// The engine hands on nothing but text. Looked for are the words registries and the engine use for the error codes of the
/// distribution specification ("Error codes": `UNAUTHORIZED`, `DENIED`, `NAME_UNKNOWN` …), and ECR's for a tag that must not
/// be moved.
pub(super) fn registry_kind(message: &str) -> Option<ErrorKind> {
    let text = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "imagetagalreadyexists",
        "tag is immutable",
        "cannot be overwritten",
        "repository is immutable",
    ]) {
        return Some(ErrorKind::AlreadyExists);
    }
    if says(&[
        "unauthorized",
        "no basic auth credentials",
        "authentication required",
        "authorization token has expired",
        "401 ",
    ]) {
        return Some(ErrorKind::Unauthenticated);
    }
    if says(&["toomanyrequests", "too many requests", "429 "]) {
        return Some(ErrorKind::RateLimited);
    }
    if says(&[
        "name unknown",
        "repository does not exist",
        "does not exist in the registry",
        "manifest unknown",
    ]) || (text.contains("repository with name") && text.contains("does not exist"))
    {
        return Some(ErrorKind::NotFound);
    }
    if says(&["denied", "not authorized to perform", "403 forbidden"]) {
        return Some(ErrorKind::PermissionDenied);
    }
    if says(&[
        "connection refused",
        "no such host",
        "i/o timeout",
        "tls handshake",
        "connection reset",
        " eof",
    ]) {
        return Some(ErrorKind::Unavailable);
    }
    None
}

/// The kind of the input/output error at the bottom of it.
fn io_kind(error: &EngineError) -> Option<std::io::ErrorKind> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

/// Text of the engine on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_says_through_an_engine_keeps_its_class() {
        let cases = [
            ("unauthorized: authentication required", Some(ErrorKind::Unauthenticated)),
            ("no basic auth credentials", Some(ErrorKind::Unauthenticated)),
            (
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                Some(ErrorKind::Unauthenticated),
            ),
            ("denied: requested access to the resource is denied", Some(ErrorKind::PermissionDenied)),
            (
                "denied: User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:InitiateLayerUpload",
                Some(ErrorKind::PermissionDenied),
            ),
            (
                "name unknown: The repository with name 'motor' does not exist in the registry with id '1'",
                Some(ErrorKind::NotFound),
            ),
            (
                "tag invalid: The image tag 'a1' already exists in the 'motor' repository and cannot be overwritten because the repository is immutable.",
                Some(ErrorKind::AlreadyExists),
            ),
            ("toomanyrequests: You have reached your pull rate limit.", Some(ErrorKind::RateLimited)),
            (
                "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                Some(ErrorKind::Unavailable),
            ),
            ("the disk is full", None),
        ];
        for (text, kind) in cases {
            assert_eq!(registry_kind(text), kind, "{text}");
        }
    }
}
