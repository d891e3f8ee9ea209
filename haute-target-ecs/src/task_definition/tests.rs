use haute_core::digest::Digest;
use haute_core::error::ErrorKind;
use haute_core::plan::Change;
use serde_json::{Value, json};

use super::*;

mod properties;

const REPOSITORY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor";

/// What `DescribeTaskDefinition` answers, with members of tomorrow at several depths.
pub(super) fn described() -> Value {
    json!({
        "taskDefinition": {
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:7",
            "family": "motor",
            "revision": 7,
            "status": "ACTIVE",
            "taskRoleArn": "",
            "executionRoleArn": "arn:aws:iam::123456789012:role/motor-execution",
            "networkMode": "awsvpc",
            "containerDefinitions": [{
                "name": "api",
                "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor:4f2a9c1",
                "cpu": 0,
                "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
                "essential": true,
                "environment": [
                    {"name": "LOG_LEVEL", "value": "info"},
                    {"name": "DB_PASSWORD", "value": "hunter2"},
                    {"name": "EMPTY", "value": ""}
                ],
                "environmentFiles": [],
                "mountPoints": [],
                "volumesFrom": [],
                "secrets": [{"name": "API_TOKEN", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:motor-AbCdEf"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/motor", "awslogs-region": "eu-west-1",
                    "awslogs-stream-prefix": "ecs"}, "secretOptions": []},
                "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"], "interval": 30,
                    "timeout": 5, "retries": 3},
                "restartPolicy": {"enabled": true, "ofTomorrow": [1, {"deep": null}]},
                "systemControls": []
            }],
            "volumes": [],
            "placementConstraints": [],
            "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.ecr-auth"}],
            "compatibilities": ["EC2", "FARGATE"],
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "registeredAt": 1_790_000_000.123,
            "registeredBy": "arn:aws:iam::123456789012:user/ci",
            "deregisteredAt": 1_790_000_001,
            "deleteRequestedAt": 1_790_000_002,
            "ofTomorrow": {"a": [], "b": ""}
        },
        "tags": [
            {"key": "team", "value": "pricing"},
            {"key": "aws:cloudformation:stack-name", "value": "motor"},
            {"key": "haute:release", "value": "sha256:0000000000000000000000000000000000000000000000000000000000000000"},
            {"key": "haute:verified", "value": "2026-11-22T10:00:00Z"}
        ]
    })
}

fn definition() -> TaskDefinition {
    TaskDefinition::from_described(described()).expect("it is read")
}

/// The same with something changed in its first container.
fn with_container(change: impl FnOnce(&mut Value)) -> TaskDefinition {
    let mut answer = described();
    change(&mut answer["taskDefinition"]["containerDefinitions"][0]);
    TaskDefinition::from_described(answer).expect("it is read")
}

fn with_body(change: impl FnOnce(&mut Value)) -> TaskDefinition {
    let mut answer = described();
    change(&mut answer["taskDefinition"]);
    TaskDefinition::from_described(answer).expect("it is read")
}

fn lines(changes: &[Change]) -> String {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
    changes
        .iter()
        .map(|change| format!("{}: {} → {}", change.field, side(&change.before), side(&change.after)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_is_registered_is_what_was_described_but_for_the_image_and_the_tags() {
    let image = format!("{REPOSITORY}@sha256:aaaa");
    let patched = definition()
        .with_image("api", &image)
        .expect("there is one")
        .with_haute_tags(&HauteTags::new(Digest::of("r")));
    let mut expected = described()["taskDefinition"].clone();
    let members = expected.as_object_mut().expect("an object");
    for member in READ_ONLY.into_iter().chain(["taskRoleArn", "volumes", "placementConstraints"]) {
        members.shift_remove(member);
    }
    expected["containerDefinitions"][0]["image"] = json!(image);
    expected["tags"] = json!([
        {"key": "team", "value": "pricing"},
        {"key": "haute:release", "value": Digest::of("r").as_str()}
    ]);
    assert_eq!(patched.register_body(), expected);
    assert_eq!(patched.arn(), None);
}

#[test]
fn only_the_image_is_told_as_changed() {
    let before = definition();
    let after = before.with_image("api", &format!("{REPOSITORY}@sha256:aaaa")).expect("there is one");
    insta::assert_snapshot!(lines(&before.changes_to(&after)), @"containerDefinitions[api].image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor:4f2a9c1 → 123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor@sha256:aaaa");
    assert!(!before.runs_the_same_as(&after));
}

#[test]
fn what_means_the_same_is_no_change() {
    let same = with_body(|body| {
        body["cpu"] = json!("0.25 vCPU");
        body["memory"] = json!(".5 GB");
        body["compatibilities"] = json!([]);
        body["runtimePlatform"] = json!({"operatingSystemFamily": "LINUX"});
        let container = &mut body["containerDefinitions"][0];
        container["portMappings"] = json!([{"containerPort": 8080}]);
        container["environment"].as_array_mut().expect("a list").reverse();
        container["healthCheck"]["startPeriod"] = json!(0);
        container["versionConsistency"] = json!("enabled");
        for gone in ["cpu", "essential", "mountPoints", "environmentFiles"] {
            container.as_object_mut().expect("an object").shift_remove(gone);
        }
    });
    assert_eq!(lines(&definition().changes_to(&same)), "");
    assert_eq!(lines(&same.changes_to(&definition())), "");
}

#[test]
fn secrets_are_not_told_and_their_names_are() {
    let key = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
    let after = with_container(|container| {
        container["environment"] = json!([
            {"name": "LOG_LEVEL", "value": "debug"},
            {"name": "DB_PASSWORD", "value": "hunter3"},
            {"name": "EMPTY", "value": key},
            {"name": "DATABASE", "value": "postgres://app:hunter4@db/prices"}
        ]);
        container["secrets"][0]["valueFrom"] =
            json!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf");
        container["command"] = json!(["serve", "--api-token", "hunter5"]);
        container["logConfiguration"]["options"]["splunk-token"] = json!("hunter6");
    });
    let changes = definition().changes_to(&after);
    insta::assert_snapshot!(lines(&changes), @r#"
    containerDefinitions[api].command[0]: (none) → serve
    containerDefinitions[api].command[1]: (none) → --api-token
    containerDefinitions[api].command[2]: (none) → [redacted]
    containerDefinitions[api].environment[DATABASE]: (none) → [redacted]
    containerDefinitions[api].environment[DB_PASSWORD]: [redacted] → [redacted]
    containerDefinitions[api].environment[EMPTY]: [redacted] → [redacted]
    containerDefinitions[api].environment[LOG_LEVEL]: info → debug
    containerDefinitions[api].logConfiguration.options.splunk-token: (none) → [redacted]
    containerDefinitions[api].secrets[API_TOKEN]: arn:aws:secretsmanager:eu-west-1:123456789012:secret:motor-AbCdEf → arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf
    "#);
    let told = format!("{changes:?}{after:?}");
    assert!(!told.contains("hunter") && !told.contains(&key), "{told}");
    assert!(told.contains("secret:other-AbCdEf"));
}

#[test]
fn what_comes_and_goes_is_told() {
    let after = with_body(|body| {
        body["memory"] = json!("2 GB");
        body["ofTomorrow"] = json!({"a": [1, 2]});
        let container = &mut body["containerDefinitions"][0];
        container["portMappings"].as_array_mut().expect("a list").push(json!({"containerPort": 9090}));
        container.as_object_mut().expect("an object").shift_remove("healthCheck");
        body["containerDefinitions"]
            .as_array_mut()
            .expect("a list")
            .insert(0, json!({"name": "proxy", "image": "envoy:1"}));
    });
    insta::assert_snapshot!(lines(&definition().changes_to(&after)), @r#"
    containerDefinitions[api].healthCheck.command[0]: CMD-SHELL → (none)
    containerDefinitions[api].healthCheck.command[1]: curl -f http://localhost:8080/health || exit 1 → (none)
    containerDefinitions[api].healthCheck.interval: 30 → (none)
    containerDefinitions[api].healthCheck.retries: 3 → (none)
    containerDefinitions[api].healthCheck.startPeriod: 0 → (none)
    containerDefinitions[api].healthCheck.timeout: 5 → (none)
    containerDefinitions[api].portMappings[9090/tcp].hostPort: (none) → 9090
    containerDefinitions[proxy].essential: (none) → true
    containerDefinitions[proxy].image: (none) → envoy:1
    memory: 512 → 2048
    ofTomorrow.a[0]: (none) → 1
    ofTomorrow.a[1]: (none) → 2
    ofTomorrow.b: "" → (none)
    "#);
}

#[test]
fn of_two_variables_with_one_name_the_order_counts() {
    let twice = |first: &str, second: &str| {
        let pair = json!([{"name": "A", "value": first}, {"name": "A", "value": second}]);
        with_container(|container| container["environment"] = pair)
    };
    assert!(twice("1", "2").runs_the_same_as(&twice("1", "2")));
    assert!(!twice("1", "2").runs_the_same_as(&twice("2", "1")));
}

#[test]
fn an_empty_text_differs_from_a_missing_one() {
    let without = with_container(|container| {
        container["environment"].as_array_mut().expect("a list").pop();
    });
    assert_eq!(
        lines(&definition().changes_to(&without)),
        "containerDefinitions[api].environment[EMPTY]: \"\" → (none)"
    );
}

#[test]
fn tags_of_ours_replace_ours_and_others_stay() {
    let tags = HauteTags::new(Digest::of("r"))
        .with_commit("4f2a9c1")
        .with_image_tag("4f2a9c1")
        .with_model("motor")
        .with_author("ci (job #4)", "2026-11-23T04:00:00Z".parse().expect("a time"));
    let before = definition();
    let after = before.with_haute_tags(&tags);
    insta::assert_snapshot!(lines(&before.tag_changes_to(&after)), @r#"
    tags[haute:at]: (none) → 2026-11-23T04:00:00Z
    tags[haute:by]: (none) → ci _job _4_
    tags[haute:commit]: (none) → 4f2a9c1
    tags[haute:image-tag]: (none) → 4f2a9c1
    tags[haute:model]: (none) → motor
    tags[haute:release]: sha256:0000000000000000000000000000000000000000000000000000000000000000 → sha256:454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1
    tags[haute:verified]: 2026-11-22T10:00:00Z → (none)
    "#);
    assert!(before.runs_the_same_as(&after), "tags change nothing that runs");
    let read = after.haute_tags();
    assert_eq!(read.verified, None);
    assert_eq!(read, HauteTags { by: Some("ci _job _4_".to_owned()), ..tags });
    assert!(before.haute_tags().verified.is_some());
}

#[test]
fn what_ecs_would_refuse_is_said_before() {
    assert!(definition().check().is_ok());
    let large = with_container(|container| container["command"] = json!(["x".repeat(LARGEST)]));
    let error = large.check().expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("ECS takes fewer than 65536"), "{error}");
    let mut many = described();
    many["tags"] = (0..51).map(|at| json!({"key": format!("k{at}"), "value": ""})).collect();
    let error = TaskDefinition::from_described(many).expect("it is read").check().expect_err("too many");
    assert!(error.message().contains("51 tags"), "{error}");
    assert_eq!(tag_value(&"é".repeat(300)).chars().count(), 256);
}

#[test]
fn the_container_is_chosen_without_guessing() {
    let pick = |containers: Value, wanted: Option<&str>| {
        with_body(|body| body["containerDefinitions"] = containers)
            .container_to_update(wanted, Some(REPOSITORY))
    };
    let ours = format!("{REPOSITORY}:1");
    let only = json!([{"name": "api", "image": "python:3.11"}]);
    assert_eq!(pick(only.clone(), None).expect("the only one"), "api");
    assert_eq!(pick(only, Some("api")).expect("asked for"), "api");
    let sidecar = json!([{"name": "agent", "image": "x", "essential": false}, {"name": "api", "image": "y"}]);
    assert_eq!(pick(sidecar.clone(), None).expect("the essential one"), "api");
    let two = json!([{"name": "proxy", "image": "localhost:5000/envoy"}, {"name": "api", "image": ours}]);
    assert_eq!(pick(two, None).expect("ours"), "api");
    let reversed =
        json!([{"name": "proxy", "image": "envoy"}, {"name": "api", "image": ours, "essential": false}]);
    assert_eq!(pick(reversed, None).expect("ours, though the other one is the essential one"), "api");
    let neither =
        json!([{"name": "proxy", "image": "envoy"}, {"name": "api", "image": format!("{REPOSITORY}-old:1")}]);
    insta::assert_snapshot!(pick(neither, None).expect_err("unclear").message(), @"the task definition has several essential containers, and not exactly one has an image of `123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor`; it has `proxy`, `api`");
    let both =
        json!([{"name": "a", "image": ours}, {"name": "b", "image": format!("{REPOSITORY}@sha256:aa")}]);
    assert!(pick(both, None).is_err());
    insta::assert_snapshot!(pick(sidecar, Some("motor")).expect_err("missing").message(), @"the task definition has no container `motor`; it has `agent`, `api`");
    let none = json!([{"name": "a", "image": "x", "essential": false}, {"name": "b", "image": "x", "essential": false}]);
    assert!(pick(none, None).is_err());
    assert!(definition().with_image("motor", "x").is_err());
}

#[test]
fn what_is_no_task_definition_is_refused() {
    for answer in [
        json!(null),
        json!({}),
        json!({"taskDefinition": {"family": "x"}}),
        json!({"taskDefinition": {"containerDefinitions": [{}]}}),
    ] {
        assert_eq!(
            TaskDefinition::from_described(answer).expect_err("refused").kind(),
            ErrorKind::Unexpected
        );
    }
}
