//! Task definitions.

use haute_aws_fake::{AwsFake, ServiceSetup};
use serde_json::json;

use crate::client::{ecs, revision};

fn fake() -> AwsFake {
    AwsFake::start().unwrap().with_service(ServiceSetup::new("pricing", "motor")).unwrap()
}

#[test]
fn a_definition_comes_back_member_for_member() {
    let fake = fake();
    let definition = json!({
        "family": "home",
        "containerDefinitions": [{ "name": "app", "image": "x:1", "environment": [], "restartPolicy": { "enabled": true } }],
        "aMemberOfNextYear": { "deep": [1, 2.5, null] },
        "tags": [{ "key": "commit", "value": "a1b2c3d" }],
    });
    let registered = ecs(&fake, "RegisterTaskDefinition", &definition).ok();
    assert_eq!(registered["taskDefinition"]["revision"], 1);
    let asked = json!({ "taskDefinition": "home", "include": ["TAGS"] });
    let described = ecs(&fake, "DescribeTaskDefinition", &asked).ok();
    assert_eq!(described["taskDefinition"]["containerDefinitions"], definition["containerDefinitions"]);
    assert_eq!(described["taskDefinition"]["aMemberOfNextYear"], definition["aMemberOfNextYear"]);
    assert!(described["taskDefinition"]["tags"].is_null(), "tags are beside the definition");
    assert_eq!(described["tags"], definition["tags"]);
    let added = [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ];
    for member in added {
        assert!(!described["taskDefinition"][member].is_null(), "{member}");
    }
    let at = described["taskDefinition"]["registeredAt"].as_f64().unwrap();
    assert!(at > 1.7e9 && at < 1e10, "seconds since the epoch: {at}");
}

#[test]
fn what_a_described_definition_has_cannot_be_registered() {
    let fake = fake();
    let described = ecs(&fake, "DescribeTaskDefinition", &json!({ "taskDefinition": "motor" })).ok();
    let (kind, message) = ecs(&fake, "RegisterTaskDefinition", &described["taskDefinition"]).refusal();
    assert_eq!(kind, "ClientException");
    assert!(message.contains("taskDefinitionArn"), "{message}");
    let plain = |member: &str, value: serde_json::Value| {
        let mut definition =
            json!({ "family": "home", "containerDefinitions": [{ "name": "app", "image": "x:1" }] });
        definition[member] = value;
        ecs(&fake, "RegisterTaskDefinition", &definition)
    };
    assert_eq!(plain("deleteRequestedAt", json!(1.5)).refusal().0, "ClientException");
    assert_eq!(plain("tags", json!([])).refusal().0, "InvalidParameterException");
    assert_eq!(
        plain("taskRoleArn", json!("")).refusal(),
        ("ClientException".to_owned(), "Role is not valid".to_owned())
    );
    assert_eq!(plain("containerDefinitions", json!([])).refusal().0, "ClientException");
    assert_eq!(plain("requiresCompatibilities", json!(["FARGATE"])).refusal().0, "ClientException");
    assert_eq!(plain("volumes", json!([])).status, 200);
    assert_eq!(fake.writes(), 1);
}

#[test]
fn revisions_count_up_and_can_be_listed_and_taken_away() {
    let fake = fake();
    let second = revision(&fake, "motor:2");
    let third = revision(&fake, "motor:3");
    assert!(second.ends_with("task-definition/motor:2") && third.ends_with("task-definition/motor:3"));
    let list = |asked: serde_json::Value| ecs(&fake, "ListTaskDefinitions", &asked).ok();
    let newest = list(json!({ "familyPrefix": "motor", "sort": "DESC", "maxResults": 2 }));
    assert_eq!(newest["taskDefinitionArns"], json!([third, second]));
    let rest = list(
        json!({ "familyPrefix": "motor", "sort": "DESC", "maxResults": 2, "nextToken": newest["nextToken"] }),
    );
    assert_eq!(rest["taskDefinitionArns"].as_array().unwrap().len(), 1);
    assert!(rest["nextToken"].is_null());
    ecs(&fake, "DeregisterTaskDefinition", &json!({ "taskDefinition": "motor:3" })).ok();
    let latest = ecs(&fake, "DescribeTaskDefinition", &json!({ "taskDefinition": "motor" })).ok();
    assert_eq!(latest["taskDefinition"]["revision"], 2);
    let gone = ecs(&fake, "DescribeTaskDefinition", &json!({ "taskDefinition": third })).ok();
    assert_eq!(gone["taskDefinition"]["status"], "INACTIVE");
    let asked = json!({ "cluster": "pricing", "service": "motor", "taskDefinition": "motor:3" });
    let refused = ecs(&fake, "UpdateService", &asked).refusal();
    assert_eq!(refused, ("ClientException".to_owned(), "TaskDefinition is inactive".to_owned()));
    let unknown = ecs(&fake, "DescribeTaskDefinition", &json!({ "taskDefinition": "motor:9" })).refusal();
    assert_eq!(unknown.1, "Unable to describe task definition.");
}

#[test]
fn tags_are_added_replaced_and_taken_away() {
    let fake = fake();
    let arn = revision(&fake, "motor:2");
    let tag = |key: &str, value: &str| {
        let asked = json!({ "resourceArn": arn, "tags": [{ "key": key, "value": value }] });
        ecs(&fake, "TagResource", &asked)
    };
    let list = || ecs(&fake, "ListTagsForResource", &json!({ "resourceArn": arn })).ok()["tags"].clone();
    assert_eq!(list(), json!([]));
    tag("verified", "no").ok();
    tag("verified", "yes").ok();
    tag("commit", "a1b2c3d").ok();
    assert_eq!(
        list(),
        json!([{ "key": "verified", "value": "yes" }, { "key": "commit", "value": "a1b2c3d" }])
    );
    assert_eq!(tag("aws:reserved", "x").refusal().0, "InvalidParameterException");
    assert_eq!(tag("digest", "a;b").refusal().0, "InvalidParameterException");
    ecs(&fake, "UntagResource", &json!({ "resourceArn": arn, "tagKeys": ["commit"] })).ok();
    assert_eq!(list(), json!([{ "key": "verified", "value": "yes" }]));
    let refused = ecs(&fake, "TagResource", &json!({ "resourceArn": "arn:aws:ecs:x", "tags": [] })).refusal();
    assert_eq!(refused.0, "InvalidParameterException");
}
