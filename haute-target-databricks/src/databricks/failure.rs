//! Why an endpoint does not serve what it should: everything the workspace says about it.

use haute_core::error::{Error, ErrorKind};

use super::endpoint::{self, Endpoint, Entity, Wanted};
use crate::http::ApiClient;

/// How many last lines of a log are shown.
const LINES: usize = 80;
/// How many events are shown.
const EVENTS: usize = 10;

/// What people have met, by words of the message or the log, and what mends it.
const HINTS: &[(&str, &str)] = &[
    (
        "does not specify mlflow",
        "the model's `conda.yaml` must name `mlflow`: this program writes it so; was the version made by hand?",
    ),
    (
        "No matching distribution",
        "a distribution of the lock is not on the index the workspace builds from: see its package repositories",
    ),
    (
        "Could not find a version",
        "a distribution of the lock is not on the index the workspace builds from: see its package repositories",
    ),
    (
        "ResolutionImpossible",
        "the lock and what MLflow needs exclude each other: ask for another `mlflow` in the project's dependencies",
    ),
    (
        "No module named",
        "the pipeline imports what the lock does not name: add it to the project's dependencies",
    ),
    ("did not become available", "the platform had no room; deploying again often helps"),
    ("Out of memory", "the model is larger than the workload: choose a larger `serving_workload_size`"),
    (
        "PERMISSION_DENIED",
        "an endpoint keeps the permissions of who made it: that account must still exist and may read the model",
    ),
];

/// The report of an endpoint whose change failed.
pub(super) async fn report(client: &ApiClient, name: &str, found: &Endpoint, wanted: &Wanted) -> Error {
    let configs = [found.pending_config.as_ref(), found.config.as_ref()];
    let failed = configs
        .into_iter()
        .flatten()
        .flat_map(|config| &config.served_entities)
        .find(|entity| entity.is(wanted));
    let version = &wanted.version;
    let said = failed
        .map(|entity| entity.state.deployment_state_message.as_str())
        .filter(|message| !message.is_empty());
    let message = match said {
        Some(said) => format!("version {version} did not come up at the endpoint `{name}`: {said}"),
        None => format!("version {version} did not come up at the endpoint `{name}`"),
    };
    let mut error = Error::new(ErrorKind::DeploymentFailed, message)
        .with_operation("databricks.endpoint")
        .with_context("state", format!("{}, {}", found.state.ready, found.state.config_update))
        .with_context("serves", still_serves(found, wanted));
    let mut text = Vec::new();
    if let Some(entity) = failed {
        text = logs(client, name, entity).await;
    }
    let events = endpoint::events(client, name, EVENTS).await;
    if !events.is_empty() {
        text.push("events:".to_owned());
        text.extend(events);
    }
    let everything = format!("{}\n{}", error.message(), text.join("\n"));
    for (words, hint) in HINTS {
        if everything.contains(words) {
            error = error.with_hint(*hint);
        }
    }
    if text.is_empty() { error } else { error.with_source(text.join("\n")) }
}

async fn logs(client: &ApiClient, name: &str, entity: &Entity) -> Vec<String> {
    for (which, title) in [("build-logs", "build log, last lines:"), ("logs", "log, last lines:")] {
        let lines = endpoint::log(client, name, &entity.name, which, LINES).await;
        if !lines.is_empty() {
            return std::iter::once(title.to_owned()).chain(lines).collect();
        }
    }
    Vec::new()
}

/// What answers callers now, in words.
fn still_serves(found: &Endpoint, wanted: &Wanted) -> String {
    match found.serving() {
        Some(entity) if !entity.is(wanted) => {
            format!("version {} of `{}`, as before", entity.version, entity.model)
        }
        Some(entity) => format!("version {} of `{}`", entity.version, entity.model),
        None => "nothing".to_owned(),
    }
}
