//! Lowered projects, scored by real Haute: the price of every test quote is the price of `haute run`, bit for bit.
//!
//! Needs a Python with Haute, named by the variable `HAUTE_PYTHON`.

#![cfg(feature = "pipeline")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail the test, and a skipped test says so"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use haute_core::diagnostic::Report;
use haute_core::lower::{Lowered, LoweredContent, lower_checked};
use haute_core::pipeline::check_file;
use haute_core::variables::Variables;
use serde_json::{Value, json};

fn repository() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// The Python named by `variable`. Says so when there is none, and fails when everything is to be tested.
fn python(variable: &str) -> Option<String> {
    let variables = Variables::of_process();
    let python = variables.get(variable).filter(|value| !value.is_empty()).map(str::to_owned);
    if python.is_none() {
        assert_ne!(
            variables.get("HAUTE_TESTS_REQUIRE_ALL"),
            Some("1"),
            "no Python with Haute (set {variable}), and HAUTE_TESTS_REQUIRE_ALL=1 asks for every test"
        );
        eprintln!("skipped: no Python with haute (set {variable})");
    }
    python
}

fn lowered(root: &Path, pipeline: &str, version: &str) -> Lowered {
    let mut report = Report::default();
    let checked = check_file(root, pipeline, &mut report);
    let checked = checked.unwrap_or_else(|| panic!("{}: {:#?}", root.display(), report.resolved()));
    let lowered = lower_checked(&checked, version, &mut report);
    lowered.unwrap_or_else(|| panic!("{}: {:#?}", root.display(), report.resolved()))
}

fn place(lowered: &Lowered, at: &Path) {
    for (path, content) in &lowered.files {
        let target = at.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        match content {
            LoweredContent::Text(text) => fs::write(target, text).unwrap(),
            LoweredContent::Copy(from) => drop(fs::copy(from, target).unwrap()),
        }
    }
}

/// A value without nulls and empty parts, as a served answer leaves them out.
fn served(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), served(value)))
            .filter(|(_, value)| !(value.is_null() || *value == json!([]) || *value == json!({})))
            .collect(),
        Value::Array(values) => values.iter().map(served).collect(),
        other => other.clone(),
    }
}

/// Lowers the project and compares each quote with the truth.
fn assert_prices(python: &str, root: &Path, pipeline: &str, truth: &Path) {
    let truth: Value = serde_json::from_slice(&fs::read(truth).unwrap()).unwrap();
    let lowered = lowered(root, pipeline, truth["haute"].as_str().unwrap());
    let release = tempfile::tempdir().unwrap();
    place(&lowered, release.path());
    let quotes = truth["quotes"].as_array().unwrap();
    let inputs: Vec<&Value> = quotes.iter().map(|quote| &quote["input"]).collect();
    let request = json!({
        "root": release.path(),
        "directory": lowered.directory,
        "pipeline_file": lowered.pipeline_file,
        "input": lowered.input,
        "quotes": inputs,
    });
    let request_file = release.path().join("request.json");
    fs::write(&request_file, request.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowering/score.py");
    let output = Command::new(python)
        .arg("-B")
        .arg(script)
        .arg(&request_file)
        .env("HAUTE_LOG_LEVEL", "ERROR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", root.display());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = serde_json::from_str(stdout.lines().last().unwrap_or_default()).unwrap();
    assert_eq!(answers.len(), quotes.len());
    for (answer, quote) in answers.iter().zip(quotes) {
        let rows = answer.as_array().unwrap();
        assert_eq!(rows.len(), 1, "{}: one answer per quote", root.display());
        assert_eq!(served(&rows[0]), served(&quote["output"]), "{}: {}", root.display(), quote["input"]);
    }
}

fn example(python_variable: &str, name: &str, pipeline: &str) {
    let Some(python) = python(python_variable) else { return };
    let root = repository().join("examples/projects").join(name);
    let truth = repository().join(format!("tests/projects/truth/{name}.json"));
    assert_prices(&python, &root, pipeline, &truth);
}

fn defect(name: &str) {
    let Some(python) = python("HAUTE_PYTHON") else { return };
    let root = repository().join("tests/projects").join(name);
    assert_prices(&python, &root, "rating/main.py", &root.join("truth.json"));
}

#[test]
fn motor_pricing_keeps_its_prices() {
    example("HAUTE_PYTHON", "motor-pricing", "rating/main.py");
}

#[test]
fn home_contents_keeps_its_prices() {
    example("HAUTE_PYTHON", "home-contents", "rating/main.py");
}

#[test]
fn legacy_motor_keeps_its_prices_in_the_haute_it_was_written_for() {
    example("HAUTE_LEGACY_PYTHON", "legacy-motor", "main.py");
}

#[test]
fn a_submodel_is_priced() {
    defect("defect-1-submodel-skipped");
}

#[test]
fn a_join_keeps_its_rows_in_order() {
    defect("defect-2-batch-reordered");
    let root = repository().join("tests/projects/defect-2-batch-reordered");
    let lowered = lowered(&root, "rating/main.py", "0.6.0");
    let LoweredContent::Text(text) = &lowered.files["project/rating/main.py"] else { panic!("not written") };
    assert!(text.contains("maintain_order=\"left\""), "{text}");
}

#[test]
fn equal_answers_stay_apart() {
    defect("defect-3-equal-answers-merged");
}

#[test]
fn a_feature_contract_ships_with_its_model() {
    defect("defect-4-feature-contract");
}

#[test]
fn the_table_mapping_is_the_contract() {
    defect("defect-5-table-mapping");
}

#[test]
fn an_instance_is_priced_without_its_original() {
    defect("defect-6-instance-off-path");
}

#[test]
fn nested_answers_keep_their_parts() {
    defect("nested-answer");
}

#[test]
fn null_prices_and_row_dependent_prices_are_what_haute_gives() {
    defect("null-price");
    defect("row-dependent");
    defect("last-digit");
}

#[test]
fn what_is_off_the_path_is_not_shipped() {
    let root = repository().join("examples/projects/motor-pricing");
    let lowered = lowered(&root, "rating/main.py", "0.6.0");
    let LoweredContent::Text(text) = &lowered.files["project/rating/main.py"] else { panic!("not written") };
    assert!(!text.contains("claims_history") && !text.contains("frequency_model"), "{text}");
    assert!(
        lowered.files.keys().all(|path| !path.contains("claims_history") && !path.contains("model_training"))
    );
    assert!(lowered.files.contains_key("project/rating/models/claim_frequency.rsglm"));
    assert!(lowered.files.contains_key("project/rating/utility/loadings.py"));
    assert_eq!(lowered.model_distributions, ["rustystats"]);
    assert_eq!(lowered.input.ports, ["policy"]);
    assert_eq!(lowered.output_node, "price");
}
