//! Registers a logged model as a version in Unity Catalog: the version, its files, and that they are whole.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::proof::Proof;
use haute_core::target::{Context, ProvenRelease};
use reqwest::Method;
use serde_json::json;

use super::observe::versions;
use crate::http::{ApiClient, Call};
use crate::model::{Identity, ModelDirectory};
use crate::registry::{Registry, Version};
use crate::tags;
use crate::tracking::{API, LoggedModel, Place, READY, logged_models, upload};

/// The file beside a version's model that holds the release's proof: whoever goes back to the version, from any machine,
/// knows the prices it must give.
const PROOF: &str = "haute_proof.json";

/// What is registered, and where.
pub(super) struct Register<'a> {
    pub(super) client: &'a ApiClient,
    pub(super) context: &'a Context,
    /// The id of the experiment the model is logged in.
    pub(super) experiment: &'a str,
    pub(super) proven: &'a ProvenRelease,
    /// `catalog.schema.model`.
    pub(super) model: &'a str,
    /// The step's idempotency token.
    pub(super) token: &'a str,
}

/// Registers the release, unless it is; goes on with a version an earlier attempt began.
///
/// A version whose files cannot be sent is taken away again: nobody else could ever finish it.
pub(super) async fn register(ask: &Register<'_>) -> Result<Version> {
    let registry = Registry::unity_catalog(ask.client);
    let digest = ask.proven.release.digest();
    let logged = logged_models(ask.client, ask.experiment, digest).await?;
    let logged = logged.into_iter().find(|model| model.status == READY).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("release {} is not logged any more", digest.short()))
            .with_operation("databricks.version")
            .with_hint("deploy again: it is logged anew")
    })?;
    let known = versions(&registry, ask.model).await?;
    let source = format!("models:/{}", logged.model_id);
    let ours = |version: &Version| version.release().as_ref() == Some(digest) || version.source == source;
    let mut known = known.into_iter().filter(|version| !version.has_failed()).filter(ours);
    let version = match known.next() {
        Some(version) if version.is_ready() => return Ok(version),
        Some(begun) => begun,
        None => create(ask, &registry, &logged, &source).await?,
    };
    match upload_files(ask, &logged, &version).await {
        Ok(()) => {}
        // Whoever tries again begins a version anew: this one could not be told from one that was given up.
        Err(error) => return Err(take_away(ask, &registry, &version, error).await),
    }
    match finish(ask, &registry, &logged, &version).await {
        Ok(()) => Ok(version),
        Err(error) if error.retry() == Retry::Never => Err(take_away(ask, &registry, &version, error).await),
        // It may be whole by now.
        Err(error) => Err(error),
    }
}

/// Takes an unfinished version away; `error` is why it stays unfinished.
async fn take_away(ask: &Register<'_>, registry: &Registry<'_>, version: &Version, error: Error) -> Error {
    match registry.delete_version(ask.model, &version.number).await {
        Ok(()) => error,
        Err(left) => {
            let context = format!("version {} is left unfinished: {left}", version.number);
            error.with_context("besides", context)
        }
    }
}

async fn create(
    ask: &Register<'_>,
    registry: &Registry<'_>,
    logged: &LoggedModel,
    source: &str,
) -> Result<Version> {
    let path = format!("{API}/runs/get");
    let query = [("run_id", logged.source_run_id.as_str())];
    let run = ask.client.call(Call { method: &Method::GET, path: &path, query: &query }, None).await?;
    // Says which workspace the run is in: Unity Catalog is shared by several.
    let workspace =
        run.headers.get("x-databricks-org-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let digest = ask.proven.release.digest();
    let mut list = vec![(tags::RELEASE, digest.as_str()), (tags::DEPLOY, ask.token)];
    list.extend(
        [tags::HAUTE, tags::COMMIT].iter().filter_map(|key| Some((*key, tags::value(&logged.tags, key)?))),
    );
    let body = json!({
        "name": ask.model,
        "source": source,
        "run_id": logged.source_run_id,
        "run_tracking_server_id": workspace,
        "feature_deps": "",
        "model_id": logged.model_id,
        "tags": tags::list(&list),
    });
    registry.create_version(&body).await
}

async fn upload_files(ask: &Register<'_>, logged: &LoggedModel, version: &Version) -> Result<()> {
    ask.proven.release.verify_files()?;
    let identity = Identity::new(&logged.source_run_id, &logged.model_id);
    let directory = ModelDirectory::of(&ask.proven.release)?
        .with_identity(&identity)?
        .with_file(PROOF, proof_bytes(&ask.proven.proof)?);
    upload(ask.client, ask.context, &Place::of_version(ask.model, &version.number), &directory).await
}

async fn finish(
    ask: &Register<'_>,
    registry: &Registry<'_>,
    logged: &LoggedModel,
    version: &Version,
) -> Result<()> {
    registry.finalise_version(ask.model, &version.number).await?;
    // The logged model's page lists the versions made of it by this tag.
    let versions = json!([{"name": ask.model, "version": version.number}]).to_string();
    let body = json!({"tags": tags::list(&[("mlflow.modelVersions", &versions)])});
    let path = format!("{API}/logged-models/{}/tags", logged.model_id);
    ask.client.send(Method::PATCH, &path, &body).await?;
    Ok(())
}

fn proof_bytes(proof: &Proof) -> Result<Vec<u8>> {
    serde_json::to_vec(proof).map_err(|error| Error::bug("the proof cannot be written").with_source(error))
}

/// The proof that was put beside the version of a release; `None` where there is none, or the Files API is closed.
pub(super) async fn proof(client: &ApiClient, model: &str, release: &Digest) -> Result<Option<Proof>> {
    let registry = Registry::unity_catalog(client);
    if !registry.has_model(model).await? {
        return Ok(None);
    }
    let known = versions(&registry, model).await?;
    let mut known = known.into_iter().filter(Version::is_ready);
    let Some(version) = known.find(|version| version.release().as_ref() == Some(release)) else {
        return Ok(None);
    };
    match client.get(&Place::of_version(model, &version.number).file(PROOF), &[]).await {
        Ok(kept) => Ok(serde_json::from_value(kept).ok()),
        Err(error) if error.is_closed() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The version of a release that can be loaded.
pub(super) async fn ready(registry: &Registry<'_>, model: &str, release: &Digest) -> Result<Version> {
    let known = versions(registry, model).await?;
    let found =
        known.into_iter().find(|version| version.is_ready() && version.release().as_ref() == Some(release));
    found.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("no version of `{model}` is of release {}", release.short()))
            .with_operation("databricks.version")
            .with_hint("deploy again: it is registered anew")
    })
}
