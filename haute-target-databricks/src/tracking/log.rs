//! Logs a model directory: a run, a logged model of it, its files.
//!
//! What is there of an earlier attempt is found by the release's tag and gone on with: the model that was begun, the run
//! that was opened. So an attempt that was cut off anywhere leaves nothing behind that the next one does not take up.

use std::time::{SystemTime, UNIX_EPOCH};

use haute_core::digest::Digest;
use haute_core::error::{Result, Retry};
use haute_core::release::Release;
use haute_core::target::Context;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{API, Artifacts, LoggedModel, PENDING, READY, logged_models, part, set_model_status, upload};
use crate::http::ApiClient;
use crate::model::{Identity, ModelDirectory};
use crate::tags;

/// What is logged, and where.
pub(crate) struct Log<'a> {
    pub(crate) client: &'a ApiClient,
    pub(crate) context: &'a Context,
    /// The id of the experiment.
    pub(crate) experiment: &'a str,
    pub(crate) release: &'a Release,
    /// The step's idempotency token.
    pub(crate) token: &'a str,
    pub(crate) commit: Option<&'a str>,
    /// Where the server keeps files.
    pub(crate) artifacts: Artifacts,
}

/// A model that was logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub(crate) run_id: String,
    pub(crate) model_id: String,
}

/// Logs the release, unless it is logged already.
pub(crate) async fn log(log: &Log<'_>) -> Result<Logged> {
    let digest = log.release.digest();
    let known = logged_models(log.client, log.experiment, digest).await?;
    if let Some(model) = known.iter().find(|model| model.status == READY) {
        return Ok(Logged { run_id: model.source_run_id.clone(), model_id: model.model_id.clone() });
    }
    log.release.verify_files()?;
    let directory = ModelDirectory::of(log.release)?;
    let model = match known.into_iter().find(|model| model.status == PENDING) {
        Some(begun) => begun,
        None => begin(log, digest).await?,
    };
    let identity = Identity::new(&model.source_run_id, &model.model_id);
    let directory = directory.with_identity(&identity)?;
    if let Err(error) = files(log, &model, &directory).await {
        if error.retry() == Retry::Never {
            give_up(log.client, &model).await;
        }
        return Err(error);
    }
    connect(log.client, &model).await?;
    // The run first: a model that is whole is never looked at again, and its run would stay open.
    end_run(log.client, &model.source_run_id, "FINISHED").await?;
    set_model_status(log.client, &model.model_id, READY).await?;
    Ok(Logged { run_id: model.source_run_id, model_id: model.model_id })
}

async fn files(log: &Log<'_>, model: &LoggedModel, directory: &ModelDirectory) -> Result<()> {
    let place = log.artifacts.of_model(log.experiment, model)?;
    upload(log.client, log.context, &place, directory).await
}

/// Opens a run, or takes the one that was opened, and begins a logged model of it.
async fn begin(log: &Log<'_>, digest: &Digest) -> Result<LoggedModel> {
    let release = log.release;
    let run_id = match open_run(log, digest).await? {
        Some(run_id) => run_id,
        None => create_run(log, digest).await?,
    };
    let body = json!({
        "experiment_id": log.experiment,
        "name": "model",
        "source_run_id": run_id,
        "params": [{"key": "haute_version", "value": release.manifest().haute}],
        "tags": common_tags(log, digest),
    });
    let answer = log.client.send(Method::POST, &format!("{API}/logged-models"), &body).await?;
    let mut model: LoggedModel = part(answer.get("model").unwrap_or(&Value::Null), "info")?;
    // Not every back end gives it back.
    model.source_run_id = run_id;
    Ok(model)
}

async fn open_run(log: &Log<'_>, digest: &Digest) -> Result<Option<String>> {
    let filter = format!("tags.`{}` = '{digest}' and attributes.status = 'RUNNING'", tags::RELEASE);
    let body = json!({"experiment_ids": [log.experiment], "filter": filter, "max_results": 1});
    let answer = log.client.send(Method::POST, &format!("{API}/runs/search"), &body).await?;
    Ok(answer.pointer("/runs/0/info/run_id").and_then(Value::as_str).map(str::to_owned))
}

async fn create_run(log: &Log<'_>, digest: &Digest) -> Result<String> {
    let name = format!("deploy-{}", log.release.name());
    let mut tags = common_tags(log, digest);
    if let Some(tags) = tags.as_array_mut() {
        tags.extend(
            [("mlflow.source.type", "JOB"), ("mlflow.source.name", "haute-cli deploy")]
                .map(|(key, value)| json!({"key": key, "value": value})),
        );
    }
    let body = json!({
        "experiment_id": log.experiment, "run_name": name, "start_time": milliseconds(), "tags": tags,
    });
    let answer = log.client.send(Method::POST, &format!("{API}/runs/create"), &body).await?;
    part(answer.pointer("/run/info").unwrap_or(&Value::Null), "run_id")
}

fn common_tags(log: &Log<'_>, digest: &Digest) -> Value {
    let mut list = vec![
        (tags::RELEASE, digest.as_str()),
        (tags::DEPLOY, log.token),
        (tags::HAUTE, log.release.manifest().haute.as_str()),
    ];
    list.extend(log.commit.map(|commit| (tags::COMMIT, commit)));
    tags::list(&list)
}

/// Names the model as what the run made, unless it is named so already.
async fn connect(client: &ApiClient, model: &LoggedModel) -> Result<()> {
    let run = client.get(&format!("{API}/runs/get"), &[("run_id", &model.source_run_id)]).await?;
    let made =
        run.pointer("/run/outputs/model_outputs").and_then(Value::as_array).cloned().unwrap_or_default();
    let named =
        |output: &Value| output.get("model_id").and_then(Value::as_str) == Some(model.model_id.as_str());
    if made.iter().any(named) {
        return Ok(());
    }
    let body = json!({"run_id": model.source_run_id, "models": [{"model_id": model.model_id, "step": 0}]});
    client.send(Method::POST, &format!("{API}/runs/outputs"), &body).await?;
    Ok(())
}

async fn end_run(client: &ApiClient, run_id: &str, status: &str) -> Result<()> {
    let body = json!({"run_id": run_id, "status": status, "end_time": milliseconds()});
    client.send(Method::POST, &format!("{API}/runs/update"), &body).await?;
    Ok(())
}

/// Marks what cannot be finished. That it cannot be marked either changes nothing: the next attempt begins anew or goes on.
async fn give_up(client: &ApiClient, model: &LoggedModel) {
    let _marked = set_model_status(client, &model.model_id, "LOGGED_MODEL_UPLOAD_FAILED").await;
    let _ended = end_run(client, &model.source_run_id, "FAILED").await;
}

/// Now, as MLflow counts: milliseconds since 1970.
fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
