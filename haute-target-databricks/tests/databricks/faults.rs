//! What goes wrong on the way, and where it leaves the endpoint and the registry.

use haute_conformance::Fixture as _;
use haute_core::engine::OnFailure;
use haute_core::error::{Error, ErrorKind, chain};
use haute_core::record::Outcome;
use haute_core::target::DeployTarget as _;
use serde_json::{Value, json};

use crate::lab::Lab;
use haute_target_databricks::databricks::DatabricksConfig;
use haute_test_databricks::Fault;

fn refusal(code: &str) -> Value {
    json!({"error_code": code, "message": "not now"})
}

/// A deploy meets one fault, once, and ends well all the same: one version, one endpoint.
async fn converges(method: &str, part: &str, fault: Fault) {
    let lab = Lab::new();
    lab.workspace.fault(method, part, fault.clone());
    let recorded = lab
        .deploy(&lab.release(1))
        .await
        .unwrap_or_else(|error| panic!("{method} {part} {fault:?}: {error:?}"));
    assert_eq!(recorded.record.outcome, Outcome::Deployed);
    assert!(lab.workspace.world.lock().unwrap().faults.is_empty(), "{method} {part} was asked");
    assert_eq!(lab.versions(), 1, "{method} {part} {fault:?}");
    assert_eq!(lab.alias(), lab.served(), "{method} {part} {fault:?}");
    let world = lab.workspace.world.lock().unwrap();
    assert_eq!(world.logged.len(), 1, "{method} {part} {fault:?}");
    assert!(world.logged.values().all(|model| model["status"] == "LOGGED_MODEL_READY"));
    assert_eq!(world.runs.len(), 1, "{method} {part} {fault:?}");
    assert!(world.runs.values().all(|run| run["outputs"]["model_outputs"].as_array().unwrap().len() == 1));
}

const CALLS: &[(&str, &str)] = &[
    ("POST", "workspace/mkdirs"),
    ("POST", "experiments/create"),
    ("POST", "runs/create"),
    ("POST", "mlflow/logged-models"),
    ("PUT", "LoggedModels"),
    ("PATCH", "logged-models/"),
    ("POST", "runs/outputs"),
    ("POST", "runs/update"),
    ("POST", "registered-models/create"),
    ("POST", "model-versions/create"),
    ("PUT", "fs/files/Models"),
    ("POST", "model-versions/finalize"),
    ("POST", "api/2.0/serving-endpoints"),
    ("POST", "model-versions/set-tag"),
    ("POST", "registered-models/alias"),
    ("GET", "api/2.0/serving-endpoints"),
    ("POST", "invocations"),
];

#[tokio::test]
async fn a_server_that_is_busy_or_away_for_a_moment_is_asked_again() {
    for (method, part) in CALLS {
        converges(method, part, Fault::Answer(429, refusal("REQUEST_LIMIT_EXCEEDED"), Some(2))).await;
    }
    for (method, part) in CALLS {
        converges(method, part, Fault::Answer(503, refusal("TEMPORARILY_UNAVAILABLE"), Some(1))).await;
    }
}

#[tokio::test]
async fn a_connection_that_drops_after_the_request_was_carried_out_makes_nothing_twice() {
    for (method, part) in CALLS {
        converges(method, part, Fault::DropAfter).await;
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_leaves_no_version() {
    let lab = Lab::new();
    lab.workspace.fault("PUT", "fs/files/Models", Fault::Answer(401, refusal("UNAUTHENTICATED"), None));
    let error = lab.deploy(&lab.release(1)).await.unwrap_err();
    assert!(chain(&error).join(" ").contains("401"), "{error:?}");
    assert_eq!(lab.versions(), 0, "the unfinished version is taken away");
    assert_eq!(lab.alias(), Value::Null);
    // With a token again, what is whole is used: one upload to the run, one to the registry.
    lab.deploy(&lab.release(1)).await.unwrap();
    assert_eq!(lab.versions(), 1);
    assert_eq!(lab.workspace.world.lock().unwrap().logged.len(), 1);
}

#[tokio::test]
async fn an_upload_that_never_comes_through_leaves_no_version() {
    let lab = Lab::new();
    for _ in 0..100 {
        lab.workspace.fault(
            "PUT",
            "fs/files/Models",
            Fault::Answer(503, refusal("TEMPORARILY_UNAVAILABLE"), None),
        );
    }
    let error = lab.deploy(&lab.release(1)).await.unwrap_err();
    assert!(chain(&error).join(" ").contains("503"), "{error:?}");
    assert_eq!((lab.versions(), lab.alias()), (0, Value::Null));
    lab.workspace.world.lock().unwrap().faults.clear();
    lab.deploy(&lab.release(1)).await.unwrap();
    assert_eq!((lab.versions(), lab.alias()), (1, lab.served()));
}

#[tokio::test]
async fn an_endpoint_somebody_else_makes_meanwhile_is_changed_instead() {
    let lab = Lab::new();
    let refused = json!({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there is one"});
    lab.workspace.fault("POST", "api/2.0/serving-endpoints", Fault::Answer(409, refused, None));
    lab.deploy(&lab.release(1)).await.unwrap();
    assert_eq!(lab.alias(), "1");
}

#[tokio::test]
async fn somebody_elses_change_is_waited_out() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    {
        let mut world = lab.workspace.world.lock().unwrap();
        let endpoint = world.endpoints.get_mut("motor-pricing").unwrap();
        endpoint["pending_config"] = endpoint["config"].clone();
        endpoint["pending_config"]["served_entities"][0]["workload_size"] = json!("Large");
        endpoint["state"]["config_update"] = json!("IN_PROGRESS");
        endpoint["looks"] = json!(0);
        world.looks = 6;
    }
    let recorded = lab.deploy(&lab.release(2)).await.unwrap();
    let steps: Vec<_> = recorded.record.plan.unwrap().steps.into_iter().map(|step| step.id).collect();
    assert_eq!(steps, ["log", "version", "quiet", "endpoint", "verified", "alias"]);
    assert_eq!(lab.alias(), "2");
}

#[tokio::test]
async fn a_change_that_meets_another_one_is_tried_again() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    lab.workspace.fault("PUT", "/config", Fault::Answer(409, refusal("RESOURCE_CONFLICT"), None));
    lab.deploy(&lab.release(2)).await.unwrap();
    assert_eq!(lab.alias(), "2");
}

#[tokio::test]
async fn a_version_that_does_not_come_up_is_reported_and_the_old_one_serves() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    lab.workspace.world.lock().unwrap().fails =
        Some(("DEPLOYMENT_FAILED".to_owned(), "Failed to build the container image.".to_owned()));
    let error = lab.deploy(&lab.release(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    let said = words(&error);
    for part in
        ["Failed to build the container image", "version 1 of `main.pricing.motor-pricing`, as before"]
    {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    let report = lab.last_report();
    assert_eq!(report.serving.as_deref(), Some("version 1 of `main.pricing.motor-pricing`, as before"));
    let titles: Vec<_> = report.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["build log, last lines", "log, last lines", "events of the endpoint"]);
    assert!(report.sections[0].lines[1].contains("No matching distribution"), "{report:?}");
    assert_eq!(report.sections[2].lines, ["SERVED_MODEL_FAILED build failed"]);
    assert!(report.hints[0].contains("the index the workspace builds from"), "{report:?}");
    assert_eq!(report.links, [format!("{}/ml/endpoints/motor-pricing", lab.workspace.url)]);
    assert_eq!(lab.alias(), "1", "the alias was not moved");
    let status = lab.databricks().status(&lab.context()).await.unwrap();
    assert_eq!(status.release.as_ref(), Some(lab.release(1).release.digest()));
    // The way on: the same release again, which this time comes up. Nothing is uploaded twice.
    let before = lab.workspace.world.lock().unwrap().files.len();
    lab.deploy(&lab.release(2)).await.unwrap();
    assert_eq!((lab.versions(), lab.workspace.world.lock().unwrap().files.len()), (2, before));
    assert_eq!(lab.alias(), "2");
}

#[tokio::test]
async fn an_update_the_platform_gave_up_ends_clearly_and_the_next_one_comes_through() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    let message = "The deployment did not become available in time.".to_owned();
    lab.workspace.world.lock().unwrap().fails = Some(("DEPLOYMENT_ABORTED".to_owned(), message));
    let error = lab.deploy(&lab.release(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    let said = words(&error);
    for part in ["did not become available in time", "deploying again often helps", "as before"] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    assert_eq!((lab.versions(), lab.alias()), (2, json!("1")));
    lab.deploy(&lab.release(2)).await.unwrap();
    assert_eq!((lab.versions(), lab.alias()), (2, json!("2")));
}

#[tokio::test]
async fn an_endpoint_that_takes_too_long_is_left_to_itself_and_gone_on_with() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    lab.workspace.world.lock().unwrap().looks = u32::MAX;
    let error = lab.deploy(&lab.release(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(words(&error).contains("run the same command again"), "{error:?}");
    let writes = lab.workspace.writes().len();
    let pending = lab.engine().pending(&lab.databricks().info()).unwrap();
    assert!(pending.is_some(), "it can be resumed");
    // It comes through after all.
    lab.workspace.world.lock().unwrap().looks = 1;
    let recorded = lab.deploy(&lab.release(2)).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::Deployed);
    let since: Vec<String> =
        lab.workspace.writes().split_off(writes).into_iter().map(|one| one.path).collect();
    assert!(since.iter().all(|path| path.ends_with("/set-tag") || path.ends_with("/alias")), "{since:?}");
    assert_eq!((lab.versions(), lab.alias()), (2, json!("2")));
}

#[tokio::test]
async fn a_wrong_price_never_gets_the_alias() {
    let lab = Lab::new();
    lab.deploy(&lab.priced("right", 1.5, 1.5)).await.unwrap();
    let error = lab.deploy(&lab.priced("wrong", 2.5, 2.4)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VerificationFailed);
    assert!(words(&error).contains("2.5, proven 2.4"), "{error:?}");
    assert_eq!(lab.alias(), "1");
    let past = lab.databricks().history(&lab.context(), 10).await.unwrap().unwrap();
    let verified: Vec<_> = past.iter().map(|one| (one.version.as_str(), one.verified, one.serving)).collect();
    assert_eq!(verified, [("2", false, true), ("1", true, false)]);
}

#[tokio::test]
async fn where_that_is_wanted_a_wrong_price_is_taken_back() {
    let mut config = DatabricksConfig::default().with_names("motor-pricing", Some("motor-pricing"));
    config.on_failure = Some(OnFailure::Rollback);
    let lab = Lab::with(config);
    lab.deploy(&lab.priced("right", 1.5, 1.5)).await.unwrap();
    let error = lab.deploy(&lab.priced("wrong", 2.5, 2.4)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    assert!(words(&error).contains("serves again, verified"), "{error:?}");
    assert_eq!((lab.served(), lab.alias()), (json!("1"), json!("1")));
}

#[tokio::test]
async fn a_hundred_deploys_of_what_serves_write_nothing() {
    let lab = Lab::new();
    let release = lab.release(1);
    lab.deploy(&release).await.unwrap();
    let before = lab.workspace.writes().len();
    for _ in 0..100 {
        assert_eq!(lab.deploy(&release).await.unwrap().record.outcome, Outcome::Unchanged);
    }
    assert_eq!(lab.workspace.writes().len(), before);
}

#[tokio::test]
async fn settings_made_by_hand_outlive_a_deploy() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    {
        let mut world = lab.workspace.world.lock().unwrap();
        let entity = &mut world.endpoints.get_mut("motor-pricing").unwrap()["config"]["served_entities"][0];
        entity["environment_vars"] = json!({"KEY": "{{secrets/scope/key}}"});
    }
    lab.deploy(&lab.release(2)).await.unwrap();
    let world = lab.workspace.world.lock().unwrap();
    let entity = &world.endpoints["motor-pricing"]["config"]["served_entities"][0];
    assert_eq!(entity["environment_vars"], json!({"KEY": "{{secrets/scope/key}}"}));
    assert_eq!(entity["entity_version"], "2");
}

fn words(error: &Error) -> String {
    let mut all = chain(error).join(" ");
    all.push_str(&error.hints().join(" "));
    all
}
