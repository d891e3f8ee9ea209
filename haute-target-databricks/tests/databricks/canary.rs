//! A release for a share of the callers: brought, watched, promoted, taken away.

use haute_conformance::Fixture as _;
use haute_core::engine::{Engine, Run};
use haute_core::error::ErrorKind;
use haute_core::record::{Origin, Outcome, Recorded};
use haute_core::target::{DeployTarget as _, Deployment, ProvenRelease, Readiness};
use haute_test_databricks::Fault;
use serde_json::{Value, json};

use crate::lab::Lab;

fn origin() -> Origin {
    Origin::new("motor")
}

async fn canary(lab: &Lab, release: &ProvenRelease, percent: u8) -> haute_core::Result<Recorded> {
    lab.run(Run::canary(release, percent, origin())).await
}

/// Each version with its share.
fn shares(lab: &Lab) -> Vec<(String, u64)> {
    let world = lab.workspace.world.lock().unwrap();
    let config = &world.endpoints["motor-pricing"]["config"];
    let routes = config["traffic_config"]["routes"].as_array().unwrap();
    let entities = config["served_entities"].as_array().unwrap();
    assert_eq!(routes.len(), entities.len());
    let share = |entity: &Value| {
        let route = routes.iter().find(|route| route["served_model_name"] == entity["name"]).unwrap();
        (entity["entity_version"].as_str().unwrap().to_owned(), route["traffic_percentage"].as_u64().unwrap())
    };
    entities.iter().map(share).collect()
}

fn one(version: &str, share: u64) -> (String, u64) {
    (version.to_owned(), share)
}

async fn status(lab: &Lab) -> Deployment {
    lab.databricks().status(&lab.context()).await.unwrap()
}

#[tokio::test]
async fn a_canary_serves_its_share_verified_and_is_promoted() {
    let lab = Lab::new();
    let (old, new) = (lab.release(1), lab.release(2));
    lab.deploy(&old).await.unwrap();
    let recorded = canary(&lab, &new, 10).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::CanaryServes);
    assert!(recorded.record.verification.as_ref().unwrap().passed);
    assert!(!recorded.record.is_verified(), "it is not what all callers get");
    assert_eq!(shares(&lab), [one("1", 90), one("2", 10)]);
    assert_eq!(lab.alias(), "1", "the alias stays on what serves");
    // Each was asked at an address of its own: what has one percent of the traffic is verified like what has all.
    let asked = lab.workspace.world.lock().unwrap().exchanges.clone();
    let own = |one: &str| {
        asked.iter().any(|exchange| {
            exchange.path
                == format!("/serving-endpoints/motor-pricing/served-models/motor-pricing-{one}/invocations")
        })
    };
    assert!(own("2"));
    let found = status(&lab).await;
    assert_eq!(found.release.as_ref(), Some(old.release.digest()));
    assert_eq!(found.state, "serving, with a canary");
    assert_eq!(found.details["canary"], new.release.digest().to_string());
    assert_eq!(found.details["canary traffic"], "10 %");
    for release in [&old, &new] {
        let service = lab.databricks().service_of(&found, release.release.digest()).unwrap().unwrap();
        haute_core::verify::verify(service.as_ref(), &release.proof).await.unwrap().require().unwrap();
    }
    let past = lab.databricks().history(&lab.context(), 10).await.unwrap().unwrap();
    let told: Vec<_> =
        past.iter().map(|one| (one.version.as_str(), one.outcome.as_str(), one.serving)).collect();
    assert_eq!(told, [("2", "canary, 10 %", false), ("1", "registered", true)]);
    assert_eq!(past[0].who.as_deref(), Some("ci@example.com"));
    assert!(past[0].when.is_some() && past[0].verified);

    // Again, and with another share.
    let before = lab.workspace.writes().len();
    assert_eq!(canary(&lab, &new, 10).await.unwrap().record.outcome, Outcome::Unchanged);
    assert_eq!(lab.workspace.writes().len(), before);
    canary(&lab, &new, 60).await.unwrap();
    assert_eq!(shares(&lab), [one("1", 40), one("2", 60)]);
    assert_eq!(
        status(&lab).await.release.as_ref(),
        Some(old.release.digest()),
        "more than half is a canary still"
    );

    let recorded = lab.run(Run::promote(origin())).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::Promoted);
    assert!(recorded.record.is_verified());
    assert_eq!((shares(&lab), lab.alias()), (vec![one("2", 100)], json!("2")));
    let before = lab.workspace.writes().len();
    assert_eq!(lab.deploy(&new).await.unwrap().record.outcome, Outcome::Unchanged);
    assert_eq!(lab.workspace.writes().len(), before, "a promoted canary is what a deploy leaves");
    let error = lab.run(Run::promote(origin())).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "there is no canary to promote"));
}

#[tokio::test]
async fn a_canary_is_taken_away_and_what_served_serves() {
    let lab = Lab::new();
    let (old, new) = (lab.release(1), lab.release(2));
    lab.deploy(&old).await.unwrap();
    canary(&lab, &new, 25).await.unwrap();
    let recorded = lab.run(Run::abort(origin())).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::Aborted);
    assert!(recorded.record.is_verified());
    assert_eq!((shares(&lab), lab.alias()), (vec![one("1", 100)], json!("1")));
    let before = lab.workspace.writes().len();
    lab.run(Run::abort(origin())).await.unwrap();
    assert_eq!(lab.workspace.writes().len(), before, "nothing is left to take away");
}

#[tokio::test]
async fn a_canary_with_wrong_prices_is_told_and_can_be_taken_away() {
    let lab = Lab::new();
    let (right, wrong) = (lab.priced("right", 1.5, 1.5), lab.priced("wrong", 2.5, 2.4));
    lab.deploy(&right).await.unwrap();
    let error = canary(&lab, &wrong, 10).await.unwrap_err();
    assert!(format!("{error:?}").contains("2.5, proven 2.4"), "{error:?}");
    let past = lab.databricks().history(&lab.context(), 10).await.unwrap().unwrap();
    assert!(!past[0].verified && past[1].verified);
    lab.run(Run::abort(origin())).await.unwrap();
    assert_eq!((shares(&lab), lab.alias()), (vec![one("1", 100)], json!("1")));
}

#[tokio::test]
async fn a_promotion_that_was_cut_off_is_completed() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    canary(&lab, &lab.release(2), 10).await.unwrap();
    let refusal = json!({"error_code": "PERMISSION_DENIED", "message": "not you"});
    lab.workspace.fault("POST", "registered-models/alias", Fault::Answer(403, refusal, None));
    lab.run(Run::promote(origin())).await.unwrap_err();
    assert_eq!((shares(&lab), lab.alias()), (vec![one("2", 100)], json!("1")));
    assert_eq!(lab.run(Run::promote(origin())).await.unwrap().record.outcome, Outcome::Promoted);
    assert_eq!(lab.alias(), "2");
}

#[tokio::test]
async fn a_canary_that_does_not_come_up_changes_nothing() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    let fails = ("DEPLOYMENT_FAILED".to_owned(), "No module named 'scipy'".to_owned());
    lab.workspace.world.lock().unwrap().fails = Some(fails);
    let error = canary(&lab, &lab.release(2), 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    assert_eq!((shares(&lab), lab.alias()), (vec![one("1", 100)], json!("1")));
    let report = lab.last_report();
    assert!(
        report.hints.iter().any(|hint| hint.contains("add it to the project's dependencies")),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_canary_wants_something_beside_it_and_settings_made_by_hand_stay() {
    let lab = Lab::new();
    let (old, new) = (lab.release(1), lab.release(2));
    let error = canary(&lab, &new, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    lab.deploy(&old).await.unwrap();
    assert_eq!(canary(&lab, &old, 10).await.unwrap_err().kind(), ErrorKind::Conflict);
    {
        let mut world = lab.workspace.world.lock().unwrap();
        let entity = &mut world.endpoints.get_mut("motor-pricing").unwrap()["config"]["served_entities"][0];
        entity["workload_size"] = json!("Large");
        entity["environment_vars"] = json!({"KEY": "{{secrets/scope/key}}"});
    }
    canary(&lab, &new, 10).await.unwrap();
    let world = lab.workspace.world.lock().unwrap();
    let entities = &world.endpoints["motor-pricing"]["config"]["served_entities"];
    assert_eq!(entities[0]["workload_size"], "Large", "what serves stays as it is");
    for entity in entities.as_array().unwrap() {
        assert_eq!(entity["environment_vars"], json!({"KEY": "{{secrets/scope/key}}"}));
    }
    assert!(!world.exchanges.iter().any(|one| one.method == "DELETE"), "nothing is ever deleted");
}

#[tokio::test]
async fn a_machine_that_never_saw_the_release_goes_back_to_it() {
    let lab = Lab::new();
    let (one, two) = (lab.release(1), lab.release(2));
    lab.deploy(&one).await.unwrap();
    lab.deploy(&two).await.unwrap();
    // A version between that was never verified is passed over.
    lab.deploy(&lab.priced("wrong", 2.5, 2.4)).await.unwrap_err();
    let elsewhere = tempfile::tempdir().unwrap();
    let engine = Engine::new(elsewhere.path())
        .with_clock(std::sync::Arc::new(haute_core::engine::VirtualClock::new()));
    let back = engine.rollback(&lab.databricks(), &lab.context(), None, origin()).await.unwrap();
    assert_eq!(back.record.outcome, Outcome::RolledBack);
    assert_eq!(back.record.release.as_ref(), Some(two.release.digest()));
    assert!(back.record.is_verified(), "with the proof that lies beside the version");
    assert_eq!(lab.alias(), "2");
}

#[tokio::test]
async fn a_change_begun_elsewhere_is_watched() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    let watched = lab.databricks().watch(&lab.context(), "1").await.unwrap();
    assert_eq!(watched, Readiness::Ready);
    let error = lab.databricks().watch(&lab.context(), "7").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    lab.workspace.world.lock().unwrap().looks = u32::MAX;
    lab.deploy(&lab.release(2)).await.unwrap_err();
    let pending = lab.databricks().watch(&lab.context(), "2").await.unwrap();
    assert!(
        matches!(&pending, Readiness::Pending { message } if message.contains("version 2")),
        "{pending:?}"
    );
    lab.workspace.world.lock().unwrap().looks = 1;
    lab.engine().watch(&lab.databricks(), &lab.context(), "2").await.unwrap();
}

/// The program in `examples/`.
#[expect(dead_code, reason = "its main is for a command line")]
#[path = "../../examples/canary.rs"]
mod example;

#[tokio::test]
async fn the_example_promotes_what_it_may_and_takes_the_rest_away() {
    let lab = Lab::new();
    let target = lab.databricks();
    lab.deploy(&lab.priced("old", 100.0, 100.0)).await.unwrap();
    let dear = lab.priced("dear", 120.0, 120.0);
    let (outcome, moved) = example::canary(&lab.engine(), &target, &dear, 5.0).await.unwrap();
    assert_eq!((outcome, lab.alias()), (Outcome::Aborted, json!("1")));
    assert!((moved - 20.0).abs() < 1e-9, "{moved}");
    assert_eq!(shares(&lab), [one("1", 100)]);
    let near = lab.priced("near", 103.0, 103.0);
    let (outcome, _) = example::canary(&lab.engine(), &target, &near, 5.0).await.unwrap();
    assert_eq!((outcome, shares(&lab), lab.alias()), (Outcome::Promoted, vec![one("3", 100)], json!("3")));
}
