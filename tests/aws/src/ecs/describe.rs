//! What a service looks like from outside.

use serde_json::{Value, json};

use super::{cluster, includes, page, texts};
use crate::failure::{Answer, Failure};
use crate::names::last;
use crate::rollout::{Deployment, Service, Status};
use crate::world::World;

pub(super) fn services(world: &World, request: &Value) -> Answer {
    let cluster = cluster(world, request)?;
    let named = texts(request, "services");
    if named.is_empty() {
        return Err(Failure::parameter("Services cannot be empty."));
    }
    if named.len() > 10 {
        return Err(Failure::parameter("The number of services cannot exceed 10."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        let name = last(&name).to_owned();
        match world.services.get(&(cluster.clone(), name.clone())) {
            Some(service) => found.push(whole(world, service, includes(request, "TAGS"))),
            None => failures
                .push(json!({ "arn": world.ground.names.service(&cluster, &name), "reason": "MISSING" })),
        }
    }
    Ok(json!({ "services": found, "failures": failures }))
}

pub(super) fn list(world: &World, request: &Value) -> Answer {
    let cluster = cluster(world, request)?;
    let arns: Vec<Value> = world
        .services
        .iter()
        .filter(|((its, _), service)| *its == cluster && service.status == "ACTIVE")
        .map(|(_, service)| json!(service.arn))
        .collect();
    page(request, "serviceArns", &arns, 100)
}

pub(super) fn clusters(world: &World, request: &Value) -> Answer {
    let named = texts(request, "clusters");
    if named.len() > 100 {
        return Err(Failure::parameter("Clusters can have at most 100 items."));
    }
    let named = if named.is_empty() { vec!["default".to_owned()] } else { named };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        let name = last(&name);
        let arn = world.ground.names.cluster(name);
        if world.clusters.contains(name) {
            let services = world.services.keys().filter(|(cluster, _)| cluster == name).count();
            found.push(json!({
                "clusterArn": arn, "clusterName": name, "status": "ACTIVE", "activeServicesCount": services,
            }));
        } else {
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
        }
    }
    Ok(json!({ "clusters": found, "failures": failures }))
}

/// A service as `DescribeServices` and `UpdateService` give it.
pub(super) fn whole(world: &World, service: &Service, tags: bool) -> Value {
    let names = &world.ground.names;
    let mut fields = service.fields.clone();
    if !tags {
        fields.remove("tags");
    }
    let counted =
        |status: &[Status]| service.tasks.iter().filter(|task| status.contains(&task.status)).count();
    let code_deploy = service.controller == "CODE_DEPLOY";
    let deployments: Vec<Value> = if code_deploy {
        Vec::new()
    } else {
        service.deployments.iter().map(|one| deployment(service, one)).collect()
    };
    let events: Vec<Value> = service
        .events
        .iter()
        .map(|event| json!({ "id": event.id, "createdAt": event.at.as_secs_f64(), "message": event.message }))
        .collect();
    let own = json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": names.cluster(&service.cluster),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": counted(&[Status::Running]),
        "pendingCount": counted(&[Status::Provisioning, Status::Pending]),
        "taskDefinition": service.task_definition,
        "deploymentConfiguration": service.configuration,
        "deployments": deployments,
        "events": events,
        "createdAt": service.created.as_secs_f64(),
        "deploymentController": { "type": service.controller },
        "roleArn": format!("arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", names.account),
    });
    if let Value::Object(own) = own {
        fields.extend(own);
    }
    if code_deploy {
        fields.insert(
            "taskSets".to_owned(),
            json!([{ "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": service.task_definition }]),
        );
    }
    if let Some(told) = service.history.get(usize::from(
        service.habits.stale_current && service.history.first().is_some_and(|told| told.finished.is_none()),
    )) {
        fields.insert("currentServiceDeployment".to_owned(), json!(told.arn));
    }
    let revisions: Vec<Value> = service
        .deployments
        .iter()
        .map(|one| {
            let tasks = service.tasks.iter().filter(|task| task.deployment == one.id);
            let (running, pending) = counts(tasks.map(|task| task.status));
            json!({
                "arn": one.revision,
                "requestedTaskCount": if one.primary { service.desired } else { running },
                "runningTaskCount": running,
                "pendingTaskCount": pending,
            })
        })
        .collect();
    fields.insert("currentServiceRevisions".to_owned(), json!(revisions));
    Value::Object(fields)
}

fn counts(status: impl Iterator<Item = Status>) -> (usize, usize) {
    status.fold((0, 0), |(running, pending), status| match status {
        Status::Running => (running + 1, pending),
        Status::Provisioning | Status::Pending => (running, pending + 1),
        Status::Stopping | Status::Stopped => (running, pending),
    })
}

fn deployment(service: &Service, deployment: &Deployment) -> Value {
    let tasks = service.tasks.iter().filter(|task| task.deployment == deployment.id);
    let (running, pending) = counts(tasks.map(|task| task.status));
    let mut whole = json!({
        "id": deployment.id,
        "status": if deployment.primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": deployment.task_definition,
        "desiredCount": if deployment.primary { service.desired } else { running + pending },
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed,
        "createdAt": deployment.created.as_secs_f64(),
        "updatedAt": deployment.updated.as_secs_f64(),
    });
    if let Some(whole) = whole.as_object_mut() {
        for name in ["launchType", "platformVersion", "platformFamily", "networkConfiguration"] {
            if let Some(value) = service.fields.get(name) {
                whole.insert(name.to_owned(), value.clone());
            }
        }
        if service.habits.rollout_state {
            whole.insert("rolloutState".to_owned(), json!(deployment.rollout.word()));
            whole.insert("rolloutStateReason".to_owned(), json!(deployment.reason));
        }
    }
    whole
}
