//! An answer held against what a test quote expects.

use haute_core::quotes::TestQuote;
use serde_json::{Map, Value};

/// The first expected value the answer does not give; `None` when it gives them all, or nothing is expected.
///
/// Numbers may differ by `tolerance_pct` of the expected one; everything else is equal or not.
pub(super) fn difference(quote: &TestQuote, answer: &Map<String, Value>) -> Option<String> {
    if answer.is_empty() {
        return Some("the answer is empty".to_owned());
    }
    let expected = quote.expected.as_ref()?;
    expected.iter().find_map(|(field, expected)| {
        let Some(actual) = answer.get(field) else {
            return Some(format!("`{field}` is missing, expected {expected}"));
        };
        (!near(expected, actual, quote.tolerance_pct))
            .then(|| format!("`{field}` is {actual}, expected {expected}"))
    })
}

fn near(expected: &Value, actual: &Value, tolerance: f64) -> bool {
    match (expected, actual) {
        (Value::Number(expected), Value::Number(actual)) => match (expected.as_f64(), actual.as_f64()) {
            (Some(expected), Some(actual)) => (actual - expected).abs() <= expected.abs() * tolerance,
            _ => expected == actual,
        },
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(e, a)| near(e, a, tolerance))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            expected.len() == actual.len()
                && expected.iter().all(|(key, e)| actual.get(key).is_some_and(|a| near(e, a, tolerance)))
        }
        _ => expected == actual,
    }
}

/// An answer on one line, short enough for a table.
pub(super) fn shown(answer: &Map<String, Value>) -> String {
    const LONGEST: usize = 80;
    let text = answer.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn quote(expected: &Value, tolerance: f64) -> TestQuote {
        serde_json::from_value(
            json!({"id": "q", "input": {}, "expected": expected, "tolerance_pct": tolerance}),
        )
        .unwrap()
    }

    #[test]
    fn the_tolerance_is_a_fraction_of_the_expected_value() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let answer = object(json!({"premium": 101.0, "ok": true}));
        assert_eq!(difference(&quote(&json!({"premium": 100.0}), 0.01), &answer), None);
        assert_eq!(
            difference(&quote(&json!({"premium": 100.0}), 0.009), &answer).unwrap(),
            "`premium` is 101.0, expected 100.0"
        );
        assert_eq!(difference(&quote(&json!({"premium": 101}), 0.0), &answer), None);
        assert!(difference(&quote(&json!({"ok": 1}), 0.5), &answer).is_some());
        assert!(difference(&quote(&json!({"tax": 1}), 0.5), &answer).unwrap().contains("missing"));
        assert!(difference(&quote(&json!({}), 0.0), &object(json!({}))).is_some());
    }
}
