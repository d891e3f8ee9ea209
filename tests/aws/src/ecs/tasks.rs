//! `ListTasks` and `DescribeTasks`.

use serde_json::{Value, json};

use super::{cluster, page, texts};
use crate::failure::{Answer, Failure};
use crate::names::last;
use crate::rollout::{Container, Service, Status, Task};
use crate::world::World;

pub(super) fn list(world: &World, request: &Value) -> Answer {
    let cluster = cluster(world, request)?;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    if let Some(name) = text("serviceName")
        && !world.services.contains_key(&(cluster.clone(), last(name).to_owned()))
    {
        return Err(Failure::service_not_found());
    }
    let stopped = text("desiredStatus").unwrap_or("RUNNING") == "STOPPED";
    let mut found: Vec<&Task> = world
        .services
        .values()
        .filter(|service| service.cluster == cluster)
        .filter(|service| text("serviceName").is_none_or(|name| last(name) == service.name))
        .flat_map(|service| &service.tasks)
        .filter(|task| task.counts() != stopped)
        .filter(|task| text("startedBy").is_none_or(|by| by == task.deployment))
        .filter(|task| {
            let family = last(&task.definition).split(':').next();
            text("family").is_none_or(|asked| family == Some(asked))
        })
        .collect();
    // AWS promises no order; by id is none.
    found.sort_by(|left, right| left.id.cmp(&right.id));
    let arns: Vec<Value> =
        found.iter().map(|task| json!(world.ground.names.task(&cluster, &task.id))).collect();
    page(request, "taskArns", &arns, 100)
}

pub(super) fn describe(world: &World, request: &Value) -> Answer {
    let cluster = cluster(world, request)?;
    let named = texts(request, "tasks");
    if named.is_empty() || named.len() > 100 {
        return Err(Failure::parameter("Tasks cannot be empty, and at most 100."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        let id = last(&name);
        let services = world.services.values().filter(|service| service.cluster == cluster);
        let task = services
            .flat_map(|service| service.tasks.iter().map(move |task| (service, task)))
            .find(|(_, task)| task.id == id);
        match task {
            Some((service, task)) => found.push(whole(world, service, task)),
            None => {
                failures.push(json!({ "arn": world.ground.names.task(&cluster, id), "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "tasks": found, "failures": failures }))
}

fn whole(world: &World, service: &Service, task: &Task) -> Value {
    let names = &world.ground.names;
    let arn = names.task(&service.cluster, &task.id);
    let containers: Vec<Value> = task.containers.iter().map(|one| container(&arn, task, one)).collect();
    let mut whole = json!({
        "taskArn": arn,
        "clusterArn": names.cluster(&service.cluster),
        "taskDefinitionArn": task.definition,
        "group": format!("service:{}", service.name),
        "startedBy": task.deployment,
        "lastStatus": task.status.word(),
        "desiredStatus": if task.counts() { "RUNNING" } else { "STOPPED" },
        "healthStatus": health(task, task.containers.iter().any(|one| one.checked)),
        "launchType": service.fields.get("launchType").cloned().unwrap_or(json!("FARGATE")),
        "createdAt": task.created.as_secs_f64(),
        "containers": containers,
        "version": 1,
    });
    if let Some(whole) = whole.as_object_mut() {
        for (name, at) in
            [("startedAt", task.started), ("stoppingAt", task.stopping), ("stoppedAt", task.stopped)]
        {
            if let Some(at) = at {
                whole.insert(name.to_owned(), json!(at.as_secs_f64()));
            }
        }
        if let Some((code, reason)) = &task.stop {
            whole.insert("stopCode".to_owned(), json!(code));
            whole.insert("stoppedReason".to_owned(), json!(reason));
        }
    }
    whole
}

fn health(task: &Task, checked: bool) -> &'static str {
    match task.healthy {
        Some(true) if checked => "HEALTHY",
        Some(false) if checked => "UNHEALTHY",
        _ => "UNKNOWN",
    }
}

fn container(task_arn: &str, task: &Task, container: &Container) -> Value {
    let status = match task.status {
        Status::Provisioning | Status::Pending => "PENDING",
        Status::Running | Status::Stopping => "RUNNING",
        Status::Stopped => "STOPPED",
    };
    let mut whole = json!({
        "containerArn": format!("{}/{}", task_arn.replace(":task/", ":container/"), container.runtime_id),
        "taskArn": task_arn,
        "name": container.name,
        "image": container.image,
        "lastStatus": status,
        "healthStatus": health(task, container.checked),
    });
    if let Some(whole) = whole.as_object_mut() {
        let started = task.started.is_some();
        if let Some(digest) = container.digest.as_ref().filter(|_| started) {
            whole.insert("imageDigest".to_owned(), json!(digest));
        }
        if started {
            whole.insert("runtimeId".to_owned(), json!(container.runtime_id));
        }
        if let Some(code) = container.exit_code.filter(|_| started) {
            whole.insert("exitCode".to_owned(), json!(code));
        }
        if let Some(reason) = &container.reason {
            whole.insert("reason".to_owned(), json!(reason));
        }
    }
    whole
}
