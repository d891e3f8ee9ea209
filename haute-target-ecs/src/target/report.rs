//! The report of a deployment that failed: what can be read of it, gathered before anything is put right.

use haute_core::error::Result;
use haute_core::report::FailureReport;
use haute_core::target::{Context, ReportRequest};
use serde_json::Value;

use super::definition::short;
use super::diff::UPDATE;
use super::logs::{LogPlace, tasks};
use super::observe;
use super::{EcsTarget, status};
use crate::aws::error::{Permitted, missing_action};
use crate::model::{Service, Task};
use crate::rollout::what_runs;
use crate::task_definition::TaskDefinition;

/// How many of the service's events are shown.
const EVENTS: usize = 8;
/// How many stopped tasks are shown.
const TASKS: usize = 3;
/// How many log lines of each failed container are shown.
const LINES: usize = 40;

/// Everything that could be read of a deployment.
struct Evidence {
    service: Service,
    deployment: String,
    /// Stopped tasks of the deployment, newest first.
    stopped: Vec<Task>,
    /// Each failed container's last lines, under what it is called.
    logs: Vec<(String, Vec<String>)>,
    /// The actions that would have shown more, and what.
    missing: Vec<(String, &'static str)>,
}

pub(super) async fn report(
    target: &EcsTarget,
    _context: &Context,
    request: &ReportRequest<'_>,
) -> Option<FailureReport> {
    let outputs = request.outputs.get(UPDATE)?;
    let text = |key: &str| outputs.get(key).and_then(Value::as_str).unwrap_or_default();
    let evidence = gather(target, text("deployment"), text("task_definition")).await.ok()?;
    Some(written(target, request, &evidence))
}

async fn gather(target: &EcsTarget, deployment: &str, definition: &str) -> Result<Evidence> {
    let service = observe::service(target).await?;
    let mut evidence = Evidence {
        service,
        deployment: deployment.to_owned(),
        stopped: Vec::new(),
        logs: Vec::new(),
        missing: Vec::new(),
    };
    let stopped = match Permitted::of(tasks(target, "STOPPED").await)? {
        Permitted::Seen(tasks) => tasks,
        Permitted::Denied(action) => {
            evidence.missing.push((action, "why tasks stopped"));
            return Ok(evidence);
        }
    };
    let mut stopped: Vec<Task> = stopped
        .into_iter()
        .filter(|task| task.started_by.as_deref() == Some(deployment) && !is_scaling(task))
        .collect();
    stopped.sort_by_key(|task| std::cmp::Reverse(task.stopped_at.or(task.stopping_at)));
    stopped.truncate(TASKS);
    evidence.stopped = stopped;
    match Permitted::of(observe::definition(target, definition).await)? {
        Permitted::Seen(definition) => logs(target, &definition, &mut evidence).await?,
        Permitted::Denied(action) => evidence.missing.push((action, "where containers write their logs")),
    }
    Ok(evidence)
}

/// Tasks that were stopped because fewer are wanted say nothing about the release.
fn is_scaling(task: &Task) -> bool {
    task.stopped_reason.as_deref().is_some_and(|reason| reason.starts_with("Scaling activity"))
}

/// Reads the logs of the newest failed task: the others fail alike.
async fn logs(target: &EcsTarget, definition: &TaskDefinition, evidence: &mut Evidence) -> Result<()> {
    let Some(task) = evidence.stopped.first() else { return Ok(()) };
    let aws = target.connection.aws().await?;
    for container in &task.containers {
        let Some(place) = LogPlace::of(definition, &container.name) else { continue };
        match aws.log_lines(&place.group, &place.stream(task.id()), LINES).await {
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => evidence.logs.push((format!("last lines of `{}`", container.name), lines)),
            Err(error) => {
                // A container that never started has no stream, which is no reason to leave the rest out.
                if let Some(action) = missing_action(&error) {
                    evidence.missing.push((action.to_owned(), "what the container wrote"));
                    break;
                }
            }
        }
    }
    Ok(())
}

fn written(target: &EcsTarget, request: &ReportRequest<'_>, evidence: &Evidence) -> FailureReport {
    let service = &evidence.service;
    let serving = status::serving_deployment(service).map_or_else(
        || "no task runs".to_owned(),
        |one| format!("{} ({})", short(&one.task_definition), what_runs(service)),
    );
    let mut events: Vec<String> = service
        .events
        .iter()
        .take(EVENTS)
        .map(|event| match event.created_at {
            Some(at) => format!("{at} {}", event.message),
            None => event.message.clone(),
        })
        .collect();
    events.reverse();
    let stopped = evidence.stopped.iter().flat_map(told).collect();
    let mut report = FailureReport::new(request.error.to_string())
        .with_serving(serving)
        .with_section(format!("tasks of {} that stopped, newest first", evidence.deployment), stopped);
    for (title, lines) in &evidence.logs {
        report = report.with_section(title.clone(), lines.clone());
    }
    report = report.with_section("last events of the service", events).with_link(target.config.console());
    for (action, shows) in &evidence.missing {
        report = report.with_missing_permission(format!("{action} ({shows})"));
    }
    report
}

/// A stopped task, in a line for itself and one for each of its containers.
fn told(task: &Task) -> Vec<String> {
    let reason = task.stopped_reason.as_deref().unwrap_or("no reason given");
    let code = task.stop_code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let mut lines = vec![format!("{} {code}{reason}", task.id())];
    for container in &task.containers {
        let mut words = vec![format!("  {}", container.name)];
        words.extend(container.exit_code.map(|code| format!("exit code {code}")));
        words.extend(container.reason.clone());
        lines.push(words.join(", "));
    }
    lines
}
