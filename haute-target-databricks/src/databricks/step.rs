//! What each step does, and when the workspace has caught up with it.

use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::store::Store;
use haute_core::target::{Context, ProvenRelease, Readiness, StepOutcome, StepRequest};
use haute_core::verify::verify;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::endpoint::{self, Endpoint, Wanted};
use super::register::{Register, ready, register};
use super::target::{DatabricksTarget, NAME};
use super::{diff, failure};
use crate::http::ApiClient;
use crate::payload::{self, release_of};
use crate::registry::Registry;
use crate::tracking::{Artifacts, Log, create_experiment, experiment, log};

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
    /// Make the endpoint serve the version of the plan's release.
    Endpoint,
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
                release: &proven(request)?.release,
                model: &model,
                token: request.token,
            })
            .await?;
            Ok(StepOutcome::new(json!({"model": model, "version": version.number})))
        }
        Payload::Quiet => Ok(StepOutcome::default()),
        Payload::Endpoint => {
            let wanted = wanted(target, &registry, request).await?;
            change(target, &wanted).await?;
            Ok(StepOutcome::new(json!({"endpoint": target.endpoint_name(), "version": wanted.version})))
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
async fn change(target: &DatabricksTarget, wanted: &Wanted) -> Result<()> {
    let client = target.rating()?;
    let name = endpoint_name(target)?;
    let sent = match endpoint::get(&client, &name).await? {
        None => endpoint::create(&client, &name, wanted).await,
        Some(live) if live.has(wanted) => return Ok(()),
        Some(live) if live.is_updating() => return Err(busy(&name)),
        Some(live) => endpoint::update(&client, &name, wanted, live.serving()).await,
    };
    match sent {
        Ok(_) => Ok(()),
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
        Payload::Endpoint => endpoint_ready(target, request).await,
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

/// The endpoint is ready when exactly the wanted version serves and gives the proven prices.
async fn endpoint_ready(target: &DatabricksTarget, request: &StepRequest<'_>) -> Result<Readiness> {
    let (mlflow, rating, name) = (target.mlflow()?, target.rating()?, endpoint_name(target)?);
    let wanted = wanted(target, &Registry::unity_catalog(&mlflow), request).await?;
    let Some(live) = endpoint::get(&rating, &name).await? else {
        return Err(Error::new(ErrorKind::NotFound, format!("the endpoint `{name}` is gone"))
            .with_operation("databricks.endpoint"));
    };
    if live.serves(&wanted) {
        return quotes(target, request, &wanted).await;
    }
    match live.state.config_update.as_str() {
        "UPDATE_FAILED" | "UPDATE_CANCELED" => Err(failure::report(&rating, &name, &live, &wanted).await),
        "NOT_UPDATING" if !live.has(&wanted) => Err(Error::new(
            ErrorKind::Superseded,
            format!("the endpoint `{name}` was given another configuration meanwhile"),
        )
        .with_operation("databricks.endpoint")),
        _ if live.state.suspend == "STOPPED" => {
            Err(Error::new(ErrorKind::Conflict, format!("the endpoint `{name}` is stopped"))
                .with_operation("databricks.endpoint")
                .with_hint("start it in the workspace, then deploy again"))
        }
        _ => Ok(pending(progress(&live, &wanted))),
    }
}

/// Asks for every proven quote before the alias says that this version is the one.
async fn quotes(target: &DatabricksTarget, request: &StepRequest<'_>, wanted: &Wanted) -> Result<Readiness> {
    let release = release_of(request)?;
    let kept;
    let proof = if let Some(proven) = request.release {
        Some(&proven.proof)
    } else {
        kept = Store::new(target.root()).proof(release)?;
        kept.as_ref()
    };
    // Without a proof nothing can be told here; the engine does not call that a success.
    let Some(proof) = proof else { return Ok(Readiness::Ready) };
    let service = target.quote_service(Some(release.clone()))?;
    match verify(&service, proof).await {
        Ok(found) => match found.require() {
            Ok(()) => Ok(Readiness::Ready),
            Err(error) => Err(Error::new(
                ErrorKind::DeploymentFailed,
                format!("version {} does not give the proven prices", wanted.version),
            )
            .with_operation("databricks.endpoint")
            .with_hint("it serves: go back with `haute-cli rollback`")
            .with_source(error)),
        },
        // An endpoint that went down to nothing takes a while to answer its first caller.
        Err(error) if error.retry() != Retry::Never => {
            Ok(pending(format!("the endpoint to answer: {error}")))
        }
        Err(error) => Err(error),
    }
}

/// What an endpoint does that is not there yet, in words.
fn progress(live: &Endpoint, wanted: &Wanted) -> String {
    let configs = live.pending_config.iter().chain(&live.config);
    let entity = configs.flat_map(|config| &config.served_entities).find(|entity| entity.is(wanted));
    let said = entity.map(|entity| &entity.state).map(|state| {
        if state.deployment_state_message.is_empty() {
            &state.deployment
        } else {
            &state.deployment_state_message
        }
    });
    let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
    format!("version {} to serve{said}", wanted.version)
}

/// The entity the plan's release is to be served as: the version that was sent, once one was.
async fn wanted(
    target: &DatabricksTarget,
    registry: &Registry<'_>,
    request: &StepRequest<'_>,
) -> Result<Wanted> {
    if let Some(sent) = request.outputs.get("version").and_then(Value::as_str) {
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
