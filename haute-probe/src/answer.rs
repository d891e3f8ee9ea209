//! What services answer.

use haute_core::error::{Error, ErrorKind, Retry};
use reqwest::StatusCode;
use serde_json::{Map, Value};

/// The rows of an answer: Haute 0.6's envelope `{"rows": […]}`, the bare array of older services, or newline-delimited
/// JSON. In words what it is, when it is none of them or does not hold all rows.
pub(crate) fn rows_of(body: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let lines: Result<Vec<Value>, _> =
                serde_json::Deserializer::from_slice(body).into_iter::<Value>().collect();
            Value::Array(lines.map_err(|_| format!("something that is not JSON: {error}"))?)
        }
    };
    let rows = match value {
        Value::Array(rows) => rows,
        Value::Object(mut envelope) => {
            if envelope.get("truncated") == Some(&Value::Bool(true)) {
                return Err("only a part of the rows (`truncated` is true)".to_owned());
            }
            match envelope.shift_remove("rows") {
                Some(Value::Array(rows)) => rows,
                _ => return Err("an object without `rows`".to_owned()),
            }
        }
        other => return Err(format!("`{other}`")),
    };
    rows.into_iter()
        .map(|row| match row {
            Value::Object(row) => Ok(row),
            other => Err(format!("a row that is no object: `{other}`")),
        })
        .collect()
}

/// The error for an answer that is not a success, in the service's own words.
pub(crate) fn refusal(base: &str, path: &str, status: StatusCode, body: &[u8]) -> Error {
    let said: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let text = |key: &str| {
        said.as_ref()?.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let words = text("error").or_else(|| text("detail")).unwrap_or_else(|| excerpt(body));
    let (kind, retry) = match status.as_u16() {
        401 => (ErrorKind::Unauthenticated, Retry::Never),
        403 => (ErrorKind::PermissionDenied, Retry::Never),
        404 | 405 => (ErrorKind::NotFound, Retry::Never),
        429 => (ErrorKind::RateLimited, Retry::Soon),
        502..=504 => (ErrorKind::Unavailable, Retry::Soon),
        _ => (ErrorKind::VerificationFailed, Retry::Never),
    };
    let mut error = Error::new(kind, format!("`{base}{path}` answers {}: {words}", status.as_u16()))
        .with_operation("probe")
        .with_retry(retry);
    for (key, name) in [("error_code", "error code"), ("field", "field"), ("row", "row")] {
        if let Some(value) = text(key) {
            error = error.with_context(name, value);
        }
    }
    error
}

/// The first words of a body, on one line.
fn excerpt(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return "nothing more".to_owned();
    }
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_answer_gives_its_rows_bit_for_bit() {
        for body in [
            r#"{"rows": [{"premium": 0.30000000000000004}], "truncated": false}"#,
            r#"[{"premium": 0.30000000000000004}]"#,
            "{\"premium\": 0.30000000000000004}\n{\"premium\": 2}\n",
        ] {
            let rows = rows_of(body.as_bytes()).unwrap();
            assert_eq!(rows[0]["premium"].as_f64().unwrap().to_bits(), (0.1_f64 + 0.2).to_bits(), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_named() {
        let words = |body: &str| rows_of(body.as_bytes()).unwrap_err();
        assert_eq!(
            words(r#"{"rows": [], "truncated": true}"#),
            "only a part of the rows (`truncated` is true)"
        );
        assert_eq!(words(r#"{"premium": 1}"#), "an object without `rows`");
        assert_eq!(words("[1]"), "a row that is no object: `1`");
        assert!(words("<html>").starts_with("something that is not JSON"));
    }

    #[test]
    fn a_refusal_keeps_the_words_code_and_field() {
        let body = br#"{"error": "DrivAge is missing.", "error_code": "missing_field", "field": "DrivAge", "row": 3}"#;
        let error = refusal("http://x.test", "/quote", StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(error.kind(), ErrorKind::VerificationFailed);
        assert_eq!(
            error.to_string(),
            "`http://x.test/quote` answers 422: DrivAge is missing. (error code: missing_field, field: DrivAge, row: 3)"
        );
        let error = refusal("http://x.test", "/quote", StatusCode::SERVICE_UNAVAILABLE, b"");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Soon));
    }
}
