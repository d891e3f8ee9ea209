//! `deploy --target databricks`: a real project, through a workspace that prices with the real MLflow what it was sent.

use haute_test_databricks::python::script;
use haute_test_databricks::{TOKEN, Workspace, served};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::site::{Site, expect_unseen, variables};
use crate::project::Project;
use crate::requirement::{Requirement, test};

/// Loads a model from Unity Catalog by its addresses and prices quotes.
const READER: &str = include_str!("unity_catalog.py");

pub(crate) fn trials() -> Vec<Trial> {
    let needs = [Requirement::Python, Requirement::Mlflow];
    vec![
        test("models::databricks_a_project_serves_the_proven_prices", &needs, deployed),
        test("models::databricks_everything_that_is_not_set_is_named_at_once", &[], not_set),
        test(
            "models::databricks_a_failed_version_is_exit_6_with_its_log_and_the_old_one_serves",
            &[],
            failed,
        ),
        test("models::databricks_a_canary_is_brought_promoted_and_taken_away", &[], canary),
        test("models::databricks_explain_knows_its_codes", &[], explained),
    ]
}

/// The test quotes of a deployed project, and the proven answers.
pub(super) fn proven(project: &Project, result: &Value) -> (Value, Value) {
    let digest = result["release"].as_str().expect("a digest").trim_start_matches("sha256:");
    let proof: Value =
        serde_json::from_str(&project.read(&format!(".haute-cli/proofs/{digest}.json"))).expect("a proof");
    let quotes = proof["quotes"].as_array().expect("quotes");
    assert!(!quotes.is_empty());
    let inputs = quotes.iter().map(|quote| quote["input"].clone()).collect();
    (inputs, quotes.iter().map(|quote| quote["outputs"][0].clone()).collect())
}

fn deployed() -> Result<(), Failed> {
    let workspace = Workspace::start();
    workspace.world.lock().expect("no panic").scorer = Some(served::mlflow());
    let project = Project::example("motor-pricing");
    let variables = variables(&workspace.url);
    let deploy = ["deploy", "--target", "databricks", "--yes", "--json"];
    let run = project.run_with(&deploy, &variables).expect(0);
    let result = run.result();
    assert_eq!(result["outcome"], "deployed", "{result}");
    assert_eq!(result["verification"]["passed"], true, "{result}");
    assert_eq!(
        result["url"],
        json!(format!("{}/serving-endpoints/motor-pricing/invocations", workspace.url)),
        "{result}"
    );
    expect_unseen(TOKEN, &run, &project.root().join(".haute-cli"));

    // MLflow's own client reads what was written, as Unity Catalog gives it out.
    let (quotes, outputs) = proven(&project, &result);
    let (logged, run) = {
        let world = workspace.world.lock().expect("no panic");
        let first = |keys: Vec<&String>| keys.first().map(|key| (*key).clone()).expect("one");
        (first(world.logged.keys().collect()), first(world.runs.keys().collect()))
    };
    let addresses = [
        "models:/main.pricing.motor-pricing/1".to_owned(),
        "models:/main.pricing.motor-pricing@production".to_owned(),
        format!("models:/{logged}"),
        format!("runs:/{run}/model"),
    ];
    let asked = json!({"token": TOKEN, "quotes": quotes, "addresses": addresses});
    let read = script(READER, &[&workspace.url], &asked);
    for address in &addresses {
        assert_eq!(read[address], outputs, "{address}");
    }

    // The plan of another release, written to a file: what is approved elsewhere holds no secret either.
    let written = workspace.writes().len();
    let source = project.read("rating/utility/loadings.py");
    project.write("rating/utility/loadings.py", &source.replace("31.75", "31.750"));
    let file = project.root().join("plan.json").display().to_string();
    let plan = ["plan", "--target", "databricks", "--out", &file, "--exit-code"];
    let run = project.run_with(&plan, &variables).expect(20);
    expect_unseen(TOKEN, &run, project.root());
    assert_eq!(workspace.writes().len(), written, "a plan writes nothing");
    project.write("rating/utility/loadings.py", &source);

    let again = project.run_with(&deploy, &variables).expect(0).result();
    assert_eq!(again["outcome"], "unchanged", "{again}");
    assert_eq!(again["verification"]["passed"], true, "{again}");
    assert_eq!(workspace.writes().len(), written, "nothing changed, so nothing is written");

    let smoke = project.run_with(&["smoke", "--target", "databricks", "--json"], &variables).expect(0);
    expect_unseen(TOKEN, &smoke, project.root());
    let past = project.run_with(&["history", "--target", "databricks", "--json"], &variables).expect(0);
    let past = past.result()["releases"].clone();
    assert_eq!(
        (&past[0]["version"], &past[0]["verified"], &past[0]["serving"]),
        (&json!("1"), &json!(true), &json!(true))
    );
    Ok(())
}

fn not_set() -> Result<(), Failed> {
    let (site, workspace) = (Site::new(), Workspace::start());
    let some = [("DATABRICKS_MLFLOW_HOST", workspace.url.as_str()), ("DATABRICKS_RATING_CLIENT_ID", "cid")];
    let release = site.path().join("one").display().to_string();
    for words in [["deploy", "--release", &release, "--yes"].as_slice(), &["status"]] {
        let run = site.run(words, &some).expect(4);
        for name in ["MLFLOW_TOKEN", "RATING_HOST", "RATING_CLIENT_SECRET"] {
            assert!(run.stderr.contains(&format!("`DATABRICKS_{name}`")), "{}", run.stderr);
        }
        assert!(!run.stderr.contains("`DATABRICKS_MLFLOW_HOST`"), "{}", run.stderr);
    }
    assert_eq!(workspace.world.lock().expect("no panic").requests, 0, "nothing was contacted");
    Ok(())
}

fn failed() -> Result<(), Failed> {
    let (site, workspace) = (Site::new(), Workspace::start());
    site.deploy("one", &workspace, &[]).expect(0);
    let message = ("DEPLOYMENT_FAILED".to_owned(), "Failed to build the container image.".to_owned());
    workspace.world.lock().expect("no panic").fails = Some(message);
    let run = site.deploy("two", &workspace, &[]).expect(6);
    let result: Value = run.result();
    let words = format!("{result}{}{}", run.stdout, run.stderr);
    for part in ["Failed to build the container image", "No matching distribution"] {
        assert!(words.contains(part), "`{part}` in {words}");
    }
    let status = site.run(&["status", "--json"], &variables(&workspace.url)).expect(0).result();
    assert_eq!(status["deployment"]["details"]["version"], "1 of main.pricing.motor-pricing", "{status}");
    expect_unseen(TOKEN, &run, site.path());
    Ok(())
}

fn canary() -> Result<(), Failed> {
    let (site, workspace) = (Site::new(), Workspace::start());
    site.deploy("one", &workspace, &[]).expect(0);
    let brought = site.deploy("two", &workspace, &["--canary", "10"]).expect(0);
    assert_eq!(brought.result()["outcome"], "canary_serves");
    let variables = variables(&workspace.url);
    let status =
        || site.run(&["status", "--json"], &variables).expect(0).result()["deployment"]["details"].clone();
    assert_eq!(status()["canary traffic"], "10 %", "{}", status());
    let ended = |command: &str| site.run(&[command, "--yes", "--json"], &variables).expect(0).result();
    assert_eq!(ended("abort")["outcome"], "aborted");
    assert_eq!(status().get("canary"), None);
    site.deploy("two", &workspace, &["--canary", "25"]).expect(0);
    assert_eq!(ended("promote")["outcome"], "promoted");
    assert_eq!(status()["version"], "2 of main.pricing.motor-pricing");
    let watched = site.run(&["watch", "--deployment", "2", "--json"], &variables).expect(0).result();
    assert_eq!(watched["verification"]["passed"], true, "{watched}");
    // Back, from a directory that knows nothing of it.
    let elsewhere = Site::new();
    let back = elsewhere.run(&["rollback", "--yes", "--json"], &variables).expect(0).result();
    assert_eq!((&back["outcome"], &back["verification"]["passed"]), (&json!("rolled_back"), &json!(true)));
    assert_eq!(status()["version"], "1 of main.pricing.motor-pricing");
    let deleted = workspace.writes().into_iter().any(|one| one.method == "DELETE");
    assert!(!deleted, "nothing is ever deleted");
    Ok(())
}

fn explained() -> Result<(), Failed> {
    let site = Site::new();
    let run = site.run(&["explain", "HT0802"], &[]).expect(0);
    assert!(run.stdout.contains("[deploy.databricks]"), "{}", run.stdout);
    let run = site.run(&["explain", "HT0801"], &[]).expect(0);
    assert!(run.stdout.contains("[deploy.mlflow]"), "{}", run.stdout);
    Ok(())
}
