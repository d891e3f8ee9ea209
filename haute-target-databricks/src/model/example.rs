//! The input example: the first test quote.

use serde_json::{Map, Value, json};

use super::signature::Signature;

/// A quote as a data frame of one row, with the columns the signature names.
pub(super) struct Example(Value);

impl Example {
    pub(super) fn of(quote: &Map<String, Value>, signature: &Signature) -> Self {
        let held: Vec<(&str, &Value)> = signature
            .inputs
            .iter()
            .filter_map(|field| quote.get(&field.name).map(|value| (field.name.as_str(), value)))
            .collect();
        let (columns, row): (Vec<&str>, Vec<&Value>) = held.into_iter().unzip();
        Self(json!({"columns": columns, "data": [row]}))
    }

    /// The file readers load, and the one that can be sent to a served model as it is.
    pub(super) fn files(&self) -> [(&'static str, String); 2] {
        [
            ("input_example.json", super::json(&self.0)),
            ("serving_input_example.json", super::json(&json!({"dataframe_split": self.0}))),
        ]
    }

    /// What `MLmodel` says about it.
    pub(super) fn info() -> Value {
        json!({
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
        })
    }
}
