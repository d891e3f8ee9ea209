//! Gathering what can be read about a deployment that failed, before anything is put right. What it means is said by
//! [`report`](crate::report).

use haute_core::error::{Result, chain};
use haute_core::report::FailureReport;
use haute_core::target::{Context, ReportRequest};
use jiff::Timestamp;
use serde_json::Value;

use super::EcsTarget;
use super::diff::{REGISTER, UPDATE};
use super::logs::{LogPlace, tasks};
use super::observe;
use crate::aws::error::{Permitted, missing_action};
use crate::model::{Service, ServiceEvent, Task};
use crate::report::{Denied, Findings, LogTail, Subject, failure_report};
use crate::rollout::{EventCursor, Watched};
use crate::task_definition::TaskDefinition;

/// How many log lines of each failed container are read.
const LINES: usize = 40;
/// The logs of how many stopped tasks are read.
const TASKS: usize = 2;

/// What could be read.
#[derive(Default)]
struct Gathered {
    service: Option<Service>,
    events: Vec<ServiceEvent>,
    tasks: Vec<Task>,
    definition: Option<TaskDefinition>,
    logs: Vec<LogTail>,
    denied: Vec<String>,
}

pub(super) async fn report(
    target: &EcsTarget,
    _context: &Context,
    request: &ReportRequest<'_>,
) -> Option<FailureReport> {
    let outputs = request.outputs.get(UPDATE);
    let text = |key: &str| {
        let registered = request.outputs.get(REGISTER);
        [outputs, registered].into_iter().flatten().find_map(|one| one.get(key)?.as_str()).unwrap_or_default()
    };
    let watched: Option<Watched> =
        outputs.and_then(|outputs| serde_json::from_value(outputs.get("watched")?.clone()).ok());
    let mut gathered = Gathered::default();
    gather(target, watched.as_ref(), text("task_definition"), &mut gathered).await;
    let subject = subject(target, &gathered, text("task_definition"), text("image"));
    let words = chain(request.error).join(": ");
    let mut findings =
        Findings::new(words, subject).with_events(&gathered.events).with_tasks(&gathered.tasks);
    if let Some(service) = &gathered.service {
        findings = findings.with_service(service);
    }
    let rollout = watched.as_ref().and_then(|watched| target.follower.last(&watched.deployment));
    if let Some(watched) = &watched {
        findings = findings.with_rollout(&watched.deployment, rollout.as_ref());
    }
    for log in gathered.logs {
        findings = findings.with_log(log);
    }
    for action in gathered.denied {
        findings = findings.with_denied(Denied::new(action));
    }
    Some(failure_report(&findings))
}

/// Reads what may be read. Nothing here fails: what cannot be read is left out, and where a permission is missing it is named.
async fn gather(target: &EcsTarget, watched: Option<&Watched>, definition: &str, to: &mut Gathered) {
    to.service = observe::as_it_is(target).await.unwrap_or_default();
    if let (Some(service), Some(watched)) = (&to.service, watched) {
        let since = watched.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        to.events = EventCursor::since(since).fresh(service);
    }
    if definition.is_empty() {
        return;
    }
    to.definition = may(to, observe::definition(target, definition).await);
    let Some(watched) = watched else { return };
    let stopped = may(to, tasks(target, "STOPPED").await).unwrap_or_default();
    to.tasks =
        stopped.into_iter().filter(|task| task.started_by.as_deref() == Some(&watched.deployment)).collect();
    to.tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at.or(task.stopping_at)));
    let definition = to.definition.clone();
    if let Some(definition) = &definition {
        logs(target, definition, to).await;
    }
}

/// The value, where it was allowed to be read; the action is noted where it was not.
fn may<T>(to: &mut Gathered, result: Result<T>) -> Option<T> {
    match Permitted::of(result) {
        Ok(Permitted::Seen(value)) => Some(value),
        Ok(Permitted::Denied(action)) => {
            if !to.denied.contains(&action) {
                to.denied.push(action);
            }
            None
        }
        Err(_unreadable) => None,
    }
}

/// Reads the last lines of the newest stopped tasks: the others fail alike.
async fn logs(target: &EcsTarget, definition: &TaskDefinition, to: &mut Gathered) {
    let Ok(aws) = target.connection.aws().await else { return };
    let newest: Vec<Task> = to.tasks.iter().take(TASKS).cloned().collect();
    for task in &newest {
        for container in &task.containers {
            let Some(place) = LogPlace::of(definition, &container.name) else { continue };
            let stream = place.stream(task.id());
            let lines = aws.log_lines(&place.group, &stream, LINES).await;
            // Without the permission there is nothing to be had for the others either.
            let denied = lines.as_ref().err().and_then(missing_action).is_some();
            if let Some(lines) = may(to, lines) {
                to.logs.push(LogTail::new(&container.name, task.id(), lines).in_stream(stream));
            }
            if denied {
                return;
            }
        }
    }
}

/// What was deployed, as far as it is known.
fn subject(target: &EcsTarget, gathered: &Gathered, definition: &str, image: &str) -> Subject {
    let config = &target.config;
    let mut subject = Subject::new(&config.region, &config.cluster, &config.service);
    definition.clone_into(&mut subject.task_definition);
    subject.port = Some(config.port);
    subject.repository = target.repository();
    if let Some((_, digest)) = image.split_once('@') {
        digest.clone_into(&mut subject.pushed);
    }
    if let Some(service) = &gathered.service {
        service.service_arn.split(':').nth(4).unwrap_or_default().clone_into(&mut subject.account);
        let port = service.load_balancers.first().and_then(|balancer| balancer.container_port);
        subject.load_balancer_port = port.and_then(|port| u16::try_from(port).ok());
    }
    if let Some(definition) = &gathered.definition {
        of_definition(target, definition, &mut subject);
        let running = gathered.tasks.iter().flat_map(|task| &task.containers);
        let mut own = running.filter(|container| container.name == subject.container);
        if let Some(digest) = own.find_map(|container| container.image_digest.clone()) {
            subject.running = digest;
        }
    }
    subject
}

fn of_definition(target: &EcsTarget, definition: &TaskDefinition, subject: &mut Subject) {
    let member = |name: &str| definition.member(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    subject.memory = member("memory").parse().ok();
    subject.execution_role = member("executionRoleArn");
    subject.task_role = member("taskRoleArn");
    let platform = definition.member("runtimePlatform");
    let architecture = platform.and_then(|platform| platform.get("cpuArchitecture")).and_then(Value::as_str);
    architecture.unwrap_or("X86_64").clone_into(&mut subject.architecture);
    let Ok(container) = super::desired::container(target, definition) else { return };
    definition.image(&container).unwrap_or_default().clone_into(&mut subject.image);
    if let Some(place) = LogPlace::of(definition, &container) {
        subject.log_group = place.group;
    }
    let own = definition.container(&container);
    let check = own.and_then(|own| own.pointer("/healthCheck/command")).and_then(Value::as_array);
    let words: Vec<&str> = check.into_iter().flatten().filter_map(Value::as_str).collect();
    subject.health_check = words.join(" ");
    if let Some(memory) = own.and_then(|own| own.get("memory")).and_then(Value::as_u64) {
        subject.memory = Some(memory);
    }
    subject.container = container;
}
