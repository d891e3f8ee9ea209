//! What each step does, and when the server has caught up with it.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::{Context, ProvenRelease, Readiness, StepOutcome, StepRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::target::{MlflowTarget, NAME};
use crate::http::ApiClient;
use crate::payload::{self, release_of};
use crate::registry::{Registry, Version};
use crate::tags;
use crate::tracking::{Artifacts, Log, READY, create_experiment, experiment, log, logged_models};

/// What a step does. Ids are not in it: they are the server's, and looked for by the release's tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Payload {
    /// Make the experiment.
    Experiment,
    /// Log the release as a model.
    Log,
    /// Make the registered model.
    Model,
    /// Register the logged model as a version.
    Version,
    /// Let the alias stand for the version of the plan's release.
    Alias,
    /// Take the alias away.
    Unalias,
}

/// Makes the change of a step; one that is made already is found and left.
pub(crate) async fn apply(
    target: &MlflowTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    let client = &target.client()?;
    let registry = Registry::open(client);
    let (model, alias) = (target.model.as_str(), target.config.alias.as_str());
    match payload::of(NAME, request.step)? {
        Payload::Experiment => {
            create_experiment(client, &target.experiment()).await?;
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
                artifacts: Artifacts::Proxy,
            })
            .await?;
            Ok(StepOutcome::new(json!(logged)))
        }
        Payload::Model => {
            registry.create_model(model, "A Haute pricing pipeline.").await?;
            Ok(StepOutcome::default())
        }
        Payload::Version => {
            let release = release_of(request)?;
            let known = newest(&registry, model, release).await?;
            let version = match known {
                Some(version) => version,
                None => register(target, client, request).await?,
            };
            Ok(StepOutcome::new(json!({"model": model, "version": version.number})))
        }
        Payload::Alias => {
            let release = release_of(request)?;
            let version = newest(&registry, model, release).await?.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("no version of `{model}` is of release {}", release.short()),
                )
                .with_operation("mlflow.alias")
            })?;
            let stands = registry.alias(model, alias).await?;
            if stands.is_none_or(|stands| stands.number != version.number) {
                registry.set_alias(model, alias, &version.number).await?;
            }
            Ok(StepOutcome::new(json!({"model": model, "version": version.number, "alias": alias})))
        }
        Payload::Unalias => {
            registry.delete_alias(model, alias).await?;
            Ok(StepOutcome::default())
        }
    }
}

/// Looks whether the server has caught up.
pub(crate) async fn poll(target: &MlflowTarget, request: &StepRequest<'_>) -> Result<Readiness> {
    if payload::of::<Payload>(NAME, request.step)? != Payload::Version {
        return Ok(Readiness::Ready);
    }
    let client = &target.client()?;
    let registry = Registry::open(client);
    let number = request.outputs.get("version").and_then(serde_json::Value::as_str).unwrap_or_default();
    match registry.version(&target.model, number).await? {
        Some(version) if version.is_ready() => Ok(Readiness::Ready),
        Some(version) if version.has_failed() => Err(Error::new(
            ErrorKind::DeploymentFailed,
            format!("version {number} of `{}` was not registered: {}", target.model, version.status_message),
        )
        .with_operation("mlflow.version")),
        _ => Ok(Readiness::Pending { message: format!("version {number} to be registered") }),
    }
}

/// Makes a version of the model that is logged.
async fn register(target: &MlflowTarget, client: &ApiClient, request: &StepRequest<'_>) -> Result<Version> {
    let release = release_of(request)?;
    let models = logged_models(client, &experiment_id(target, client).await?, release).await?;
    let model = models.into_iter().find(|model| model.status == READY).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("release {} is not logged any more", release.short()))
            .with_operation("mlflow.version")
            .with_hint("deploy again: it is logged anew")
    })?;
    let mut list = vec![(tags::RELEASE, release.as_str()), (tags::DEPLOY, request.token)];
    list.extend(
        [tags::HAUTE, tags::COMMIT].iter().filter_map(|key| Some((*key, tags::value(&model.tags, key)?))),
    );
    let body = json!({
        "name": target.model,
        "source": format!("models:/{}", model.model_id),
        "run_id": model.source_run_id,
        "model_id": model.model_id,
        "tags": tags::list(&list),
    });
    Registry::open(client).create_version(&body).await
}

/// The newest version of a release that has not failed.
async fn newest(registry: &Registry<'_>, model: &str, release: &Digest) -> Result<Option<Version>> {
    let versions = registry.versions(model).await?;
    Ok(versions
        .into_iter()
        .find(|version| !version.has_failed() && version.release().as_ref() == Some(release)))
}

async fn experiment_id(target: &MlflowTarget, client: &ApiClient) -> Result<String> {
    let name = target.experiment();
    experiment(client, &name).await?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the experiment `{name}` is gone"))
            .with_operation("mlflow.experiment")
            .with_hint("deploy again: it is made anew")
    })
}

fn proven<'a>(request: &StepRequest<'a>) -> Result<&'a ProvenRelease> {
    request.release.ok_or_else(|| Error::bug("a release is to be logged, and none is given"))
}
