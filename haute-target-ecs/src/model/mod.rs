//! What this crate reads of ECS's answers.
//!
//! The answers are read from the JSON itself, not through the SDK's types: those drop what is newer than they are. Every field may be
//! missing, because ECS leaves out what does not apply, and because a policy may hide it. Names and meanings are those of the
//! [API reference](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Types.html), version 2014-11-13.

mod deployment_configuration;
mod service;
mod service_deployment;
mod service_revision;
mod task;
mod time;

pub use deployment_configuration::{
    CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, Strategy, ThresholdConfiguration,
};
pub use service::{
    ControllerKind, Deployment, DeploymentController, DeploymentStatus, DescribeServicesAnswer, Failure,
    LoadBalancer, RolloutState, Service, ServiceEvent, ServiceStatus, Tag, UpdateServiceAnswer,
};
pub use service_deployment::{
    AlarmsProgress, CircuitBreakerProgress, DescribeServiceDeploymentsAnswer, ListServiceDeploymentsAnswer,
    PauseHook, Rollback, ServiceDeployment, ServiceDeploymentStatus,
};
pub use service_revision::{
    ContainerImage, DescribeServiceRevisionsAnswer, ServiceRevision, ServiceRevisionCount,
};
pub use task::{Container, DescribeTasksAnswer, ListTasksAnswer, Task};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads an answer, or a part of one, from its JSON.
///
/// A member that is `null` counts as missing, as the protocol says.
///
/// # Errors
///
/// What does not fit, as the JSON reader says it.
pub fn read<T: DeserializeOwned>(mut answer: Value) -> Result<T, String> {
    drop_nulls(&mut answer);
    serde_json::from_value(answer).map_err(|error| error.to_string())
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_service_as_ecs_writes_it() {
        let answer: DescribeServicesAnswer = read(json!({
            "failures": [],
            "services": [{
                "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/pricing/motor",
                "serviceName": "motor",
                "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/pricing",
                "status": "ACTIVE",
                "desiredCount": 2, "runningCount": 3, "pendingCount": 1,
                "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:8",
                "deploymentController": {"type": "ECS"},
                "deploymentConfiguration": {
                    "deploymentCircuitBreaker": {"enable": true, "rollback": true},
                    "alarms": {"alarmNames": ["motor-5xx"], "enable": true, "rollback": false},
                    "strategy": "ROLLING", "maximumPercent": 200, "minimumHealthyPercent": 100
                },
                "deployments": [
                    {"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": "motor:8", "desiredCount": 2, "pendingCount": 1,
                     "runningCount": 1, "failedTasks": 1, "createdAt": 1_790_000_100.25, "updatedAt": 1_790_000_130.5,
                     "rolloutState": "IN_PROGRESS", "rolloutStateReason": "ECS deployment ecs-svc/2 in progress."},
                    {"id": "ecs-svc/1", "status": "ACTIVE", "taskDefinition": "motor:7", "rolloutState": "SOMETHING_NEW"},
                    {"id": "ecs-svc/0", "status": "ACTIVE", "rolloutState": null}
                ],
                "events": [{"id": "e1", "createdAt": 1_790_000_101, "message": "(service motor) has started 1 tasks: (task a)."}],
                "loadBalancers": [{"targetGroupArn": "arn:tg", "containerName": "api", "containerPort": 8080}],
                "currentServiceDeployment": "arn:aws:ecs:eu-west-1:123456789012:service-deployment/pricing/motor/x",
                "aFieldOfTomorrow": {"deep": [1, null]}
            }]
        }))
        .expect("it is read");
        let service = answer.services.first().expect("one service");
        assert_eq!(service.status, Some(ServiceStatus::Active));
        assert_eq!(service.deployment_controller.kind, ControllerKind::Ecs);
        assert!(service.deployment_configuration.circuit_breaker.enable);
        assert_eq!(service.deployment_configuration.strategy, Strategy::Rolling);
        let states: Vec<_> = service.deployments.iter().map(|deployment| deployment.rollout_state).collect();
        assert_eq!(states, [Some(RolloutState::InProgress), Some(RolloutState::Unknown), None]);
        let created =
            service.deployments.first().and_then(|deployment| deployment.created_at).expect("a time");
        assert_eq!(created.as_millisecond(), 1_790_000_100_250);
        assert_eq!(service.primary().map(|deployment| deployment.id.as_str()), Some("ecs-svc/2"));
    }

    #[test]
    fn reads_a_stopped_task_as_ecs_writes_it() {
        let answer: DescribeTasksAnswer = read(json!({
            "tasks": [{
                "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/pricing/0c1d",
                "startedBy": "ecs-svc/2", "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
                "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
                "stoppedAt": 1_790_000_130.5,
                "containers": [{"name": "api", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage",
                    "image": "1.dkr/motor@sha256:aa", "imageDigest": "sha256:aa", "runtimeId": "r", "lastStatus": "STOPPED"}]
            }],
            "failures": [{"arn": "arn:x", "reason": "MISSING"}]
        }))
        .expect("it is read");
        let task = answer.tasks.first().expect("one task");
        assert_eq!(task.id(), "0c1d");
        assert_eq!(task.containers.first().and_then(|container| container.exit_code), Some(137));
        assert_eq!(answer.failures.first().map(|failure| failure.reason.as_str()), Some("MISSING"));
    }

    #[test]
    fn reads_a_paused_and_a_rolled_back_service_deployment() {
        let answer: DescribeServiceDeploymentsAnswer = read(json!({
            "serviceDeployments": [
                {"serviceDeploymentArn": "arn:a", "status": "IN_PROGRESS", "lifecycleStage": "POST_SCALE_UP",
                 "targetServiceRevision": {"arn": "arn:rev2", "runningTaskCount": 1},
                 "lifecycleHookDetails": [{"hookId": "h1", "targetType": "PAUSE", "status": "AWAITING_ACTION",
                    "expiresAt": 1_790_000_900, "timeoutAction": "ROLLBACK"}]},
                {"serviceDeploymentArn": "arn:b", "status": "ROLLBACK_SUCCESSFUL",
                 "deploymentCircuitBreaker": {"status": "TRIGGERED", "failureCount": 3, "threshold": 3},
                 "rollback": {"reason": "circuit breaker", "serviceRevisionArn": "arn:rev1"}}
            ], "failures": []
        }))
        .expect("it is read");
        let [paused, back] = answer.service_deployments.as_slice() else { panic!("two") };
        assert_eq!(paused.paused_at().map(|hook| hook.hook_id.as_str()), Some("h1"));
        assert_eq!(back.status, Some(ServiceDeploymentStatus::RollbackSuccessful));
        assert_eq!(back.circuit_breaker.failure_count, 3);
        assert!(back.paused_at().is_none());
    }

    #[test]
    fn an_empty_answer_and_times_out_of_range_are_read() {
        assert!(read::<DescribeServicesAnswer>(json!({})).expect("it is read").services.is_empty());
        let event: ServiceEvent = read(json!({"createdAt": 1e300})).expect("it is read");
        assert_eq!(event.created_at, None);
        assert!(read::<DescribeServicesAnswer>(json!({"services": 3})).is_err());
    }
}
