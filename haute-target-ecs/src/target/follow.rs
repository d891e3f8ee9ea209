//! Following a deployment to its end: what was read goes to [`rollout`](crate::rollout), what it says goes to the engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::{Context, Readiness, StepRequest};
use serde_json::Value;

use super::EcsTarget;
use super::observe::{self, State, read};
use super::running;
use crate::aws::error::{Permitted, code};
use crate::model::{
    DescribeServiceDeploymentsAnswer, ListServiceDeploymentsAnswer, Service, ServiceDeployment, Strategy,
};
use crate::rollout::{EventCursor, Observation, Rollout, Rules, Watch, Watched, what_runs};

/// How many service deployments are described at once.
const AT_ONCE: usize = 20;

/// What was learnt about deployments while they were followed, by their ids. Clones share it. What is lost with the process is
/// learnt again in a few more reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follower(Arc<Mutex<BTreeMap<String, Following>>>);

#[derive(Clone, Debug)]
struct Following {
    watch: Watch,
    events: EventCursor,
    begun: Instant,
    /// Whether service deployments may be read; not asked again once that was refused.
    may_list: bool,
    /// What the last look meant.
    last: Option<Rollout>,
}

impl Follower {
    /// What is known about the deployment of `watched`; from its beginning, where nothing is.
    fn take(&self, watched: &Watched, rules: Rules) -> Following {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&watched.deployment).unwrap_or_else(|| Following {
            watch: Watch::new(watched.clone(), rules),
            events: watched.created_at.map(EventCursor::since).unwrap_or_default(),
            begun: Instant::now(),
            may_list: true,
            last: None,
        })
    }

    /// What the last look at a deployment meant; `None` where there was none.
    pub(super) fn last(&self, deployment: &str) -> Option<Rollout> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(deployment)?.last.clone()
    }

    fn keep(&self, following: Following) {
        let id = following.watch.watched().deployment.clone();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, following);
    }
}

/// Whether our own deployment has come through, and what runs is the image it was to bring.
pub(super) async fn ours(
    target: &EcsTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<Readiness> {
    let watched = request.outputs.get("watched").cloned().unwrap_or_default();
    let watched: Watched = serde_json::from_value(watched)
        .map_err(|source| Error::bug("what the step `update` reported cannot be read").with_source(source))?;
    let id = watched.deployment.clone();
    match look(target, context, &watched).await? {
        (Some(service), Rollout::Succeeded { running }) if running > 0 => {
            let image = request.outputs.get("image").and_then(Value::as_str);
            running::require(target, context, &service, &id, image).await?;
            Ok(Readiness::Ready)
        }
        (service, rollout) => told(target, &id, service.as_ref(), &rollout),
    }
}

/// Whether a deployment that was begun elsewhere has come through.
pub(super) async fn watch(target: &EcsTarget, context: &Context, id: &str) -> Result<Readiness> {
    if !id.starts_with("ecs-svc/") {
        return Err(Error::new(ErrorKind::InvalidInput, format!("`{id}` is no id of a deployment of ECS"))
            .with_hint(
                "ids look like `ecs-svc/1234567890123456789`; `haute-cli status` names the current one",
            ));
    }
    let (service, rollout) = look(target, context, &Watched::new(id, "")).await?;
    if matches!(rollout, Rollout::Succeeded { running } if running > 0) {
        return Ok(Readiness::Ready);
    }
    told(target, id, service.as_ref(), &rollout)
}

/// Whether somebody else's deployment is through, well or badly.
pub(super) async fn other(target: &EcsTarget, id: &str) -> Result<Readiness> {
    let service = observe::service(target).await?;
    let primary = service.primary().filter(|primary| primary.id == id);
    match (primary, observe::state(&service)) {
        (Some(primary), State::UnderWay) => Ok(Readiness::Pending {
            message: format!(
                "deployment {id}: {} of {} tasks run",
                primary.running_count, primary.desired_count
            ),
        }),
        _ => Ok(Readiness::Ready),
    }
}

/// One more look at the deployment of `watched`. Events of the service are told, each once.
async fn look(
    target: &EcsTarget,
    context: &Context,
    watched: &Watched,
) -> Result<(Option<Service>, Rollout)> {
    let resume = |error: Error| expired(error, &watched.deployment);
    let service = observe::as_it_is(target).await.map_err(resume)?;
    let rules = Rules { most_failed_tasks: i64::from(target.config.max_failed_tasks), ..Rules::default() };
    let mut following = target.follower.take(watched, rules);
    let told = match &service {
        Some(service) if following.may_list => service_deployments(target, service, &mut following).await,
        _ => Ok(Vec::new()),
    };
    // What was learnt is kept whatever else fails.
    let told = match told {
        Ok(told) => told,
        Err(error) => {
            target.follower.keep(following);
            return Err(resume(error));
        }
    };
    if let Some(service) = &service {
        for event in following.events.fresh(service) {
            context.events.emit(&Event::ServiceEvent { at: event.created_at, message: event.message });
        }
    }
    let elapsed = elapsed(&following, service.as_ref());
    let own = following.watch.watched().among(&told);
    let rollout =
        following.watch.observe(Observation::new(service.as_ref(), elapsed).with_service_deployment(own));
    following.last = Some(rollout.clone());
    target.follower.keep(following);
    Ok((service, rollout))
}

/// How long ago the deployment was begun: by this machine's clock since it is followed, or by what ECS itself has written since.
fn elapsed(following: &Following, service: Option<&Service>) -> Duration {
    let begun = following.watch.watched().created_at;
    let latest = service.into_iter().flat_map(|service| {
        let events = service.events.iter().filter_map(|event| event.created_at);
        events.chain(service.deployments.iter().filter_map(|one| one.updated_at))
    });
    let by_ecs = latest.max().zip(begun).and_then(|(latest, begun)| {
        u64::try_from(latest.as_millisecond() - begun.as_millisecond()).ok().map(Duration::from_millis)
    });
    following.begun.elapsed().max(by_ecs.unwrap_or_default())
}

/// The service's newest deployments as the other API tells them; none where these credentials may not read them, or where they
/// say nothing that the service does not.
async fn service_deployments(
    target: &EcsTarget,
    service: &Service,
    following: &mut Following,
) -> Result<Vec<ServiceDeployment>> {
    let configuration = &service.deployment_configuration;
    // One more call per look is spent only where a deployment can wait for somebody, or bake.
    let plain = configuration.strategy == Strategy::Rolling && !configuration.alarms.enable;
    let ends = observe::state(service) != State::UnderWay;
    if plain && !ends {
        return Ok(Vec::new());
    }
    let aws = target.connection.aws().await?;
    let config = &target.config;
    let listed = aws.ecs.list_service_deployments(&config.cluster, &config.service).await;
    let Permitted::Seen(listed) = Permitted::of(listed)? else {
        following.may_list = false;
        return Ok(Vec::new());
    };
    let listed: ListServiceDeploymentsAnswer = read(listed, "ecs.ListServiceDeployments")?;
    let arns: Vec<String> = listed
        .service_deployments
        .into_iter()
        .take(AT_ONCE)
        .map(|one| one.service_deployment_arn)
        .filter(|arn| !arn.is_empty())
        .collect();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let Permitted::Seen(answer) = Permitted::of(aws.ecs.describe_service_deployments(&arns).await)? else {
        following.may_list = false;
        return Ok(Vec::new());
    };
    let answer: DescribeServiceDeploymentsAnswer = read(answer, "ecs.DescribeServiceDeployments")?;
    Ok(answer.service_deployments)
}

/// A rollout in the engine's terms.
fn told(target: &EcsTarget, id: &str, service: Option<&Service>, rollout: &Rollout) -> Result<Readiness> {
    let words = rollout.to_string();
    let (kind, message) = match rollout {
        Rollout::InProgress { .. } | Rollout::GoingBack { .. } => {
            return Ok(Readiness::Pending { message: words });
        }
        Rollout::Succeeded { .. } => (
            ErrorKind::DeploymentFailed,
            "the deployment is through, and the service wants no task: nothing serves, so nothing can be verified".to_owned(),
        ),
        Rollout::Superseded { .. } => {
            (ErrorKind::Superseded, format!("the deployment was {words}"))
        }
        Rollout::Paused { .. } => (ErrorKind::WaitingForApproval, format!("the deployment is {words}")),
        Rollout::Gone { .. } => (ErrorKind::NotFound, format!("the deployment cannot go on: {words}")),
        Rollout::Failed { .. } | Rollout::RolledBack { .. } | Rollout::Stalled { .. } => {
            (ErrorKind::DeploymentFailed, format!("the deployment {words}"))
        }
    };
    let mut error =
        Error::new(kind, message).with_operation("ecs.deployment").with_context("deployment", id.to_owned());
    if let Some(service) = service {
        error = error.with_context("runs now", what_runs(service));
    }
    match rollout {
        Rollout::Succeeded { .. } => {
            let (cluster, name) = (&target.config.cluster, &target.config.service);
            error = error.with_hint(format!(
                "aws ecs update-service --cluster {cluster} --service {name} --desired-count 1"
            ));
        }
        Rollout::Paused { at } => {
            error = error
                .with_hint(format!(
                    "let it go on: aws ecs continue-service-deployment --service-deployment-arn {} --hook-id {} --action CONTINUE (or ROLLBACK)",
                    at.service_deployment, at.hook
                ))
                .with_hint(format!("then `haute-cli watch --deployment {id}`"));
        }
        Rollout::Superseded { by } => {
            error = error
                .with_hint(format!("`haute-cli watch --deployment {}` follows the newer one", by.deployment));
        }
        Rollout::Stalled { .. } => {
            error = error.with_hint(
                "turn the circuit breaker on, so that ECS ends such a deployment and goes back by itself",
            );
        }
        _ => {}
    }
    Err(error.with_hint(target.config.console()))
}

/// Credentials that end while a deployment goes on say nothing about it.
fn expired(error: Error, id: &str) -> Error {
    if error.kind() != ErrorKind::Unauthenticated || !code(&error).contains("Expired") {
        return error;
    }
    Error::new(
        ErrorKind::Timeout,
        "the AWS credentials ended while the deployment was followed: what becomes of it is not known, and it goes on",
    )
    .with_operation("ecs.deployment")
    .with_context("deployment", id.to_owned())
    .with_hint(format!("sign in again, and go on with `haute-cli watch --deployment {id}`"))
    .with_source(error)
}
