//! The operations of ECS this crate uses (API version 2014-11-13), as JSON.

use aws_sdk_ecs::config::Builder;
use haute_core::error::Result;
use serde_json::{Value, json};

use super::error::action;
use super::raw::{OnlyIfThrottled, Raw};

/// ECS in one account and region.
#[derive(Clone, Debug)]
pub(crate) struct Ecs(aws_sdk_ecs::Client);

/// Calls an operation with our own body; `once` for a write that must not be repeated blindly.
macro_rules! call {
    ($client:expr, $method:ident, $name:literal, $body:expr) => {{
        let raw = Raw::new(&$body);
        let sent = $client.$method().customize().interceptor(raw.clone()).send().await;
        raw.finish(action!("ecs", $name), sent)
    }};
    (once $client:expr, $method:ident, $name:literal, $body:expr) => {{
        let raw = Raw::new(&$body);
        let careful = Builder::new().retry_classifier(OnlyIfThrottled);
        let sent =
            $client.$method().customize().interceptor(raw.clone()).config_override(careful).send().await;
        raw.finish(action!("ecs", $name), sent)
    }};
}

impl Ecs {
    pub(super) fn new(config: &aws_config::SdkConfig) -> Self {
        Self(aws_sdk_ecs::Client::new(config))
    }

    /// `DescribeServices` of one service. An unknown service is a `failures` entry with the reason `MISSING`, not an error.
    pub(crate) async fn describe_service(&self, cluster: &str, service: &str) -> Result<Value> {
        let body = json!({"cluster": cluster, "services": [service], "include": ["TAGS"]});
        call!(self.0, describe_services, "DescribeServices", body)
    }

    /// `DescribeTaskDefinition` with its tags, which stand beside it. A bare family is its latest active revision.
    pub(crate) async fn describe_task_definition(&self, name: &str) -> Result<Value> {
        let body = json!({"taskDefinition": name, "include": ["TAGS"]});
        call!(self.0, describe_task_definition, "DescribeTaskDefinition", body)
    }

    /// `RegisterTaskDefinition`: always a new revision.
    pub(crate) async fn register_task_definition(&self, body: &Value) -> Result<Value> {
        call!(once self.0, register_task_definition, "RegisterTaskDefinition", body)
    }

    /// `UpdateService` with exactly the fields of `body`.
    pub(crate) async fn update_service(&self, body: &Value) -> Result<Value> {
        call!(once self.0, update_service, "UpdateService", body)
    }

    /// `TagResource`.
    pub(crate) async fn tag_resource(&self, arn: &str, tags: &Value) -> Result<Value> {
        call!(self.0, tag_resource, "TagResource", json!({"resourceArn": arn, "tags": tags}))
    }

    /// `ListTaskDefinitions` of a family, newest first, at most `most`.
    pub(crate) async fn list_task_definitions(&self, family: &str, most: usize) -> Result<Value> {
        let body = json!({"familyPrefix": family, "status": "ACTIVE", "sort": "DESC", "maxResults": most});
        call!(self.0, list_task_definitions, "ListTaskDefinitions", body)
    }

    /// `ListTasks` of a service with this desired status.
    pub(crate) async fn list_tasks(&self, cluster: &str, service: &str, status: &str) -> Result<Value> {
        let body = json!({"cluster": cluster, "serviceName": service, "desiredStatus": status});
        call!(self.0, list_tasks, "ListTasks", body)
    }

    /// `DescribeTasks`, at most 100.
    pub(crate) async fn describe_tasks(&self, cluster: &str, tasks: &[String]) -> Result<Value> {
        call!(self.0, describe_tasks, "DescribeTasks", json!({"cluster": cluster, "tasks": tasks}))
    }

    /// `ListServiceDeployments`, newest first.
    pub(crate) async fn list_service_deployments(&self, cluster: &str, service: &str) -> Result<Value> {
        let body = json!({"cluster": cluster, "service": service});
        call!(self.0, list_service_deployments, "ListServiceDeployments", body)
    }

    /// `DescribeServiceDeployments`, at most 20.
    pub(crate) async fn describe_service_deployments(&self, arns: &[String]) -> Result<Value> {
        let body = json!({"serviceDeploymentArns": arns});
        call!(self.0, describe_service_deployments, "DescribeServiceDeployments", body)
    }

    /// `DescribeServiceRevisions`: the digests a rollout resolved to.
    pub(crate) async fn describe_service_revisions(&self, arns: &[String]) -> Result<Value> {
        let body = json!({"serviceRevisionArns": arns});
        call!(self.0, describe_service_revisions, "DescribeServiceRevisions", body)
    }
}
