//! What each step does, and when the workspace has caught up with it.

use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::report::FailureReport;
use haute_core::store::Store;
use haute_core::target::{Context, ProvenRelease, Readiness, ReportRequest, StepOutcome, StepRequest};
use haute_core::verify::QuoteService as _;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::endpoint::{self, Endpoint, Entity};
use super::register::{Register, proof, ready, register};
use super::target::{DatabricksTarget, NAME};
use super::wanted::{Wanted, WantedConfig};
use super::{diff, failure};
use crate::http::ApiClient;
use crate::payload::{self, release_of};
use crate::registry::Registry;
use crate::tags;
use crate::tracking::{Artifacts, Log, create_experiment, experiment, log, part};

/// How long to wait before a change that met another one is tried again.
const BUSY: std::time::Duration = std::time::Duration::from_secs(15);

/// What a step does. Ids are not in it: they are the workspace's, and looked for by the release's tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Payload {
    /// Make the experiment, and the folder it is in.
    Experiment,
    /// Log the release as a model.
    Log,
    /// Make the registered model.
    Model,
    /// Register the logged model as a version.
    Version,
    /// Wait until somebody else's change of the endpoint is over.
    Quiet,
    /// Make the endpoint serve the version of the plan's release, and nothing else.
    Endpoint,
    /// Make the endpoint serve that version to a share of the callers, beside what serves.
    Canary {
        /// The share, 1 to 99.
        percent: u64,
    },
    /// Say of that version that it was found to serve the proven prices.
    Verified,
    /// Let the alias stand for that version.
    Alias,
}

/// Makes the change of a step; one that is made already is found and left.
pub(crate) async fn apply(
    target: &DatabricksTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    let client = &target.mlflow()?;
    let registry = Registry::unity_catalog(client);
    let model = target.model();
    match payload::of(NAME, request.step)? {
        Payload::Experiment => {
            let name = target.experiment();
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !folder.is_empty() {
                client.send(Method::POST, "api/2.0/workspace/mkdirs", &json!({"path": folder})).await?;
            }
            create_experiment(client, &name).await?;
            Ok(StepOutcome::default())
        }
        Payload::Log => {
            let commit = target.commit().await;
            let logged = log(&Log {
                client,
                context,
                experiment: &experiment_id(target, client).await?,
                release: &proven(request)?.release,
                token: request.token,
                commit: commit.as_deref(),
                artifacts: Artifacts::Files,
            })
            .await?;
            Ok(StepOutcome::new(json!(logged)))
        }
        Payload::Model => {
            registry.create_model(&model, "A Haute pricing pipeline.").await?;
            Ok(StepOutcome::default())
        }
        Payload::Version => {
            let version = register(&Register {
                client,
                context,
                experiment: &experiment_id(target, client).await?,
                proven: proven(request)?,
                model: &model,
                token: request.token,
            })
            .await?;
            Ok(StepOutcome::new(json!({"model": model, "version": version.number})))
        }
        Payload::Quiet => Ok(StepOutcome::default()),
        Payload::Endpoint => {
            let wanted = WantedConfig::one(entity(target, &registry, request).await?);
            let live = endpoint::get(&target.rating()?, &endpoint_name(target)?).await?;
            let main = live.as_ref().and_then(|live| live.main(None));
            change(target, &wanted, live.as_ref(), main).await
        }
        Payload::Canary { percent } => {
            let name = endpoint_name(target)?;
            let live = endpoint::get(&target.rating()?, &name).await?;
            let alias = registry.alias(&model, target.alias()).await?;
            let alias = alias.as_ref().map(|version| version.number.as_str());
            let main = live.as_ref().and_then(|live| live.main(alias)).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("nothing serves at the endpoint `{name}` any more"))
                    .with_operation("databricks.endpoint")
            })?;
            let wanted = WantedConfig::beside(main, entity(target, &registry, request).await?, percent);
            change(target, &wanted, live.as_ref(), Some(main)).await
        }
        Payload::Verified => {
            let version = ready(&registry, &model, release_of(request)?).await?.number;
            registry.tag_version(&model, &version, tags::VERIFIED, "true").await?;
            Ok(StepOutcome::new(json!({"model": model, "version": version})))
        }
        Payload::Alias => {
            let version = ready(&registry, &model, release_of(request)?).await?.number;
            let stands = registry.alias(&model, target.alias()).await?;
            if stands.is_none_or(|stands| stands.number != version) {
                registry.set_alias(&model, target.alias(), &version).await?;
            }
            Ok(StepOutcome::new(json!({"model": model, "version": version, "alias": target.alias()})))
        }
    }
}

/// Sends the endpoint its new configuration, unless it has it.
async fn change(
    target: &DatabricksTarget,
    wanted: &WantedConfig,
    live: Option<&Endpoint>,
    main: Option<&Entity>,
) -> Result<StepOutcome> {
    let client = target.rating()?;
    let name = endpoint_name(target)?;
    let outcome = StepOutcome::new(json!({"endpoint": name, "version": wanted.version(), "wanted": wanted}));
    let sent = match live {
        None => endpoint::create(&client, &name, wanted).await,
        Some(live) if wanted.is_in_place(live) => return Ok(outcome),
        Some(live) if live.is_updating() => return Err(busy(&name)),
        Some(live) => endpoint::update(&client, &name, &wanted.to_value(Some(live), main)).await,
    };
    match sent {
        Ok(_) => Ok(outcome),
        // Made by somebody else since: the next attempt changes that one.
        Err(error) if error.is("RESOURCE_ALREADY_EXISTS") => Err(Error::from(error).with_retry(Retry::Soon)),
        Err(error) if error.is("RESOURCE_CONFLICT") => Err(busy(&name).with_source(Error::from(error))),
        Err(error) => Err(error.into()),
    }
}

/// Looks whether the workspace has caught up.
pub(crate) async fn poll(target: &DatabricksTarget, request: &StepRequest<'_>) -> Result<Readiness> {
    match payload::of(NAME, request.step)? {
        Payload::Version => version_ready(target, request).await,
        Payload::Quiet => {
            let name = endpoint_name(target)?;
            let live = endpoint::get(&target.rating()?, &name).await?;
            Ok(match live {
                Some(live) if live.is_updating() => {
                    pending(format!("the change of `{name}` that is under way"))
                }
                _ => Readiness::Ready,
            })
        }
        Payload::Endpoint | Payload::Canary { .. } => endpoint_ready(target, request).await,
        _ => Ok(Readiness::Ready),
    }
}

async fn version_ready(target: &DatabricksTarget, request: &StepRequest<'_>) -> Result<Readiness> {
    let number = request.outputs.get("version").and_then(Value::as_str).unwrap_or_default();
    let client = target.mlflow()?;
    match Registry::unity_catalog(&client).version(&target.model(), number).await? {
        Some(version) if version.is_ready() => Ok(Readiness::Ready),
        Some(version) if version.has_failed() => Err(Error::new(
            ErrorKind::DeploymentFailed,
            format!(
                "version {number} of `{}` was not registered: {}",
                target.model(),
                version.status_message
            ),
        )
        .with_operation("databricks.version")),
        _ => Ok(pending(format!("version {number} to be registered"))),
    }
}

/// The endpoint is ready when exactly the wanted versions serve, and answer.
async fn endpoint_ready(target: &DatabricksTarget, request: &StepRequest<'_>) -> Result<Readiness> {
    let (rating, name) = (target.rating()?, endpoint_name(target)?);
    let wanted: WantedConfig = part(request.outputs, "wanted")?;
    let Some(live) = endpoint::get(&rating, &name).await? else {
        return Err(Error::new(ErrorKind::NotFound, format!("the endpoint `{name}` is gone"))
            .with_operation("databricks.endpoint"));
    };
    if wanted.is_served_by(&live) {
        return warm(target, request, &live, &wanted).await;
    }
    if live.has_failed() {
        return Err(failure::error(&name, &live, &wanted));
    }
    if !live.is_updating() && !wanted.is_in_place(&live) {
        return Err(Error::new(
            ErrorKind::Superseded,
            format!("the endpoint `{name}` was given another configuration meanwhile"),
        )
        .with_operation("databricks.endpoint"));
    }
    if live.state.suspend == "STOPPED" {
        return Err(Error::new(ErrorKind::Conflict, format!("the endpoint `{name}` is stopped"))
            .with_operation("databricks.endpoint")
            .with_hint("start it in the workspace, then deploy again"));
    }
    Ok(pending(progress(&live, &wanted)))
}

/// Asks for one price: an endpoint that went down to nothing takes a while to answer its first caller. Whether the price is
/// right is for the verification to say.
async fn warm(
    target: &DatabricksTarget,
    request: &StepRequest<'_>,
    live: &Endpoint,
    wanted: &WantedConfig,
) -> Result<Readiness> {
    let release = release_of(request)?;
    let kept;
    let proof = if let Some(proven) = request.release {
        Some(&proven.proof)
    } else {
        kept = match Store::new(target.root()).proof(release)? {
            Some(kept) => Some(kept),
            None => proof(&target.mlflow()?, &target.model(), release).await?,
        };
        kept.as_ref()
    };
    let Some(quote) = proof.and_then(|proof| proof.quotes.first()) else { return Ok(Readiness::Ready) };
    let configs = live.config.iter().flat_map(|config| &config.served_entities);
    let mut entities = configs.filter(|entity| wanted.newest().is_some_and(|wanted| wanted.is(entity)));
    let entity = entities.next().map(|entity| entity.name.as_str());
    let service = target.quote_service(entity, Some(release.clone()))?;
    match service.quote(std::slice::from_ref(&quote.input)).await {
        Err(error) if error.retry() != Retry::Never => {
            Ok(pending(format!("the endpoint to answer: {error}")))
        }
        Err(error) if error.kind() != ErrorKind::VerificationFailed => Err(error),
        _ => Ok(Readiness::Ready),
    }
}

/// What the workspace says about the endpoint after its step or the verification failed; `None` for any other step.
pub(crate) async fn report(target: &DatabricksTarget, request: &ReportRequest<'_>) -> Option<FailureReport> {
    let about = match request.step {
        None => true,
        Some(step) => matches!(
            payload::of(NAME, step).ok()?,
            Payload::Endpoint | Payload::Canary { .. } | Payload::Quiet
        ),
    };
    let (rating, name) = (target.rating().ok()?, target.endpoint_name().filter(|_| about)?);
    let live = endpoint::get(&rating, &name).await.ok()??;
    let wanted: WantedConfig = part(request.outputs.get("endpoint")?, "wanted").ok()?;
    Some(failure::report(&rating, &name, &live, &wanted, request.error).await)
}

/// What an endpoint does that is not there yet, in words.
fn progress(live: &Endpoint, wanted: &WantedConfig) -> String {
    let configs = live.pending_config.iter().chain(&live.config);
    let mut entities = configs.flat_map(|config| &config.served_entities);
    let entity = entities.find(|entity| wanted.newest().is_some_and(|wanted| wanted.is(entity)));
    let said = entity.map(|entity| &entity.state).map(|state| {
        if state.deployment_state_message.is_empty() {
            &state.deployment
        } else {
            &state.deployment_state_message
        }
    });
    let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
    format!("version {} to serve{said}", wanted.version())
}

/// The entity the plan's release is to be served as: the version that was sent, once one was.
async fn entity(
    target: &DatabricksTarget,
    registry: &Registry<'_>,
    request: &StepRequest<'_>,
) -> Result<Wanted> {
    let of_version = request.earlier.get("version").and_then(|outputs| outputs.get("version"));
    let sent = request.outputs.get("version").or(of_version).and_then(Value::as_str);
    if let Some(sent) = sent {
        return Ok(diff::entity(target.config(), sent));
    }
    let version = ready(registry, &target.model(), release_of(request)?).await?;
    Ok(diff::entity(target.config(), &version.number))
}

async fn experiment_id(target: &DatabricksTarget, client: &ApiClient) -> Result<String> {
    let name = target.experiment();
    experiment(client, &name).await?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the experiment `{name}` is gone"))
            .with_operation("databricks.experiment")
            .with_hint("deploy again: it is made anew")
    })
}

fn endpoint_name(target: &DatabricksTarget) -> Result<String> {
    target.endpoint_name().ok_or_else(|| Error::bug("a step of an endpoint, and none is wanted"))
}

fn busy(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("the endpoint `{name}` is being changed by somebody else"))
        .with_operation("databricks.endpoint")
        .with_retry(Retry::After(BUSY))
}

fn proven<'a>(request: &StepRequest<'a>) -> Result<&'a ProvenRelease> {
    request.release.ok_or_else(|| Error::bug("a release is to be uploaded, and none is given"))
}

fn pending(message: String) -> Readiness {
    Readiness::Pending { message }
}
