//! A command line that asks a service for a quote.

use serde_json::{Map, Value};

use super::errors::quoted;

/// A `curl` line that works as copied into a POSIX shell.
pub(crate) fn line(url: &str, input: &Map<String, Value>) -> String {
    let body = Value::Object(input.clone()).to_string();
    let address = format!("{}/quote", url.trim_end_matches('/'));
    format!("curl -sS {} -H 'content-type: application/json' -d {}", quoted(&address), quoted(&body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_with_an_apostrophe_survives_the_shell() {
        let input = json!({"name": "O'Brien $HOME", "age": 42}).as_object().cloned().unwrap();
        assert_eq!(
            line("http://127.0.0.1:8080", &input),
            r#"curl -sS http://127.0.0.1:8080/quote -H 'content-type: application/json' -d '{"name":"O'\''Brien $HOME","age":42}'"#
        );
    }
}
