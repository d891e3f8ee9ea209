//! A command line that asks a service for a quote.

use serde_json::{Map, Value, json};

use super::errors::quoted;

/// How the address of a served model of MLflow ends: it takes rows of a frame.
const INVOCATIONS: &str = "/invocations";

/// A `curl` line that works as copied into a POSIX shell.
pub(crate) fn line(url: &str, input: &Map<String, Value>) -> String {
    if url.ends_with(INVOCATIONS) {
        let body = json!({"dataframe_records": [input]}).to_string();
        let token = "-H \"authorization: Bearer $DATABRICKS_RATING_TOKEN\"";
        return format!(
            "curl -sS {} {token} -H 'content-type: application/json' -d {}",
            quoted(url),
            quoted(&body)
        );
    }
    let body = Value::Object(input.clone()).to_string();
    let address = format!("{}/quote", url.trim_end_matches('/'));
    format!("curl -sS {} -H 'content-type: application/json' -d {}", quoted(&address), quoted(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_served_model_is_asked_in_its_own_way_and_no_token_is_shown() {
        let input = json!({"age": 42}).as_object().cloned().unwrap();
        assert_eq!(
            line("https://w.test/serving-endpoints/motor/invocations", &input),
            r#"curl -sS https://w.test/serving-endpoints/motor/invocations -H "authorization: Bearer $DATABRICKS_RATING_TOKEN" -H 'content-type: application/json' -d '{"dataframe_records":[{"age":42}]}'"#
        );
    }

    #[test]
    fn a_name_with_an_apostrophe_survives_the_shell() {
        let input = json!({"name": "O'Brien $HOME", "age": 42}).as_object().cloned().unwrap();
        assert_eq!(
            line("http://127.0.0.1:8080", &input),
            r#"curl -sS http://127.0.0.1:8080/quote -H 'content-type: application/json' -d '{"name":"O'\''Brien $HOME","age":42}'"#
        );
    }
}
