//! What was seen, as lines.

use super::exit_code;
use super::findings::{Findings, LogTail};
use super::lines::{clean, time};
use crate::model::{Container, Task};

/// How many kinds of stopped task are shown.
const MOST_TASKS: usize = 3;
/// How many events are shown.
const MOST_EVENTS: usize = 6;
/// How many lines of a log are shown.
const MOST_LINES: usize = 12;
/// How many logs are shown.
pub(super) const MOST_LOGS: usize = 2;

/// The stopped tasks of the deployment, newest first.
///
/// A service's tasks name the deployment that started them. Those that were stopped because fewer are wanted did not fail.
pub(super) fn stopped_tasks<'a>(findings: &Findings<'a>) -> Vec<&'a Task> {
    let ours = |task: &Task| match (findings.deployment, task.started_by.as_deref()) {
        (Some(deployment), Some(started_by)) if started_by.starts_with("ecs-svc/") => {
            started_by == deployment
        }
        // Without ids the revision tells them apart.
        (Some(_), _) => task.task_definition_arn == findings.subject.task_definition,
        (None, _) => true,
    };
    let scaled = |task: &Task| {
        task.stopped_reason
            .as_deref()
            .is_some_and(|reason| reason.to_ascii_lowercase().starts_with("scaling activity"))
    };
    let stopped = |task: &Task| task.last_status.as_deref() == Some("STOPPED") || task.stop_code.is_some();
    let mut tasks: Vec<&Task> =
        findings.tasks.iter().filter(|task| ours(task) && stopped(task) && !scaled(task)).collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at.or(task.stopping_at)));
    tasks
}

pub(super) fn title(tasks: &[&Task], findings: &Findings<'_>) -> String {
    let whose = if findings.deployment.is_some() { "of this deployment" } else { "of the service" };
    if tasks.len() == 1 {
        format!("the task {whose} that stopped")
    } else {
        format!("{} tasks {whose} stopped", tasks.len())
    }
}

/// One block for each way in which tasks stopped, the newest first.
pub(super) fn tasks(tasks: &[&Task]) -> Vec<String> {
    let mut kinds: Vec<(&Task, Vec<String>, usize)> = Vec::new();
    for task in tasks {
        let lines = why(task);
        match kinds.iter_mut().find(|(_, known, _)| *known == lines) {
            Some((_, _, count)) => *count += 1,
            None => kinds.push((task, lines, 1)),
        }
    }
    let hidden = kinds.len().saturating_sub(MOST_TASKS);
    let mut shown = Vec::new();
    for (task, lines, count) in kinds.into_iter().take(MOST_TASKS) {
        let alike = if count > 1 { format!(", and {} more like it", count - 1) } else { String::new() };
        shown.push(format!("{} task {}{alike}", time(task.stopped_at.or(task.stopping_at)), task.id()));
        shown.extend(lines.into_iter().map(|line| format!("  {line}")));
    }
    if hidden > 0 {
        shown.push(format!("{hidden} more stopped in other ways"));
    }
    shown
}

fn why(task: &Task) -> Vec<String> {
    let reason = task.stopped_reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    let whole = match (task.stop_code.as_deref(), reason) {
        (Some(code), Some(reason)) => format!("{}: {reason}", clean(code)),
        (Some(only), None) => clean(only),
        (None, Some(reason)) => reason,
        (None, None) => "ECS does not say why".to_owned(),
    };
    let containers = task.containers.iter().filter_map(container);
    std::iter::once(whole).chain(containers).collect()
}

fn container(container: &Container) -> Option<String> {
    let reason = container.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    let code = container.exit_code.map(|code| match exit_code::explain(code) {
        Some(words) => format!("exit code {code}, {words}"),
        None => format!("exit code {code}"),
    });
    let said = [code, reason].into_iter().flatten().collect::<Vec<_>>().join("; ");
    (!said.is_empty()).then(|| format!("{}: {said}", clean(&container.name)))
}

pub(super) fn log_title(log: &LogTail) -> String {
    format!("last lines of {} in task {}", clean(&log.container), clean(&log.task))
}

pub(super) fn log(log: &LogTail) -> Vec<String> {
    let lines: Vec<String> =
        log.lines.iter().map(|line| clean(line)).filter(|line| !line.is_empty()).collect();
    let skipped = lines.len().saturating_sub(MOST_LINES);
    lines.into_iter().skip(skipped).collect()
}

/// The newest, oldest first. That tasks were started and stopped is not told where something else was.
pub(super) fn events(findings: &Findings<'_>) -> Vec<String> {
    let ordinary = |message: &str| {
        [") has started ", ") has stopped ", ") has begun draining", ") registered ", ") deregistered "]
            .iter()
            .any(|part| message.contains(part))
    };
    let telling: Vec<_> = findings.events.iter().filter(|event| !ordinary(&event.message)).collect();
    let told = if telling.is_empty() { findings.events.iter().collect() } else { telling };
    let skipped = told.len().saturating_sub(MOST_EVENTS);
    told.into_iter()
        .skip(skipped)
        .map(|event| format!("{} {}", time(event.created_at), clean(&event.message)))
        .collect()
}
