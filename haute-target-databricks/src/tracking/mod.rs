//! Experiments, runs and logged models: the same calls on an open MLflow server and on Databricks.
//!
//! MLflow REST API, "Experiments", "Runs", "Logged models"; held to the recorded requests of MLflow 3.17.

mod log;
mod signed;
mod upload;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use log::{Log, log};
pub(crate) use upload::{Artifacts, Place, upload};

use crate::http::{ApiClient, absent};
use crate::tags::{self, Tag};

/// The prefix of every call.
pub(crate) const API: &str = "api/2.0/mlflow";

/// The status of a logged model that is whole.
pub(crate) const READY: &str = "LOGGED_MODEL_READY";
/// The status of one whose files are still on their way.
pub(crate) const PENDING: &str = "LOGGED_MODEL_PENDING";

/// A logged model.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoggedModel {
    pub(crate) model_id: String,
    pub(crate) artifact_uri: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) source_run_id: String,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

/// The id of the experiment named `name`; `None` when there is none.
///
/// # Errors
/// [`ErrorKind::Conflict`] for one that was deleted: MLflow keeps the name.
pub(crate) async fn experiment(client: &ApiClient, name: &str) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Experiment {
        experiment_id: String,
        #[serde(default)]
        lifecycle_stage: String,
    }
    let path = format!("{API}/experiments/get-by-name");
    let Some(answer) = absent(client.get(&path, &[("experiment_name", name)]).await)? else {
        return Ok(None);
    };
    let found: Experiment = part(&answer, "experiment")?;
    if found.lifecycle_stage == "deleted" {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("the experiment `{name}` was deleted, and its name is kept"),
        )
        .with_operation("mlflow.experiment")
        .with_hint("restore it, or name another one in `experiment_name`"));
    }
    Ok(Some(found.experiment_id))
}

/// Makes the experiment named `name`, unless somebody else just did.
pub(crate) async fn create_experiment(client: &ApiClient, name: &str) -> Result<()> {
    let path = format!("{API}/experiments/create");
    match client.send(Method::POST, &path, &json!({"name": name})).await {
        Ok(_) => Ok(()),
        Err(error) if error.is("RESOURCE_ALREADY_EXISTS") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The logged models of a release in an experiment, newest first.
pub(crate) async fn logged_models(
    client: &ApiClient,
    experiment: &str,
    release: &Digest,
) -> Result<Vec<LoggedModel>> {
    let body = json!({
        "experiment_ids": [experiment],
        "filter": format!("tags.`{}` = '{release}'", tags::RELEASE),
        "max_results": 50,
    });
    let answer = client.send(Method::POST, &format!("{API}/logged-models/search"), &body).await?;
    let models = answer.get("models").and_then(Value::as_array).cloned().unwrap_or_default();
    let models: Vec<LoggedModel> = models.iter().map(|model| part(model, "info")).collect::<Result<_>>()?;
    // A server that does not know the filter gives everything.
    Ok(models.into_iter().filter(|model| tags::release(&model.tags).as_ref() == Some(release)).collect())
}

/// Sets the status of a logged model.
pub(crate) async fn set_model_status(client: &ApiClient, model_id: &str, status: &str) -> Result<()> {
    let body = json!({"model_id": model_id, "status": status});
    client.send(Method::PATCH, &format!("{API}/logged-models/{model_id}"), &body).await?;
    Ok(())
}

/// Decodes a part of an answer.
pub(crate) fn part<T: DeserializeOwned>(answer: &Value, key: &str) -> Result<T> {
    let found = answer.get(key).cloned().unwrap_or_default();
    serde_json::from_value(found).map_err(|source| {
        Error::new(ErrorKind::Unavailable, format!("the server's answer holds no `{key}` that can be read"))
            .with_operation("mlflow.call")
            .with_source(source)
    })
}
