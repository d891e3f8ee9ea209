//! The model directory, loaded and served by MLflow.

use haute_core::target::ProvenRelease;
use haute_core::verify::{QuoteService as _, verify};
use haute_target_databricks::InvocationsService;
use haute_target_databricks::model::ModelDirectory;
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::built::{motor, run};
use haute_test_databricks::python::{Server, script, test};

/// Loads a model and prices quotes with MLflow's own client.
pub(crate) const READER: &str = include_str!("reader.py");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("model::the_same_release_gives_the_same_bytes", deterministic),
        test("model::mlflow_loads_it_and_gives_the_proven_premiums", loaded),
        test("model::mlflow_serves_it_with_the_proven_premiums_and_refuses_what_it_would_change", served),
    ]
}

fn written(release: &ProvenRelease) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    ModelDirectory::of(&release.release).expect("a model").write(directory.path()).expect("written");
    directory
}

/// The inputs of the proof, and its answers.
pub(crate) fn proven(release: &ProvenRelease) -> (Value, Vec<Map<String, Value>>) {
    let quotes = &release.proof.quotes;
    let inputs = quotes.iter().map(|quote| Value::Object(quote.input.clone())).collect();
    (Value::Array(inputs), quotes.iter().flat_map(|quote| quote.outputs.clone()).collect())
}

/// Holds what [`READER`] printed against the proof.
#[track_caller]
pub(crate) fn expect_proven(read: &Value, release: &ProvenRelease) {
    let (_, outputs) = proven(release);
    assert!(!outputs.is_empty());
    assert_eq!(read["batch"], json!(outputs));
    let single: Vec<Value> = outputs.iter().map(|output| json!([output])).collect();
    assert_eq!(read["single"], Value::Array(single));
    assert_eq!(read["metadata"]["haute_release"], json!(release.release.digest()));
}

fn deterministic() -> Result<(), Failed> {
    let release = &motor().release;
    let (one, two) = (ModelDirectory::of(release)?, ModelDirectory::of(release)?);
    assert_eq!(one.files(), two.files());
    let mut sorted = one.files().to_vec();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(one.files(), sorted);
    assert!(one.has_signature());
    let directory = written(motor());
    for file in one.files() {
        let size = std::fs::metadata(directory.path().join(&file.path))?.len();
        assert_eq!(size, file.size, "{}", file.path);
    }
    Ok(())
}

fn loaded() -> Result<(), Failed> {
    let directory = written(motor());
    let (inputs, _) = proven(motor());
    let read = script(READER, &[&directory.path().display().to_string()], &inputs);
    expect_proven(&read, motor());
    assert_eq!(read["inputs"][0], json!({"type": "any", "name": "IDpol", "required": true}));
    assert_eq!(read["outputs"][0]["type"], "long");
    Ok(())
}

fn served() -> Result<(), Failed> {
    let directory = written(motor());
    let server = Server::model(directory.path());
    let service = InvocationsService::new(&server.url)?.with_release(motor().release.digest().clone());
    run(async {
        verify(&service, &motor().proof).await?.require()?;
        let good = motor().proof.quotes[0].input.clone();
        let with = |key: &str, value: Value| {
            let mut row = good.clone();
            row.insert(key.to_owned(), value);
            row
        };
        // Each of these MLflow prices with another number, without a word, where the column has a type.
        for (value, code) in [
            (json!(42.5), "wrong_type"),
            (json!(42.0), "wrong_type"),
            (json!("42"), "wrong_type"),
            (json!(true), "wrong_type"),
            (Value::Null, "null_field"),
            (json!(9_223_372_036_854_775_808_u64), "number_out_of_range"),
        ] {
            let refused = service.quote(&[with("DrivAge", value.clone())]).await;
            let error = refused.err().unwrap_or_else(|| panic!("{value} was priced"));
            assert!(error.message().contains(code), "{value}: {error}");
        }
        // In company, where a frame makes floats of whole numbers.
        for (value, code) in [(json!(42.5), "wrong_type"), (Value::Null, "null_field")] {
            let refused = service.quote(&[good.clone(), with("DrivAge", value)]).await;
            let error = refused.err().unwrap_or_else(|| panic!("priced"));
            assert!(error.message().contains(code) && error.message().contains("row 1"), "{error}");
        }
        Ok(())
    })
}
