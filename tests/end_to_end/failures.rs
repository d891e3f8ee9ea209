//! Projects and deployments that must fail: with the right exit code, a reason, and nothing lost.

use std::net::TcpListener;

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::answers::quote;
use crate::project::Project;
use crate::requirement::{Requirement, test};

pub(crate) fn trials() -> Vec<Trial> {
    let python = [Requirement::Python];
    vec![
        test("failures::a_mistake_in_the_pipeline_is_exit_3_with_its_place", &[], mistake),
        test("failures::a_wrong_golden_premium_is_exit_3_with_both_values", &python, wrong_golden),
        test("failures::an_import_nothing_provides_is_named", &[], missing_import),
        test("failures::code_that_fails_at_import_shows_its_last_words", &python, fails_at_import),
        test("failures::a_taken_port_is_said_and_left_alone", &python, taken_port),
        test("failures::an_unknown_target_is_a_usage_or_check_error_with_a_suggestion", &[], unknown_target),
        test("failures::a_null_premium_is_never_deployed", &python, null_premium),
    ]
}

fn both(run: &crate::project::Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

fn mistake() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.edit("rating/main.py", "@pipeline.banding(", "@pipeline.bandign(");
    let run = project.run(&["check", "--color", "never"]).expect(3);
    assert!(both(&run).contains("rating/main.py:") && both(&run).contains("banding"), "{}", both(&run));
    let result = project.run(&["check", "--json"]).expect(3).result();
    assert!(result["diagnostics"][0]["labels"][0]["line"].is_u64(), "{result}");
    Ok(())
}

fn wrong_golden() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.edit("tests/quotes/golden.json", "\"premium\": 210.52", "\"premium\": 210.53");
    let run = project.run(&["prove"]).expect(3);
    assert!(
        both(&run).contains("210.52")
            && both(&run).contains("210.53")
            && both(&run).contains("golden.json#0"),
        "{}",
        both(&run)
    );
    Ok(())
}

fn missing_import() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.edit("rating/main.py", "import polars as pl", "import scipy\nimport polars as pl");
    let run = project.run(&["deploy", "--target", "local"]).expect(3);
    assert!(both(&run).contains("scipy"), "{}", both(&run));
    Ok(())
}

fn fails_at_import() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let loadings = project.read("rating/utility/loadings.py");
    project.write("rating/utility/loadings.py", &format!("{loadings}\nFACTOR = {{}}[\"the missing key\"]\n"));
    let run = project.run(&["deploy", "--target", "local"]);
    assert!(run.code == 3 || run.code == 5, "exit code {}\n{}", run.code, both(&run));
    assert!(both(&run).contains("the missing key"), "{}", both(&run));
    Ok(())
}

fn taken_port() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let taken = TcpListener::bind(("127.0.0.1", project.port))?;
    let run = project.run(&["deploy", "--target", "local"]).expect(6);
    assert!(both(&run).contains(&project.port.to_string()), "{}", both(&run));
    drop(taken);
    project.deploy();
    Ok(())
}

fn unknown_target() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let run = project.run(&["deploy", "--target", "locl"]);
    assert!(run.code == 2 || run.code == 3, "{}", run.code);
    assert!(both(&run).contains("local"), "{}", both(&run));
    Ok(())
}

fn null_premium() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.deploy();
    project.edit(
        "rating/main.py",
        "premium=to_cents(pl.col(\"office_premium\"))",
        "premium=pl.lit(None, dtype=pl.Float64)",
    );
    project.remove("tests/quotes/golden.json");
    let run = project.run(&["deploy", "--target", "local"]).expect(3);
    assert!(both(&run).contains("premium"), "{}", both(&run));
    let input = json!({"IDpol": 1, "VehPower": 6, "DrivAge": 42, "Area": "C", "VehBrand": "B2"});
    assert_eq!(quote(project.port, &input).rows()[0]["premium"], json!(210.52), "the old price still serves");
    Ok(())
}
