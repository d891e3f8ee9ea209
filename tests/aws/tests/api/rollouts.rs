//! How a service goes from one revision to another.

use haute_aws_fake::{AwsFake, Behaviour, Script, ServiceSetup};
use serde_json::{Value, json};

use crate::client::{deploy, ecs, logs, motor};

fn with(setup: ServiceSetup) -> AwsFake {
    AwsFake::start().unwrap().with_service(setup).unwrap()
}

fn setup() -> ServiceSetup {
    ServiceSetup::new("pricing", "motor").with_desired(2)
}

/// The deployments of the service: id, status, rollout state, failed tasks.
fn deployments(fake: &AwsFake) -> Vec<(String, String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let service = motor(fake);
    let deployments = service["deployments"].as_array().unwrap().iter();
    deployments
        .map(|one| {
            (
                text(&one["id"]),
                text(&one["status"]),
                text(&one["rolloutState"]),
                one["failedTasks"].as_u64().unwrap(),
            )
        })
        .collect()
}

fn events(fake: &AwsFake) -> String {
    fake.service("pricing", "motor").unwrap().events.join("\n")
}

#[test]
fn a_healthy_revision_takes_over_within_the_percents() {
    let fake = with(setup());
    let ours = deploy(&fake, "motor:2");
    let mut states = Vec::new();
    for _ in 0..40 {
        let service = fake.service("pricing", "motor").unwrap();
        let healthy = service.tasks.iter().filter(|task| task.healthy).count();
        assert!(healthy >= 2, "fewer than the minimum: {service:?}");
        assert!(service.tasks.iter().filter(|task| task.status == "RUNNING").count() <= 4);
        let state = deployments(&fake);
        assert_eq!(state[0].0, ours);
        states.push((state.len(), state[0].2.clone()));
        fake.advance(1);
    }
    states.dedup();
    let expected = [(2, "IN_PROGRESS"), (1, "COMPLETED")].map(|(count, state)| (count, state.to_owned()));
    assert_eq!(states, expected);
    let service = fake.service("pricing", "motor").unwrap();
    assert_eq!(service.serving(), std::slice::from_ref(&service.task_definition));
    assert!(service.task_definition.ends_with("motor:2"));
    assert_eq!(service.events[0], "(service motor) has reached a steady state.");
    assert!(service.events[1].ends_with("deployment completed."));
    assert!(events(&fake).contains("has started 2 tasks: (task "));
}

#[test]
fn the_breaker_goes_back() {
    let fake = with(setup()).with_script(Script::Image("motor:broken".to_owned()), Behaviour::crash(2));
    let before = deployments(&fake)[0].0.clone();
    let ours = deploy(&fake, "motor:broken");
    let mut seen = Vec::new();
    for _ in 0..120 {
        fake.advance(1);
        assert_eq!(
            fake.service("pricing", "motor").unwrap().serving().len(),
            1,
            "the old one serves all along"
        );
        let state: Vec<(bool, String, String)> = deployments(&fake)
            .into_iter()
            .map(|(id, status, state, _)| (id == ours, status, state))
            .collect();
        if seen.last() != Some(&state) {
            seen.push(state);
        }
    }
    let state = |ours: bool, status: &str, state: &str| (ours, status.to_owned(), state.to_owned());
    assert_eq!(
        seen,
        [
            vec![state(true, "PRIMARY", "IN_PROGRESS"), state(false, "ACTIVE", "COMPLETED")],
            vec![state(false, "PRIMARY", "IN_PROGRESS"), state(true, "ACTIVE", "FAILED")],
            vec![state(false, "PRIMARY", "COMPLETED")],
        ]
    );
    assert_eq!(deployments(&fake)[0].0, before);
    let service = fake.service("pricing", "motor").unwrap();
    assert!(service.serving()[0].ends_with("motor:1"), "{service:?}");
    assert!(
        events(&fake).contains(&format!("(deployment {ours}) deployment failed: tasks failed to start."))
    );
    assert!(events(&fake).contains(&format!("rolling back to deployment {before}.")));
    let told =
        ecs(&fake, "ListServiceDeployments", &json!({ "cluster": "pricing", "service": "motor" })).ok();
    assert_eq!(told["serviceDeployments"][0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn a_crash_tells_code_reason_and_last_words() {
    let fake = with(setup()).with_script(Script::Image("motor:broken".to_owned()), Behaviour::crash(2));
    let ours = deploy(&fake, "registry.example/motor:broken");
    fake.advance(8);
    let list = |more: Value| {
        let mut asked = json!({ "cluster": "pricing" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ecs(&fake, "ListTasks", &asked).ok()["taskArns"].as_array().unwrap().clone()
    };
    let stopped = list(json!({ "serviceName": "motor", "desiredStatus": "STOPPED", "startedBy": ours }));
    assert_eq!(stopped.len(), 2);
    assert_eq!(list(json!({ "family": "motor" })).len(), 2, "the old ones run");
    assert!(list(json!({ "family": "home" })).is_empty());
    let answer = ecs(&fake, "DescribeTasks", &json!({ "cluster": "pricing", "tasks": stopped })).ok();
    let task = &answer["tasks"][0];
    assert_eq!(task["startedBy"], ours.as_str());
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    let container = &task["containers"][0];
    assert_eq!((&container["exitCode"], &container["name"]), (&json!(1), &json!("motor")));
    assert!(container["imageDigest"].as_str().unwrap().starts_with("sha256:"));
    let id = task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let asked =
        json!({ "logGroupName": "/ecs/motor", "logStreamName": format!("ecs/motor/{id}"), "limit": 1 });
    let last = logs(&fake, "GetLogEvents", &asked).ok();
    assert_eq!(last["events"][0]["message"], "ModuleNotFoundError: No module named 'polars'");
    assert_eq!(last["events"].as_array().unwrap().len(), 1);
    let missing = json!({ "logGroupName": "/ecs/motor", "logStreamName": "ecs/motor/none" });
    assert_eq!(logs(&fake, "GetLogEvents", &missing).refusal().0, "ResourceNotFoundException");
}
