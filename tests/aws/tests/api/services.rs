//! Services, as they are described and updated.

use haute_aws_fake::{AwsFake, Happening, ServiceSetup};
use serde_json::{Value, json};

use crate::client::{deploy, ecs, motor};

fn fake() -> AwsFake {
    AwsFake::start().unwrap().with_service(ServiceSetup::new("pricing", "motor").with_desired(2)).unwrap()
}

fn update(fake: &AwsFake, more: &Value) -> crate::client::Answer {
    let mut asked = json!({ "cluster": "pricing", "service": "motor" });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ecs(fake, "UpdateService", &asked)
}

#[test]
fn a_service_is_steady_at_first() {
    let service = motor(&fake());
    assert_eq!((service["status"].as_str(), service["runningCount"].as_u64()), (Some("ACTIVE"), Some(2)));
    let deployments = service["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 1);
    assert_eq!(deployments[0]["rolloutState"], "COMPLETED");
    assert_eq!(deployments[0]["desiredCount"], 2);
    assert_eq!(service["events"][0]["message"], "(service motor) has reached a steady state.");
    assert!(
        service["currentServiceDeployment"].as_str().unwrap().contains(":service-deployment/pricing/motor/")
    );
}

#[test]
fn what_is_not_there_is_missing() {
    let fake = fake();
    let asked = json!({ "cluster": "pricing", "services": ["motor", "home"] });
    let answer = ecs(&fake, "DescribeServices", &asked).ok();
    assert_eq!(answer["services"].as_array().unwrap().len(), 1);
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    assert!(answer["failures"][0]["arn"].as_str().unwrap().ends_with(":service/pricing/home"));
    let refused =
        ecs(&fake, "DescribeServices", &json!({ "cluster": "claims", "services": ["motor"] })).refusal();
    assert_eq!(refused.0, "ClusterNotFoundException");
    let refused = ecs(&fake, "UpdateService", &json!({ "cluster": "pricing", "service": "home" })).refusal();
    assert_eq!(refused.0, "ServiceNotFoundException");
}

#[test]
fn the_same_definition_begins_nothing_unless_forced() {
    let fake = fake();
    let before = motor(&fake);
    let id = before["deployments"][0]["id"].clone();
    let same = update(&fake, &json!({ "taskDefinition": before["taskDefinition"] })).ok();
    assert_eq!(same["service"]["deployments"][0]["id"], id);
    let scaled = update(&fake, &json!({ "desiredCount": 3 })).ok();
    assert_eq!(
        (&scaled["service"]["deployments"][0]["id"], &scaled["service"]["desiredCount"]),
        (&id, &json!(3))
    );
    let forced = update(&fake, &json!({ "forceNewDeployment": true })).ok();
    assert_ne!(forced["service"]["deployments"][0]["id"], id);
    assert_eq!(forced["service"]["deployments"][1]["id"], id);
    assert_eq!(forced["service"]["deployments"][1]["status"], "ACTIVE");
    assert_eq!(forced["service"]["desiredCount"], 3);
}

#[test]
fn a_configuration_that_is_sent_replaces_what_was() {
    let fake = fake();
    let sent = json!({ "deploymentConfiguration": { "maximumPercent": 150 } });
    let service = update(&fake, &sent).ok()["service"].clone();
    assert_eq!(service["deploymentConfiguration"]["maximumPercent"], 150);
    assert_eq!(service["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"], false);
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_updated_says_why() {
    let fake = fake();
    let refused = |more: Value| update(&fake, &more).refusal();
    assert_eq!(refused(json!({ "taskDefinition": "motor:9" })).1, "TaskDefinition not found.");
    assert_eq!(refused(json!({ "image": "motor:2" })).0, "InvalidParameterException");
    fake.happen("pricing", "motor", Happening::Drain);
    assert_eq!(refused(json!({ "forceNewDeployment": true })).0, "ServiceNotActiveException");
    let setup = ServiceSetup::new("pricing", "home").with_controller("CODE_DEPLOY");
    fake.add_service(setup).unwrap();
    fake.register(&json!({ "family": "home", "containerDefinitions": [{ "name": "home", "image": "x" }] }))
        .unwrap();
    let asked = json!({ "cluster": "pricing", "service": "home", "taskDefinition": "home:2" });
    let (kind, message) = ecs(&fake, "UpdateService", &asked).refusal();
    assert_eq!(kind, "InvalidParameterException");
    assert!(message.contains("CODE_DEPLOY"), "{message}");
    let described =
        ecs(&fake, "DescribeServices", &json!({ "cluster": "pricing", "services": ["home"] })).ok();
    assert_eq!(described["services"][0]["deploymentController"]["type"], "CODE_DEPLOY");
}

#[test]
fn there_are_at_most_a_hundred_events_newest_first() {
    let fake = fake();
    for number in 0..30 {
        deploy(&fake, &format!("motor:{number}"));
        fake.advance(40);
    }
    let events = motor(&fake)["events"].as_array().unwrap().clone();
    assert_eq!(events.len(), 100);
    let times: Vec<f64> = events.iter().map(|event| event["createdAt"].as_f64().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let mut ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}
