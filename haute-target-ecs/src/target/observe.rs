//! What is there: the service, and the task definition it is to run.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::EcsTarget;
use crate::aws::error::Permitted;
use crate::model::{
    ControllerKind, Deployment, DescribeServicesAnswer, RolloutState, Service, ServiceStatus,
};
use crate::task_definition::TaskDefinition;

/// What is there.
pub(crate) struct Observed {
    /// The service.
    pub(crate) service: Service,
    /// The task definition it is to run, where these credentials may read it.
    pub(crate) definition: Permitted<TaskDefinition>,
}

impl Observed {
    /// The deployment that is to serve.
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.service.primary()
    }

    /// The id of that deployment; empty where the service has none yet.
    pub(crate) fn primary_id(&self) -> &str {
        self.primary().map(|deployment| deployment.id.as_str()).unwrap_or_default()
    }

    /// The ARN of the task definition that is to serve.
    pub(crate) fn wanted_definition(&self) -> &str {
        wanted_definition(&self.service)
    }

    /// How far the rollout of that is.
    pub(crate) fn state(&self) -> State {
        state(&self.service)
    }

    /// What a plan is made for. How far a rollout is does not belong to it: a plan outlives that.
    pub(crate) fn fingerprint(&self, others: &Value) -> Digest {
        Digest::of(json!([self.wanted_definition(), self.primary_id(), others]).to_string())
    }
}

/// How far the rollout of what is to serve is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It serves.
    Settled,
    /// It is on its way.
    UnderWay,
    /// It did not come up.
    Failed,
}

/// The ARN of the task definition a service is to run.
pub(crate) fn wanted_definition(service: &Service) -> &str {
    service
        .primary()
        .map(|deployment| deployment.task_definition.as_str())
        .filter(|arn| !arn.is_empty())
        .unwrap_or(&service.task_definition)
}

/// How far the rollout of what is to serve is. Where ECS does not say (a Classic Load Balancer), it is there when it is alone.
pub(crate) fn state(service: &Service) -> State {
    let Some(primary) = service.primary() else { return State::Settled };
    match primary.rollout_state {
        Some(RolloutState::Completed) => State::Settled,
        Some(RolloutState::Failed) => State::Failed,
        None if service.deployments.len() == 1 && primary.running_count == primary.desired_count => {
            State::Settled
        }
        Some(RolloutState::InProgress | RolloutState::Unknown) | None => State::UnderWay,
    }
}

/// Looks at the service, whatever has become of it; `None` where it is not there.
pub(crate) async fn as_it_is(target: &EcsTarget) -> Result<Option<Service>> {
    match describe(target).await {
        Ok(answer) => Ok(answer.services.into_iter().next()),
        // The cluster went with it.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn describe(target: &EcsTarget) -> Result<DescribeServicesAnswer> {
    let aws = target.connection.aws().await?;
    let answer = aws.ecs.describe_service(&target.config.cluster, &target.config.service).await?;
    read(answer, "ecs.DescribeServices")
}

/// Looks at the service, which must be active.
pub(crate) async fn service(target: &EcsTarget) -> Result<Service> {
    let config = &target.config;
    let answer = describe(target).await?;
    let missing = |reason: &str| {
        let (cluster, service) = (&config.cluster, &config.service);
        Error::new(ErrorKind::NotFound, format!("there is no service `{service}` in the cluster `{cluster}`"))
            .with_operation("ecs.DescribeServices")
            .with_context("region", config.region.clone())
            .with_context("reason", reason.to_owned())
            .with_hint(format!(
                "`aws ecs list-services --cluster {cluster} --region {}` names those there are",
                config.region
            ))
    };
    let Some(service) = answer.services.into_iter().next() else {
        return Err(missing(answer.failures.first().map_or("MISSING", |failure| &failure.reason)));
    };
    match service.status {
        Some(ServiceStatus::Inactive) => return Err(missing("INACTIVE: it was deleted")),
        Some(ServiceStatus::Draining) => return Err(missing("DRAINING: it is being deleted")),
        Some(ServiceStatus::Active | ServiceStatus::Unknown) | None => {}
    }
    Ok(service)
}

/// Looks at the service and the task definition it is to run.
pub(crate) async fn observe(target: &EcsTarget) -> Result<Observed> {
    let service = service(target).await?;
    controller(&service)?;
    let arn = wanted_definition(&service).to_owned();
    let definition = Permitted::of(definition(target, &arn).await)?;
    Ok(Observed { service, definition })
}

/// Refuses a service whose deployments belong to something else.
pub(crate) fn controller(service: &Service) -> Result<()> {
    let who = match service.deployment_controller.kind {
        ControllerKind::CodeDeploy => "AWS CodeDeploy",
        ControllerKind::External => "an external controller",
        _ => return Ok(()),
    };
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("the service `{}` is deployed by {who}, which this target does not drive", service.service_name),
    )
    .with_operation("ecs.DescribeServices")
    .with_hint("make the service with the deployment controller `ECS` (its own blue/green needs no CodeDeploy), or set `update = \"none\"` and deploy the pushed image there"))
}

/// A revision by its ARN or `family:revision`, or the latest of a family.
pub(crate) async fn definition(target: &EcsTarget, name: &str) -> Result<TaskDefinition> {
    let aws = target.connection.aws().await?;
    TaskDefinition::from_described(aws.ecs.describe_task_definition(name).await?)
}

/// Reads an answer.
pub(crate) fn read<T: serde::de::DeserializeOwned>(answer: Value, operation: &'static str) -> Result<T> {
    crate::model::read(answer).map_err(|why| {
        Error::new(ErrorKind::Unexpected, "the answer of ECS cannot be read")
            .with_operation(operation)
            .with_context("reason", why)
    })
}
