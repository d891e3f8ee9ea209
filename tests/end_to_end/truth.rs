//! The prices served are those of `haute run`, to the last bit.
//!
//! `tests/projects/truth/<project>.json` holds what real Haute answered to each test quote alone.

use libtest_mimic::Trial;
use serde_json::{Map, Value};

use crate::answers::quote;
use crate::project::{Project, repository};
use crate::requirement::{Requirement, test};

/// One quote and Haute's own answer to it.
pub(crate) struct Truth {
    pub(crate) input: Value,
    pub(crate) output: Value,
}

/// Reads a truth file, below `tests/projects`.
pub(crate) fn read(path: &str) -> Vec<Truth> {
    let path = repository().join("tests/projects").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let quotes: Vec<Truth> = file["quotes"]
        .as_array()
        .expect("quotes")
        .iter()
        .map(|entry| Truth { input: entry["input"].clone(), output: without_nulls(&entry["output"]) })
        .collect();
    assert!(!quotes.is_empty(), "{} holds no quote", path.display());
    quotes
}

/// Haute leaves out null fields and empty lists when it answers.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(without_nulls).filter(|value| !is_empty(value)).collect())
        }
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Every quote alone, all as one batch, and all the other way round.
pub(crate) fn check_served(project: &Project, truth: &[Truth]) {
    let mut expected = Vec::new();
    for entry in truth {
        let rows = quote(project.port, &entry.input).rows();
        assert_eq!(rows, std::slice::from_ref(&entry.output), "the quote {} alone", entry.input);
        expected.push(entry.output.clone());
    }
    let mut inputs: Vec<Value> = truth.iter().map(|entry| entry.input.clone()).collect();
    assert_eq!(
        quote(project.port, &Value::Array(inputs.clone())).rows(),
        expected,
        "all quotes as one batch, in order"
    );
    inputs.reverse();
    expected.reverse();
    assert_eq!(
        quote(project.port, &Value::Array(inputs.clone())).rows(),
        expected,
        "all quotes the other way round"
    );
    let twice: Vec<Value> = inputs.iter().flat_map(|input| [input.clone(), input.clone()]).collect();
    let expected: Vec<Value> = expected.iter().flat_map(|output| [output.clone(), output.clone()]).collect();
    assert_eq!(
        quote(project.port, &Value::Array(twice)).rows(),
        expected,
        "each quote twice gives two answers"
    );
}

pub(crate) fn trials() -> Vec<Trial> {
    ["motor-pricing", "home-contents", "legacy-motor", "van-catboost"]
        .into_iter()
        .map(|name| {
            test(&format!("truth::{name}_serves_the_price_of_haute_run"), &[Requirement::Python], move || {
                let project = Project::example(name);
                project.deploy();
                check_served(&project, &read(&format!("truth/{name}.json")));
                Ok(())
            })
        })
        .collect()
}
