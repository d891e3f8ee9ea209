//! Why an endpoint does not serve what it should: everything the workspace says about it.

use haute_core::error::{Error, ErrorKind};
use haute_core::report::FailureReport;

use super::endpoint::{self, Endpoint, Entity};
use super::wanted::WantedConfig;
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

/// The error of a change that failed: what the workspace says of the version that did not come up.
pub(super) fn error(name: &str, found: &Endpoint, wanted: &WantedConfig) -> Error {
    let message = summary(name, found, wanted);
    let mut error = Error::new(ErrorKind::DeploymentFailed, message)
        .with_operation("databricks.endpoint")
        .with_context("state", format!("{}, {}", found.state.ready, found.state.config_update))
        .with_context("serves", serving(found, wanted));
    for hint in hints(error.message()) {
        error = error.with_hint(hint);
    }
    error
}

/// Everything the workspace says about an endpoint after a deployment to it failed.
pub(super) async fn report(
    client: &ApiClient,
    name: &str,
    found: &Endpoint,
    wanted: &WantedConfig,
    failed_with: &Error,
) -> FailureReport {
    let line =
        if found.has_failed() { summary(name, found, wanted) } else { failed_with.message().to_owned() };
    let mut report = FailureReport::new(line)
        .with_serving(serving(found, wanted))
        .with_link(format!("{}/ml/endpoints/{name}", client.base()));
    if let Some(entity) = entity(found, wanted) {
        for (which, title) in [("build-logs", "build log, last lines"), ("logs", "log, last lines")] {
            match endpoint::log(client, name, &entity.name, which, LINES).await.map_err(Error::from) {
                Ok(lines) => report = report.with_section(title, lines),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    report = report.with_missing_permission(format!(
                        "CAN_MANAGE on the endpoint `{name}` (the logs of what it serves)"
                    ));
                }
                Err(_) => {}
            }
        }
    }
    report = report.with_section("events of the endpoint", endpoint::events(client, name, EVENTS).await);
    let lines = report.sections.iter().flat_map(|section| &section.lines);
    let everything: Vec<&str> =
        std::iter::once(report.summary.as_str()).chain(lines.map(String::as_str)).collect();
    for hint in hints(&everything.join("\n")) {
        report = report.with_hint(hint);
    }
    report
}

fn hints(text: &str) -> Vec<&'static str> {
    HINTS.iter().filter(|(words, _)| text.contains(words)).map(|(_, hint)| *hint).collect()
}

/// The entity that was to serve.
fn entity<'a>(found: &'a Endpoint, wanted: &WantedConfig) -> Option<&'a Entity> {
    let configs = [found.pending_config.as_ref(), found.config.as_ref()];
    let mut entities = configs.into_iter().flatten().flat_map(|config| &config.served_entities);
    entities.find(|entity| wanted.newest().is_some_and(|wanted| wanted.is(entity)))
}

fn summary(name: &str, found: &Endpoint, wanted: &WantedConfig) -> String {
    let version = wanted.version();
    let said = entity(found, wanted).map(|entity| entity.state.deployment_state_message.as_str());
    match said.filter(|message| !message.is_empty()) {
        Some(said) => format!("version {version} did not come up at the endpoint `{name}`: {said}"),
        None => format!("version {version} did not come up at the endpoint `{name}`"),
    }
}

/// What answers callers now, in words.
fn serving(found: &Endpoint, wanted: &WantedConfig) -> String {
    let Some(config) = &found.config else { return "nothing".to_owned() };
    let mut words: Vec<String> = config
        .served_entities
        .iter()
        .map(|entity| (entity, config.share(entity)))
        .filter(|(_, share)| *share > 0)
        .map(|(entity, share)| {
            let share = if share == 100 { String::new() } else { format!(", {share} %") };
            format!("version {} of `{}`{share}", entity.version, entity.model)
        })
        .collect();
    let old = |entity: &Entity| wanted.newest().is_some_and(|wanted| !wanted.is(entity));
    if config.served_entities.iter().all(old) {
        words.push("as before".to_owned());
    }
    words.join(", ")
}
