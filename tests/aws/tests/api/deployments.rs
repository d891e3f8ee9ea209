//! Service deployments and service revisions.

use haute_aws_fake::{AwsFake, Behaviour, Script, ServiceSetup};
use serde_json::{Value, json};

use crate::client::{Answer, deploy, ecs, motor};

fn with(setup: ServiceSetup) -> AwsFake {
    AwsFake::start().unwrap().with_service(setup).unwrap()
}

fn setup() -> ServiceSetup {
    ServiceSetup::new("pricing", "motor")
}

/// The newest service deployment, described.
fn newest(fake: &AwsFake) -> Value {
    let list = ecs(fake, "ListServiceDeployments", &json!({ "cluster": "pricing", "service": "motor" })).ok();
    let arn = &list["serviceDeployments"][0]["serviceDeploymentArn"];
    let described = ecs(fake, "DescribeServiceDeployments", &json!({ "serviceDeploymentArns": [arn] })).ok();
    assert_eq!(described["failures"], json!([]));
    described["serviceDeployments"][0].clone()
}

fn stop(fake: &AwsFake, arn: &Value) -> Answer {
    ecs(fake, "StopServiceDeployment", &json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" }))
}

#[test]
fn a_deployment_is_told_from_pending_to_successful() {
    let fake = with(setup());
    assert_eq!(newest(&fake)["status"], "SUCCESSFUL");
    let before = fake.now().as_secs_f64();
    deploy(&fake, "motor:2");
    let told = newest(&fake);
    assert_eq!((&told["status"], &told["lifecycleStage"]), (&json!("PENDING"), &json!("RECONCILE_SERVICE")));
    assert!(told["startedAt"].is_null() && told["targetServiceRevisionArn"].is_null());
    assert_eq!(motor(&fake)["currentServiceDeployment"], told["serviceDeploymentArn"]);
    fake.advance(3);
    let told = newest(&fake);
    assert_eq!(told["status"], "IN_PROGRESS");
    assert_eq!(
        told["deploymentCircuitBreaker"],
        json!({ "status": "MONITORING", "failureCount": 0, "threshold": 3 })
    );
    assert_eq!(told["targetServiceRevision"]["pendingTaskCount"], 1);
    assert_eq!(told["sourceServiceRevisions"][0]["runningTaskCount"], 1);
    fake.advance(40);
    let told = newest(&fake);
    assert_eq!(told["status"], "SUCCESSFUL");
    assert!(told["finishedAt"].as_f64().unwrap() > before + 15.0);
    let list = |more: Value| {
        let mut asked = json!({ "cluster": "pricing", "service": "motor" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ecs(&fake, "ListServiceDeployments", &asked).ok()["serviceDeployments"].as_array().unwrap().len()
    };
    assert_eq!(list(json!({})), 2);
    assert_eq!(list(json!({ "createdAt": { "after": before } })), 1);
    assert_eq!(list(json!({ "status": ["IN_PROGRESS"] })), 0);
}

#[test]
fn a_revision_names_the_digest_of_its_image() {
    let fake = with(setup());
    let digest = haute_core::digest::Digest::of("an image");
    deploy(&fake, &format!("registry.example/motor@{digest}"));
    let arn = newest(&fake)["targetServiceRevision"]["arn"].clone();
    let asked = json!({ "serviceRevisionArns": [arn, "arn:aws:ecs:none"] });
    let answer = ecs(&fake, "DescribeServiceRevisions", &asked).ok();
    let revision = &answer["serviceRevisions"][0];
    assert_eq!(revision["containerImages"][0]["imageDigest"], digest.as_str());
    assert_eq!(revision["containerImages"][0]["containerName"], "motor");
    assert!(revision["taskDefinition"].as_str().unwrap().ends_with("motor:2"));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_failure_shows_its_count_and_its_way_back() {
    let fake = with(setup()).with_script(Script::Image("broken".to_owned()), Behaviour::crash(2));
    deploy(&fake, "motor:broken");
    let mut seen = Vec::new();
    for _ in 0..100 {
        let told = newest(&fake);
        let state = (
            told["status"].as_str().unwrap().to_owned(),
            told["deploymentCircuitBreaker"]["failureCount"].as_u64().unwrap(),
        );
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        fake.advance(1);
    }
    let state = |text: &str, count| (text.to_owned(), count);
    assert_eq!(
        seen,
        [
            state("PENDING", 0),
            state("IN_PROGRESS", 0),
            state("IN_PROGRESS", 1),
            state("IN_PROGRESS", 2),
            state("ROLLBACK_IN_PROGRESS", 3),
            state("ROLLBACK_SUCCESSFUL", 3),
        ]
    );
    let told = newest(&fake);
    assert_eq!(told["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    assert!(told["statusReason"].as_str().unwrap().contains("tasks failed to start"));
    assert_eq!(told["rollback"]["serviceRevisionArn"], told["sourceServiceRevisions"][0]["arn"]);
}

#[test]
fn a_deployment_is_stopped_and_taken_back() {
    let fake = with(setup().with_breaker(false, false));
    let ours = deploy(&fake, "motor:2");
    fake.advance(3);
    let arn = newest(&fake)["serviceDeploymentArn"].clone();
    assert_eq!(stop(&fake, &arn).ok()["serviceDeploymentArn"], arn);
    assert_eq!(newest(&fake)["status"], "ROLLBACK_IN_PROGRESS");
    assert_eq!(motor(&fake)["deployments"][1]["id"], ours.as_str());
    assert_eq!(stop(&fake, &arn).refusal().0, "ConflictException");
    fake.advance(40);
    assert_eq!(newest(&fake)["status"], "ROLLBACK_SUCCESSFUL");
    assert!(fake.service("pricing", "motor").unwrap().serving()[0].ends_with("motor:1"));
    assert_eq!(stop(&fake, &json!("arn:none")).refusal().0, "ServiceDeploymentNotFoundException");
}

#[test]
fn what_is_superseded_is_stopped() {
    let fake = with(setup());
    deploy(&fake, "motor:2");
    fake.advance(2);
    deploy(&fake, "motor:3");
    let list =
        ecs(&fake, "ListServiceDeployments", &json!({ "cluster": "pricing", "service": "motor" })).ok();
    let all = list["serviceDeployments"].as_array().unwrap();
    let status: Vec<&str> = all.iter().map(|told| told["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["PENDING", "STOPPED", "SUCCESSFUL"]);
}

#[test]
fn a_deployment_waits_at_its_hook() {
    for action in ["CONTINUE", "ROLLBACK"] {
        let fake = with(setup().with_pause_at("POST_SCALE_UP"));
        deploy(&fake, "motor:2");
        fake.advance(300);
        let told = newest(&fake);
        assert_eq!(
            (&told["status"], &told["lifecycleStage"]),
            (&json!("IN_PROGRESS"), &json!("POST_SCALE_UP"))
        );
        assert_eq!(told["lifecycleHookDetails"][0]["status"], "AWAITING_ACTION");
        assert_eq!(motor(&fake)["deployments"].as_array().unwrap().len(), 2, "both run");
        let go_on = |hook: &Value| {
            let asked = json!({ "serviceDeploymentArn": told["serviceDeploymentArn"], "hookId": hook, "action": action });
            ecs(&fake, "ContinueServiceDeployment", &asked)
        };
        assert_eq!(go_on(&json!("another")).refusal().0, "InvalidParameterException");
        go_on(&told["lifecycleHookDetails"][0]["hookId"]).ok();
        fake.advance(60);
        let (status, revision) =
            if action == "CONTINUE" { ("SUCCESSFUL", "motor:2") } else { ("ROLLBACK_SUCCESSFUL", "motor:1") };
        assert_eq!(newest(&fake)["status"], status);
        assert!(fake.service("pricing", "motor").unwrap().serving()[0].ends_with(revision));
    }
}

#[test]
fn blue_and_green_run_side_by_side_while_it_bakes() {
    let setup = setup()
        .with_configuration("strategy", json!("BLUE_GREEN"))
        .with_configuration("bakeTimeInMinutes", json!(5));
    let fake = with(setup);
    deploy(&fake, "motor:2");
    let mut stages = Vec::new();
    for look in 0..75 {
        let stage = newest(&fake)["lifecycleStage"].as_str().unwrap().to_owned();
        if stages.last() != Some(&stage) {
            stages.push(stage.clone());
        }
        if stage == "BAKE_TIME" {
            assert_eq!(motor(&fake)["runningCount"], 2);
            assert_eq!(motor(&fake)["deployments"][0]["rolloutState"], "IN_PROGRESS");
        }
        fake.advance(if look < 40 { 1 } else { 10 });
    }
    assert_eq!(stages.first().map(String::as_str), Some("RECONCILE_SERVICE"));
    assert_eq!(stages.last().map(String::as_str), Some("CLEAN_UP"));
    assert_eq!(stages.len(), 10, "{stages:?}");
    assert_eq!(newest(&fake)["status"], "SUCCESSFUL");
}

#[test]
fn the_current_deployment_may_be_stale() {
    let fake = with(setup().with_stale_current_deployment());
    let before = motor(&fake)["currentServiceDeployment"].clone();
    deploy(&fake, "motor:2");
    assert_eq!(motor(&fake)["currentServiceDeployment"], before);
    fake.advance(60);
    assert_eq!(motor(&fake)["currentServiceDeployment"], newest(&fake)["serviceDeploymentArn"]);
}

#[test]
fn the_clock_may_go_on_with_each_look() {
    let fake = with(setup()).with_clock_per_describe(5);
    deploy(&fake, "motor:2");
    let looks = (1..20).find(|_| motor(&fake)["deployments"][0]["rolloutState"] == "COMPLETED");
    assert!(looks.is_some_and(|looks| (4..8).contains(&looks)), "{looks:?}");
}
