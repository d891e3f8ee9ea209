//! Starting a task, and what will become of it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::behaviour::Behaviour;
use super::model::{Change, Container, Deployment, Status, Task};
use crate::ecs::definitions::TaskDefinition;
use crate::world::Ground;

/// How often a health check has to fail, in seconds all together, until it has failed.
const UNHEALTHY_AFTER: Duration = Duration::from_secs(30);

/// A new task of a deployment.
pub(super) fn launch(deployment: &Deployment, ground: &mut Ground) -> Task {
    let definition = ground.definition(&deployment.task_definition).map(TaskDefinition::containers);
    let containers =
        definition.unwrap_or_default().iter().map(|one| container(one, deployment, ground)).collect();
    Task {
        id: ground.identifiers.long(),
        deployment: deployment.id.clone(),
        definition: deployment.task_definition.clone(),
        status: Status::Provisioning,
        healthy: None,
        created: ground.now,
        started: None,
        stopping: None,
        stopped: None,
        stop: None,
        course: course(deployment, ground),
        containers,
        engine: deployment.behaviour == Behaviour::Engine,
        served: false,
        address: None,
    }
}

fn container(definition: &Value, deployment: &Deployment, ground: &mut Ground) -> Container {
    let name = definition.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (image, digest) = deployment.images.get(&name).cloned().unwrap_or_default();
    Container {
        image,
        digest,
        essential: definition.get("essential").and_then(Value::as_bool).unwrap_or(true),
        exit_code: None,
        reason: None,
        runtime_id: format!("{}-0000000001", ground.identifiers.long()),
        checked: definition.get("healthCheck").is_some(),
        name,
    }
}

fn course(deployment: &Deployment, ground: &Ground) -> VecDeque<(Duration, Change)> {
    let timings = ground.timings;
    let (now, runs) = (ground.now, ground.now + timings.start);
    let pending = (now + timings.start / 2, Change::Pending);
    let running = (runs, Change::Running);
    let no_start = |reason: String, container: Option<String>| {
        VecDeque::from([pending.clone(), (runs, Change::NoStart { reason, container })])
    };
    let exit = |after: Duration, code, reason: Option<&str>, log: Vec<String>| {
        let reason = reason.map(str::to_owned);
        let end = (runs + after, Change::Exit { code, reason, log });
        let well = (runs + timings.healthy, Change::Healthy);
        let mut course = VecDeque::from([pending.clone(), running.clone()]);
        // One that lives long enough is healthy before it ends.
        if after > timings.healthy {
            course.push_back(well);
        }
        course.push_back(end);
        course
    };
    if let Some(missing) = deployment.images.values().find_map(|(image, _)| ground.cannot_pull(image)) {
        return no_start(missing.clone(), Some(missing));
    }
    match &deployment.behaviour {
        // The engine's own steps are added when they are made.
        Behaviour::Engine => VecDeque::new(),
        Behaviour::Healthy | Behaviour::NoCapacity => {
            VecDeque::from([pending, running, (runs + timings.healthy, Change::Healthy)])
        }
        Behaviour::Slow(more) => {
            VecDeque::from([pending, running, (runs + timings.healthy + *more, Change::Healthy)])
        }
        Behaviour::PullFails => {
            let image = deployment.images.values().next().map(|(image, _)| image.clone()).unwrap_or_default();
            let reason = format!(
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: {image}: not found"
            );
            no_start(reason.clone(), Some(reason))
        }
        Behaviour::SecretsFail => no_start(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue on resource: motor-api-key because no identity-based policy allows the secretsmanager:GetSecretValue action".to_owned(),
            None,
        ),
        Behaviour::ExecFormatError => exit(
            Duration::ZERO,
            1,
            None,
            vec!["exec /usr/local/bin/python3: exec format error".to_owned()],
        ),
        Behaviour::Crash { code, after, log } => exit(*after, *code, None, log.clone()),
        Behaviour::OutOfMemory(after) => exit(
            *after,
            137,
            Some("OutOfMemoryError: Container killed due to memory usage"),
            Vec::new(),
        ),
        Behaviour::ContainerUnhealthy => {
            VecDeque::from([pending, running, (runs + UNHEALTHY_AFTER, Change::Unhealthy(None))])
        }
        Behaviour::TargetUnhealthy(reason) => {
            VecDeque::from([pending, running, (runs + UNHEALTHY_AFTER, Change::Unhealthy(Some(reason.clone())))])
        }
    }
}
