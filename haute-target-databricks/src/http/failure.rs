//! What a server refuses, and what goes wrong on the way to it.
//!
//! Databricks and MLflow answer `{"error_code", "message"}`; the code says more than the status, which differs between
//! back ends for the same thing (an existing name is a 400 here and a 409 there).

use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Retry};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::Call;

/// The result of a request.
pub(crate) type CallResult<T> = Result<T, CallError>;

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The server said no.
    Refused {
        /// The `error_code`; empty when it gave none.
        code: String,
        /// The same as an error.
        error: Error,
    },
    /// There was no answer. Whether the request took effect is not known.
    Broken(Error),
}

impl CallError {
    /// Whether the server does not have what was asked for, or not for this caller: another way may be open.
    pub(crate) fn is_closed(&self) -> bool {
        let Self::Refused { error, .. } = self else { return false };
        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::Unsupported)
    }

    /// The same, to be tried again.
    pub(super) fn again(self) -> Self {
        match self {
            Self::Refused { code, error } => Self::Refused { code, error: error.with_retry(Retry::Soon) },
            Self::Broken(error) => Self::Broken(error.with_retry(Retry::Soon)),
        }
    }

    /// Whether the server said no with this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { error, .. } | CallError::Broken(error) => error,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// `None` where what was asked for is not there.
pub(crate) fn absent<T>(result: CallResult<T>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is("RESOURCE_DOES_NOT_EXIST") || error.is("NOT_FOUND") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn transport(base: &str, path: &str, error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let (kind, words) = if error.is_timeout() {
        (ErrorKind::Timeout, "did not answer in time")
    } else if error.is_connect() {
        (ErrorKind::Unavailable, "cannot be reached")
    } else {
        (ErrorKind::Unavailable, "broke off")
    };
    CallError::Broken(
        Error::new(kind, format!("`{base}` {words}"))
            .with_operation("databricks.call")
            .with_context("path", path)
            .with_retry(Retry::Soon)
            .with_source(error),
    )
}

pub(super) fn refused(
    base: &str,
    call: Call<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> CallError {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |keys: &[&str]| {
        keys.iter().find_map(|key| said.get(key)?.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let code =
        text(&["error_code", "errorCode", "scimType"]).or_else(|| text(&["error"])).unwrap_or_default();
    let words = text(&["message", "error_description", "errorSummary", "detail", "error"])
        .unwrap_or_else(|| excerpt(body));
    let (kind, retry) = class(status, &code, headers);
    let mut error = Error::new(kind, format!("`{base}` answers {}: {words}", status.as_u16()))
        .with_operation("databricks.call")
        .with_retry(retry)
        .with_context("call", format!("{} {}", call.method, call.path));
    if !code.is_empty() {
        error = error.with_context("error code", code.clone());
    }
    for (name, key) in [("x-request-id", "request id"), ("x-databricks-request-id", "request id")] {
        if let Some(id) = headers.get(name).and_then(|id| id.to_str().ok()) {
            error = error.with_context(key, id);
        }
    }
    if status.is_redirection() {
        error = error.with_hint("the server sends browsers to a login page: check the address, and that this network may reach it");
    }
    CallError::Refused { code, error }
}

fn class(status: StatusCode, code: &str, headers: &HeaderMap) -> (ErrorKind, Retry) {
    let wait = || {
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        seconds.map_or(Retry::Soon, |seconds| Retry::After(Duration::from_secs(seconds)))
    };
    match (code, status.as_u16()) {
        ("RESOURCE_ALREADY_EXISTS", _) => (ErrorKind::AlreadyExists, Retry::Never),
        ("RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND", _) => (ErrorKind::NotFound, Retry::Never),
        ("RESOURCE_CONFLICT", _) => (ErrorKind::Conflict, Retry::Soon),
        ("REQUEST_LIMIT_EXCEEDED", _) | (_, 429) => (ErrorKind::RateLimited, wait()),
        ("TEMPORARILY_UNAVAILABLE", _) | (_, 502..=504) => (ErrorKind::Unavailable, wait()),
        ("PERMISSION_DENIED", _) | (_, 403) => (ErrorKind::PermissionDenied, Retry::Never),
        ("UNAUTHENTICATED" | "invalid_client" | "invalid_grant", _) | (_, 401) => {
            (ErrorKind::Unauthenticated, Retry::Never)
        }
        ("FEATURE_DISABLED" | "NOT_IMPLEMENTED", _) | (_, 405 | 501) => {
            (ErrorKind::Unsupported, Retry::Never)
        }
        (_, 404) => (ErrorKind::NotFound, Retry::Never),
        (_, 408) => (ErrorKind::Timeout, Retry::Soon),
        (_, 409) => (ErrorKind::Conflict, Retry::Soon),
        // 500 is also a fault that passes, on a server that restarts or is out of connections.
        (_, 500) => (ErrorKind::Unavailable, Retry::Soon),
        (_, 300..=399) => (ErrorKind::Unauthenticated, Retry::Never),
        _ => (ErrorKind::InvalidInput, Retry::Never),
    }
}

/// The first words of a body, on one line, without the tags of a page.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut plain = String::new();
    let mut tag = false;
    for c in text.chars() {
        match c {
            '<' => tag = true,
            '>' if tag => {
                tag = false;
                plain.push(' ');
            }
            _ if !tag => plain.push(c),
            _ => {}
        }
    }
    let text: String = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return "nothing more".to_owned();
    }
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;

    use super::*;

    fn error(status: u16, body: &str, headers: &HeaderMap) -> CallError {
        let call = Call { method: &Method::POST, path: "api/x", query: &[] };
        refused("https://w.test", call, StatusCode::from_u16(status).unwrap(), headers, body.as_bytes())
    }

    #[test]
    fn the_code_says_more_than_the_status() {
        let body = json!({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there already"}).to_string();
        let refused = error(400, &body, &HeaderMap::new());
        assert!(refused.is("RESOURCE_ALREADY_EXISTS"));
        let plain = Error::from(refused);
        assert_eq!(plain.kind(), ErrorKind::AlreadyExists);
        assert_eq!(
            plain.to_string(),
            "`https://w.test` answers 400: there already (call: POST api/x, error code: RESOURCE_ALREADY_EXISTS)"
        );
    }

    #[test]
    fn a_named_wait_is_kept() {
        let headers: HeaderMap = [(RETRY_AFTER, "7".parse().unwrap())].into_iter().collect();
        assert_eq!(Error::from(error(429, "", &headers)).retry(), Retry::After(Duration::from_secs(7)));
        assert_eq!(Error::from(error(503, "", &HeaderMap::new())).retry(), Retry::Soon);
        assert_eq!(Error::from(error(403, "", &headers)).kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_page_is_read_as_its_words() {
        let page = Error::from(error(500, "<html><title>Oh</title> <pre>no</pre></html>", &HeaderMap::new()));
        assert_eq!(page.message(), "`https://w.test` answers 500: Oh no");
        let oauth = json!({"error": "invalid_client", "error_description": "Client authentication failed"});
        assert_eq!(
            Error::from(error(400, &oauth.to_string(), &HeaderMap::new())).kind(),
            ErrorKind::Unauthenticated
        );
    }
}
