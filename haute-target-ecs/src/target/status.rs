//! What serves, as the service and the tags of its revisions say.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::target::{Context, DeployTarget as _, Deployment};

use super::EcsTarget;
use super::definition::{identity, release_of, short};
use super::observe::{self, Observed, State};
use super::remembered;
use crate::aws::error::Permitted;
use crate::config::Update;
use crate::model::{Deployment as EcsDeployment, RolloutState, Service};

/// What serves now.
pub(super) async fn status(target: &EcsTarget, context: &Context) -> Result<Deployment> {
    if target.config.update == Update::None {
        return target.container.status(context).await;
    }
    let observed = observe::observe(target).await?;
    target.url.discover(target, &observed.service).await;
    let release = serving(target, &observed).await?;
    let service = &observed.service;
    let state = match observed.state() {
        State::Settled if service.running_count == 0 => "no task runs",
        State::Settled => "serving",
        State::UnderWay => "a deployment is under way",
        State::Failed => "the last deployment failed",
    };
    let url = target.url.known(&target.config);
    let mut status = Deployment::serving(release, url)
        .with_state(state)
        .with_detail("service", service.service_name.clone())
        .with_detail("tasks", format!("{} of {}", service.running_count, service.desired_count))
        .with_detail("task definition", short(observed.wanted_definition()))
        .with_detail("deployment", observed.primary_id());
    if let Some(serving) = serving_deployment(service)
        && serving.task_definition != observed.wanted_definition()
    {
        status = status.with_detail("serving", short(&serving.task_definition));
    }
    if let Some(definition) = observed.definition.as_seen() {
        if let Ok(container) = super::desired::container(target, definition)
            && let Some(image) = definition.image(&container)
        {
            status = status.with_detail("image", image);
        }
        if let Some(identity) = identity(definition) {
            let tags = identity.tags;
            for (name, value) in [("commit", tags.commit), ("deployed by", tags.by)] {
                if let Some(value) = value {
                    status = status.with_detail(name, value);
                }
            }
            let verified = tags.verified.map_or_else(|| "no".to_owned(), |at| at.to_string());
            status = status.with_detail("verified", verified);
        }
    }
    Ok(status)
}

/// The release that serves, where it can be told.
pub(super) async fn serving(target: &EcsTarget, observed: &Observed) -> Result<Option<Digest>> {
    let Some(serving) = serving_deployment(&observed.service) else { return Ok(None) };
    let arn = serving.task_definition.as_str();
    let definition = if arn == observed.wanted_definition() {
        observed.definition.clone()
    } else {
        Permitted::of(observe::definition(target, arn).await)?
    };
    if let Some(release) = definition.as_seen().and_then(release_of) {
        return Ok(Some(release));
    }
    let last = remembered::read(target)?;
    let same = |last: &remembered::LastDeployment| {
        last.task_definition == arn
            && (last.deployment == serving.id || target.config.update == Update::Register)
    };
    Ok(last.filter(same).map(|last| last.release))
}

/// The deployment whose tasks answer. While a rollout is not through, that is the one it replaces.
pub(super) fn serving_deployment(service: &Service) -> Option<&EcsDeployment> {
    let primary = service.primary();
    if observe::state(service) == State::Settled {
        return primary;
    }
    let is_primary = |deployment: &EcsDeployment| primary.is_some_and(|primary| primary.id == deployment.id);
    let failed = |deployment: &EcsDeployment| deployment.rollout_state == Some(RolloutState::Failed);
    let others = || service.deployments.iter().filter(|one| !is_primary(one) && one.running_count > 0);
    others()
        .find(|one| !failed(one))
        .or_else(|| primary.filter(|one| one.running_count > 0 && !failed(one)))
        .or_else(|| others().next())
        .or_else(|| primary.filter(|one| one.running_count > 0))
}
