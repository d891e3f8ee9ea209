//! JSON lines: events as they happen, then exactly one result.

use haute_core::error::chain;
use haute_core::event::Event;
use haute_core::Error;
use serde_json::{Map, Value, json};

use crate::exit::Exit;

/// One event as a line: `{"type":"event","at":…,"event":…,…}`.
pub(crate) fn event(event: &Event) -> String {
    let mut line = Map::new();
    line.insert("type".to_owned(), "event".into());
    line.insert("at".to_owned(), jiff::Timestamp::now().to_string().into());
    if let Ok(Value::Object(fields)) = serde_json::to_value(event) {
        line.extend(fields);
    }
    format!("{}\n", Value::Object(line))
}

/// The last line: `{"type":"result","outcome":…,"exit_code":…,"release":…,…}`.
pub(crate) fn result(word: &str, exit: Exit, mut fields: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("type".to_owned(), "result".into());
    line.insert("outcome".to_owned(), word.into());
    line.insert("exit_code".to_owned(), exit.code().into());
    line.insert("release".to_owned(), fields.remove("release").unwrap_or(Value::Null));
    line.extend(fields);
    format!("{}\n", Value::Object(line))
}

/// An error as a field of the result.
pub(crate) fn error(error: &Error, hints: &[String], standing: Option<&str>) -> Value {
    let context: Map<String, Value> =
        error.context().iter().map(|(key, value)| ((*key).to_owned(), value.as_str().into())).collect();
    json!({
        "kind": error.kind(),
        "message": error.message(),
        "operation": error.operation(),
        "context": context,
        "chain": chain(error),
        "standing": standing,
        "hints": hints,
    })
}

/// An error that is only a kind and a message.
pub(crate) fn error_of(kind: &str, message: &str) -> Value {
    json!({ "kind": kind, "message": message, "context": {}, "chain": [message], "hints": [] })
}
