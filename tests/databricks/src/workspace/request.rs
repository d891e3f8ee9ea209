//! A request, read, and the answers every part of the workspace gives.

use std::collections::BTreeMap;

use axum::http::request::Parts;
use serde_json::{Value, json};

/// What a handler answers: a status and a body.
pub(crate) type Reply = (u16, Value);

pub(crate) fn refuse(status: u16, code: &str, message: &str) -> Reply {
    (status, json!({"error_code": code, "message": message}))
}

pub(crate) fn missing(what: &str) -> Reply {
    refuse(404, "RESOURCE_DOES_NOT_EXIST", &format!("{what} does not exist"))
}

/// A request, read.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) raw_query: String,
    pub(crate) json: Value,
    pub(crate) bytes: Vec<u8>,
    pub(crate) host: String,
    /// Lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn new(head: &Parts, bytes: Vec<u8>) -> Self {
        let query = head.uri.query().unwrap_or_default().to_owned();
        let headers: BTreeMap<String, String> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.to_owned(), decode(value)))
                .collect(),
            raw_query: query,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            bytes,
            host: format!("http://{}", headers.get("host").cloned().unwrap_or_default()),
            headers,
        }
    }

    /// A text of the body, else of the query.
    pub(crate) fn text(&self, key: &str) -> String {
        let found = self.json.get(key).and_then(Value::as_str).map(str::to_owned);
        found.or_else(|| self.query.get(key).cloned()).unwrap_or_default()
    }
}

/// Takes percent signs and pluses out.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = String::from_utf8(digits).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}
