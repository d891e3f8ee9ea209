//! The newer API: service deployments and service revisions.

use serde_json::{Value, json};

use super::{page, service, texts};
use crate::failure::{Answer, Failure};
use crate::rollout::{Service, ServiceDeployment, Status, go_back, threshold};
use crate::world::World;

pub(super) fn list(world: &mut World, request: &Value) -> Answer {
    let service = service(world, request)?;
    let status = texts(request, "status");
    let bound = |name: &str| request.get("createdAt").and_then(|at| at.get(name)).and_then(Value::as_f64);
    let (after, before) = (bound("after"), bound("before"));
    let found: Vec<Value> = service
        .history
        .iter()
        .filter(|told| status.is_empty() || status.iter().any(|one| one == told.status))
        .filter(|told| after.is_none_or(|after| told.created.as_secs_f64() >= after))
        .filter(|told| before.is_none_or(|before| told.created.as_secs_f64() <= before))
        .map(|told| brief(service, told))
        .collect();
    let mut request = request.clone();
    if let Some(request) = request.as_object_mut() {
        request.entry("maxResults").or_insert(json!(20));
    }
    page(&request, "serviceDeployments", &found, 100)
}

fn brief(service: &Service, told: &ServiceDeployment) -> Value {
    let mut whole = json!({
        "serviceDeploymentArn": told.arn,
        "serviceArn": service.arn,
        "clusterArn": service.arn.replace(":service/", ":cluster/").rsplit_once('/').map(|(cluster, _)| cluster),
        "createdAt": told.created.as_secs_f64(),
        "status": told.status,
        "targetServiceRevisionArn": told.target,
    });
    if let Some(whole) = whole.as_object_mut() {
        for (name, at) in [("startedAt", told.started), ("finishedAt", told.finished)] {
            if let Some(at) = at {
                whole.insert(name.to_owned(), json!(at.as_secs_f64()));
            }
        }
        if let Some(reason) = &told.reason {
            whole.insert("statusReason".to_owned(), json!(reason));
        }
    }
    whole
}

pub(super) fn describe(world: &World, request: &Value) -> Answer {
    let named = texts(request, "serviceDeploymentArns");
    if named.is_empty() || named.len() > 20 {
        return Err(Failure::parameter("Between 1 and 20 serviceDeploymentArns are required."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in named {
        let services = world.services.values();
        let told = services
            .flat_map(|service| service.history.iter().map(move |told| (service, told)))
            .find(|(_, told)| told.arn == arn);
        match told {
            Some((service, told)) => found.push(whole(service, told)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceDeployments": found, "failures": failures }))
}

fn revision(service: &Service, arn: &str) -> Value {
    let ids: Vec<&str> = service
        .deployments
        .iter()
        .filter(|deployment| deployment.revision == arn)
        .map(|deployment| deployment.id.as_str())
        .collect();
    let tasks: Vec<Status> = service
        .tasks
        .iter()
        .filter(|task| ids.contains(&task.deployment.as_str()))
        .map(|task| task.status)
        .collect();
    let primary = service.primary().is_some_and(|primary| primary.revision == arn);
    let running = tasks.iter().filter(|status| **status == Status::Running).count();
    let pending =
        tasks.iter().filter(|status| matches!(status, Status::Provisioning | Status::Pending)).count();
    json!({
        "arn": arn,
        "requestedTaskCount": if primary { service.desired } else { running },
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    })
}

fn whole(service: &Service, told: &ServiceDeployment) -> Value {
    let mut whole = brief(service, told);
    let Some(members) = whole.as_object_mut() else { return whole };
    members.remove("targetServiceRevisionArn");
    members.insert("updatedAt".to_owned(), json!(told.updated.as_secs_f64()));
    members.insert("targetServiceRevision".to_owned(), revision(service, &told.target));
    let source: Vec<Value> = told.source.iter().map(|arn| revision(service, arn)).collect();
    members.insert("sourceServiceRevisions".to_owned(), json!(source));
    members.insert("deploymentConfiguration".to_owned(), service.configuration.clone());
    members.insert("lifecycleStage".to_owned(), json!(told.stage));
    members.insert(
        "deploymentCircuitBreaker".to_owned(),
        json!({ "status": told.breaker, "failureCount": told.failures, "threshold": threshold(service) }),
    );
    let alarms = service.configuration.get("alarms").and_then(|alarms| alarms.get("alarmNames")).cloned();
    members.insert(
        "alarms".to_owned(),
        json!({
            "status": match (alarms.is_some(), told.alarms.is_empty()) {
                (false, _) => "DISABLED",
                (true, true) => "MONITORING",
                (true, false) => "TRIGGERED",
            },
            "alarmNames": alarms.unwrap_or(json!([])),
            "triggeredAlarmNames": told.alarms,
        }),
    );
    if let Some((reason, at, revision)) = &told.rollback {
        members.insert(
            "rollback".to_owned(),
            json!({ "reason": reason, "startedAt": at.as_secs_f64(), "serviceRevisionArn": revision }),
        );
    }
    if let Some((hook, waits)) = &told.hook {
        members.insert(
            "lifecycleHookDetails".to_owned(),
            json!([{
                "hookId": hook,
                "status": if *waits { "AWAITING_ACTION" } else { "SUCCEEDED" },
                "expiresAt": (told.updated + std::time::Duration::from_hours(24)).as_secs_f64(),
            }]),
        );
    }
    whole
}

pub(super) fn revisions(world: &World, request: &Value) -> Answer {
    let named = texts(request, "serviceRevisionArns");
    if named.is_empty() || named.len() > 20 {
        return Err(Failure::parameter("Between 1 and 20 serviceRevisionArns are required."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in named {
        let services = world.services.values();
        let one = services
            .flat_map(|service| service.revisions.iter().map(move |one| (service, one)))
            .find(|(_, one)| one.arn == arn);
        let Some((service, one)) = one else {
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            continue;
        };
        let images: Vec<Value> = one
            .images
            .iter()
            .map(|(name, (image, digest))| {
                let mut whole = json!({ "containerName": name, "image": image });
                if let (Some(whole), Some(digest)) = (whole.as_object_mut(), digest) {
                    whole.insert("imageDigest".to_owned(), json!(digest));
                }
                whole
            })
            .collect();
        found.push(json!({
            "serviceRevisionArn": one.arn,
            "serviceArn": service.arn,
            "clusterArn": world.ground.names.cluster(&service.cluster),
            "taskDefinition": one.task_definition,
            "createdAt": one.created.as_secs_f64(),
            "containerImages": images,
        }));
    }
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

/// The key of the service a service deployment is of, and its deployment's id.
fn find(world: &World, request: &Value) -> Result<((String, String), String, String), Failure> {
    let arn = request.get("serviceDeploymentArn").and_then(Value::as_str).unwrap_or_default();
    world
        .services
        .iter()
        .find_map(|(key, service)| {
            let told = service.history.iter().find(|told| told.arn == arn)?;
            Some((key.clone(), told.deployment.clone(), arn.to_owned()))
        })
        .ok_or_else(|| {
            Failure::new("ServiceDeploymentNotFoundException", "The service deployment was not found.")
        })
}

pub(super) fn stop(world: &mut World, request: &Value) -> Answer {
    let (key, deployment, arn) = find(world, request)?;
    let kind = request.get("stopType").and_then(Value::as_str).unwrap_or("ROLLBACK");
    if !matches!(kind, "ROLLBACK" | "ABORT") {
        return Err(Failure::parameter("stopType must be ROLLBACK or ABORT."));
    }
    back(world, &key, &deployment, &arn, "Service deployment stopped by the user.")?;
    Ok(json!({ "serviceDeploymentArn": arn }))
}

fn back(
    world: &mut World,
    key: &(String, String),
    deployment: &str,
    arn: &str,
    why: &str,
) -> Result<(), Failure> {
    let mut service = world.services.remove(key).ok_or_else(Failure::service_not_found)?;
    let goes = service.told(arn).is_some_and(|told| matches!(told.status, "PENDING" | "IN_PROGRESS"));
    let done = goes && go_back(&mut service, &mut world.ground, deployment, "ECS deployment", why);
    world.services.insert(key.clone(), service);
    if done {
        Ok(())
    } else if goes {
        Err(Failure::new("ConflictException", "There is no completed deployment to roll back to."))
    } else {
        Err(Failure::new("ConflictException", "The service deployment is not in progress."))
    }
}

pub(super) fn go_on(world: &mut World, request: &Value) -> Answer {
    let (key, deployment, arn) = find(world, request)?;
    let hook = request.get("hookId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let service = world.services.get_mut(&key).ok_or_else(Failure::service_not_found)?;
    let waits = service
        .told(&arn)
        .and_then(|told| told.hook.as_mut())
        .filter(|(id, waits)| *waits && *id == hook)
        .map(|(_, waits)| *waits = false);
    if waits.is_none() {
        return Err(Failure::parameter("The hook does not await an action."));
    }
    match request.get("action").and_then(Value::as_str).unwrap_or_default() {
        "CONTINUE" => {
            if let Some(deployment) = service.deployment(&deployment) {
                deployment.continued = true;
            }
        }
        "ROLLBACK" => back(world, &key, &deployment, &arn, "Service deployment rolled back at a hook.")?,
        _ => return Err(Failure::parameter("action must be CONTINUE or ROLLBACK.")),
    }
    Ok(json!({ "serviceDeploymentArn": arn }))
}
