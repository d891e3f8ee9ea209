mod causes;
mod screens;

use serde_json::{Value, json};

use crate::model::{self, Service, ServiceEvent, Task};
use crate::report::Subject;

pub(super) const OURS: &str = "ecs-svc/8";

pub(super) fn subject() -> Subject {
    Subject {
        account: "123456789012".to_owned(),
        task_definition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:8".to_owned(),
        container: "api".to_owned(),
        port: Some(8080),
        repository: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor".to_owned(),
        image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor@sha256:aaaa".to_owned(),
        log_group: "/ecs/motor".to_owned(),
        memory: Some(512),
        architecture: "X86_64".to_owned(),
        execution_role: "arn:aws:iam::123456789012:role/motor-execution".to_owned(),
        task_role: "arn:aws:iam::123456789012:role/motor-task".to_owned(),
        ..Subject::new("eu-west-1", "pricing", "motor")
    }
}

/// A stopped task of a deployment, with one container.
pub(super) fn task(id: &str, by: &str, code: &str, reason: &str, container: impl Into<Value>) -> Task {
    let container: Value = container.into();
    model::read(json!({
        "taskArn": format!("arn:aws:ecs:eu-west-1:123456789012:task/pricing/{id}"),
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:8",
        "startedBy": by, "lastStatus": "STOPPED", "stopCode": code, "stoppedReason": reason,
        "stoppedAt": 1_790_000_000 + i64::from(id.bytes().next_back().unwrap_or(0)),
        "containers": [container],
    }))
    .expect("it is read")
}

pub(super) fn events(messages: &[&str]) -> Vec<ServiceEvent> {
    messages
        .iter()
        .enumerate()
        .map(|(at, message)| {
            model::read(
                json!({"id": at.to_string(), "createdAt": 1_790_000_000 + at * 10, "message": message}),
            )
            .expect("it is read")
        })
        .collect()
}

pub(super) fn service() -> Service {
    model::read(json!({"deployments": [
        {"id": "ecs-svc/7", "status": "PRIMARY", "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:7",
            "runningCount": 2, "desiredCount": 2, "rolloutState": "COMPLETED"}
    ]}))
    .expect("it is read")
}
