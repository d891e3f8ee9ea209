//! `deploy --target mlflow`: a real project on a real MLflow server, read by MLflow's own client.

use haute_test_databricks::python::{Server, script};
use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use super::served::proven;
use super::site::{Site, expect_unseen};
use crate::project::Project;
use crate::requirement::{Requirement, test};

/// Loads a model by its address and prices quotes.
const READER: &str = include_str!("../../../haute-target-databricks/tests/real/reader.py");
const PASSWORD: &str = "canary-of-mlflow-77e1";

pub(crate) fn trials() -> Vec<Trial> {
    let needs = [Requirement::Python, Requirement::Mlflow];
    vec![
        test("models::mlflow_a_project_is_registered_and_prices_as_proven", &needs, registered),
        test("models::mlflow_what_is_not_set_is_named_before_anything_is_contacted", &[], not_set),
    ]
}

fn registered() -> Result<(), Failed> {
    let directory = TempDir::new()?;
    let server = Server::tracking(directory.path());
    let project = Project::example("motor-pricing");
    let variables = [
        ("MLFLOW_TRACKING_URI", server.url.as_str()),
        ("MLFLOW_TRACKING_USERNAME", "ada"),
        ("MLFLOW_TRACKING_PASSWORD", PASSWORD),
    ];
    let run = project.run_with(&["deploy", "--target", "mlflow", "--yes", "--json"], &variables).expect(0);
    let result = run.result();
    assert_eq!(result["outcome"], "deployed", "{result}");
    assert_eq!(result["details"]["version"], "1", "{result}");
    expect_unseen(PASSWORD, &run, &project.root().join(".haute-cli"));

    // MLflow's own client prices every test quote as the proof says.
    let digest = result["release"].clone();
    let (inputs, outputs) = proven(&project, &result);
    let read = script(READER, &["models:/motor-pricing@production", &server.url], &inputs);
    assert_eq!(read["batch"], outputs);
    assert_eq!(read["metadata"]["haute_release"], digest);

    let again = project.run_with(&["deploy", "--target", "mlflow", "--yes", "--json"], &variables).expect(0);
    assert_eq!(again.result()["outcome"], "unchanged");
    let status = project.run_with(&["status", "--target", "mlflow", "--json"], &variables).expect(0);
    assert_eq!(status.result()["deployment"]["release"], digest);
    Ok(())
}

fn not_set() -> Result<(), Failed> {
    let site = Site::new();
    let run = site
        .run(&["status", "--target", "mlflow", "--color", "never"], &[("MLFLOW_TRACKING_USERNAME", "ada")]);
    let run = run.expect(4);
    for name in ["`MLFLOW_TRACKING_URI`", "`MLFLOW_TRACKING_PASSWORD`"] {
        assert!(run.stderr.contains(name), "{}", run.stderr);
    }
    Ok(())
}
