//! What becomes of tasks, and what the service makes of it.

use std::time::Duration;

use super::model::{Change, Service, Status, Task};
use crate::world::Ground;

/// What ECS says of a task it stops because it has no use for it.
fn scaling(deployment: &str) -> String {
    format!("Scaling activity initiated by (deployment {deployment})")
}

/// Lets happen to the tasks what is due.
pub(super) fn changes(service: &mut Service, ground: &mut Ground) {
    let mut due = Vec::new();
    for task in &mut service.tasks {
        while task.course.front().is_some_and(|(at, _)| *at <= ground.now) {
            if let Some((_, change)) = task.course.pop_front() {
                due.push((task.id.clone(), change));
            }
        }
    }
    for (id, change) in due {
        if let Some(at) = service.tasks.iter().position(|task| task.id == id) {
            let mut task = service.tasks.remove(at);
            apply(service, ground, &mut task, change);
            service.tasks.insert(at, task);
        }
    }
}

fn apply(service: &mut Service, ground: &mut Ground, task: &mut Task, change: Change) {
    match change {
        _ if task.status == Status::Stopped => {}
        // One that was told to stop may end by itself before it is made to. What else was to come of it no longer does.
        Change::Exit { code, reason, log } if !task.counts() => {
            ground.write_log(task, &log);
            if let Some(container) = task.containers.iter_mut().find(|container| container.essential) {
                container.reason = reason;
            }
            end(task, ground.now, Some(code));
        }
        Change::NoStart { .. } if !task.counts() => end(task, ground.now, None),
        Change::Stopped(code) => end(task, ground.now, code),
        _ if !task.counts() => {}
        Change::Pending => task.status = Status::Pending,
        Change::Running => {
            task.status = Status::Running;
            task.started = Some(ground.now);
            if let Some(group) = service.target_group() {
                service.tell(ground, &format!("registered 1 targets in (target-group {group})"));
            }
        }
        Change::Healthy => {
            task.healthy = Some(true);
            task.served = true;
            let reset = service
                .configuration
                .get("deploymentCircuitBreaker")
                .and_then(|breaker| breaker.get("resetOnHealthyTask"))
                .and_then(serde_json::Value::as_bool)
                != Some(false);
            if let Some(deployment) = service.deployment(&task.deployment)
                && reset
            {
                deployment.failed = 0;
            }
        }
        Change::Unhealthy(target) => unhealthy(service, ground, task, target),
        Change::Exit { code, reason, log } => {
            ground.write_log(task, &log);
            if let Some(container) = task.containers.iter_mut().find(|container| container.essential) {
                container.exit_code = Some(code);
                container.reason = reason;
            }
            // The containers beside it are killed with it.
            for container in task.containers.iter_mut().filter(|container| container.exit_code.is_none()) {
                container.exit_code = Some(137);
            }
            if task.stop.is_none() {
                task.stop =
                    Some(("EssentialContainerExited", "Essential container in task exited".to_owned()));
            }
            stopped(task, ground.now);
            failed(service, ground, task);
        }
        Change::NoStart { reason, container } => {
            if let (Some(first), Some(words)) = (task.containers.first_mut(), container) {
                first.reason = Some(words);
            }
            task.stop = Some(("TaskFailedToStart", reason));
            stopped(task, ground.now);
            failed(service, ground, task);
        }
    }
}

fn unhealthy(service: &mut Service, ground: &mut Ground, task: &mut Task, target: Option<String>) {
    task.healthy = Some(false);
    let group = service.target_group().unwrap_or_default();
    let reason = if let Some(reason) = target {
        service.tell(
            ground,
            &format!("(port 8080) is unhealthy in (target-group {group}) due to (reason {reason})."),
        );
        format!("Task failed ELB health checks in (target-group {group})")
    } else {
        service.tell(ground, &format!("(task {}) failed container health checks.", task.id));
        "Task failed container health checks".to_owned()
    };
    failed(service, ground, task);
    stop(task, ground, reason);
}

/// Counts a task that failed before it was healthy against its deployment; one that failed later is replaced.
fn failed(service: &mut Service, ground: &Ground, task: &Task) {
    let (now, pause, served) = (ground.now, ground.timings.pause, task.served);
    service.steady = false;
    let Some(deployment) = service.deployment(&task.deployment) else { return };
    if !served {
        deployment.failed += 1;
    }
    // The more have failed, the longer ECS waits with the next.
    let pause = if deployment.failed >= 6 { pause.max(Duration::from_secs(30)) } else { pause };
    deployment.launch_after = now + pause;
    deployment.updated = now;
    let (failures, told) = (deployment.failed, deployment.told.clone());
    if let Some(told) = service.told(&told) {
        told.failures = failures;
    }
}

/// Ends a task that was told to stop, or is found to have stopped.
fn end(task: &mut Task, now: Duration, code: Option<i64>) {
    for container in task.containers.iter_mut().filter(|container| container.exit_code.is_none()) {
        container.exit_code = Some(code.unwrap_or(0));
    }
    stopped(task, now);
}

fn stopped(task: &mut Task, now: Duration) {
    task.status = Status::Stopped;
    task.healthy = None;
    task.course.clear();
    task.stopping = task.stopping.or(Some(now));
    task.stopped = Some(now);
}

/// Tells a task to stop, for this reason.
pub(super) fn stop(task: &mut Task, ground: &Ground, reason: String) {
    if !task.counts() {
        return;
    }
    task.status = Status::Stopping;
    task.stopping = Some(ground.now);
    task.stop = Some(("ServiceSchedulerInitiated", reason));
    task.course.clear();
    // Where the engine runs it, it stops when the engine says so.
    if !task.engine {
        task.course.push_back((ground.now + ground.timings.stop, Change::Stopped(None)));
    }
}

/// Stops these tasks because there is no more use for them, and tells of it.
pub(super) fn drain(service: &mut Service, ground: &mut Ground, ids: &[String], deployment: &str) {
    if ids.is_empty() {
        return;
    }
    let mut names = String::new();
    for task in service.tasks.iter_mut().filter(|task| ids.contains(&task.id)) {
        stop(task, ground, scaling(deployment));
        names = format!("{names} (task {})", task.id);
    }
    let count = ids.len();
    if let Some(group) = service.target_group() {
        service.tell(ground, &format!("deregistered {count} targets in (target-group {group})"));
        service.tell(ground, &format!("has begun draining connections on {count} tasks."));
    }
    service.tell(ground, &format!("has stopped {count} running tasks:{names}."));
}
