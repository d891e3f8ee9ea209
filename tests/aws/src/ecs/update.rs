//! `UpdateService`.

use serde_json::{Map, Value, json};

use super::describe::whole;
use super::service;
use crate::failure::{Answer, Failure};
use crate::rollout::start::start;
use crate::world::World;

/// What may be sent and begins a deployment, beside the task definition and `forceNewDeployment`.
const BEGIN: [&str; 7] = [
    "networkConfiguration",
    "loadBalancers",
    "platformVersion",
    "serviceRegistries",
    "monitoring",
    "volumeConfigurations",
    "serviceConnectConfiguration",
];

/// What may be sent and begins none.
const KEEP: [&str; 10] = [
    "capacityProviderStrategy",
    "placementConstraints",
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
    "availabilityZoneRebalancing",
    "deploymentController",
    "vpcLatticeConfigurations",
];

pub(super) fn update(world: &mut World, request: &Value) -> Answer {
    let request = request.as_object().cloned().unwrap_or_default();
    check_members(&request)?;
    let body = Value::Object(request.clone());
    let found = service(world, &body)?;
    if found.status != "ACTIVE" {
        return Err(Failure::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let key = (found.cluster.clone(), found.name.clone());
    let (controller, current) = (found.controller.clone(), found.task_definition.clone());
    let wanted = match request.get("taskDefinition").and_then(Value::as_str) {
        None => None,
        Some(name) => {
            let definition =
                world.ground.resolve(name).ok_or_else(|| Failure::client("TaskDefinition not found."))?;
            if !definition.active {
                return Err(Failure::client("TaskDefinition is inactive"));
            }
            Some(definition.arn.clone())
        }
    };
    if controller != "ECS" && (wanted.is_some() || request.contains_key("networkConfiguration")) {
        return Err(Failure::parameter(format!(
            "Unable to update task definition on services with a {controller} deployment controller. Use AWS CodeDeploy to trigger a new deployment."
        )));
    }
    let forced = request.get("forceNewDeployment").and_then(Value::as_bool) == Some(true);
    let begins = forced
        || wanted.as_ref().is_some_and(|wanted| *wanted != current)
        || BEGIN.iter().any(|name| request.contains_key(*name));
    let mut service = world.services.remove(&key).ok_or_else(Failure::service_not_found)?;
    let result = apply(&mut service, &request);
    if result.is_ok() && begins {
        start(&mut service, &mut world.ground, &wanted.unwrap_or(current));
    }
    world.services.insert(key.clone(), service);
    result?;
    let service = world.services.get(&key).ok_or_else(Failure::service_not_found)?;
    Ok(json!({ "service": whole(world, service, true) }))
}

/// Members nobody knows are a mistake of the client, which AWS would not have made known.
fn check_members(request: &Map<String, Value>) -> Result<(), Failure> {
    let known = [
        "cluster",
        "service",
        "taskDefinition",
        "forceNewDeployment",
        "desiredCount",
        "deploymentConfiguration",
    ];
    for name in request.keys() {
        let name = name.as_str();
        if !known.contains(&name) && !BEGIN.contains(&name) && !KEEP.contains(&name) {
            return Err(Failure::parameter(format!("Unknown parameter in input: \"{name}\"")));
        }
    }
    Ok(())
}

fn apply(service: &mut crate::rollout::Service, request: &Map<String, Value>) -> Result<(), Failure> {
    if let Some(desired) = request.get("desiredCount").filter(|value| !value.is_null()) {
        let desired = desired.as_u64().and_then(|desired| usize::try_from(desired).ok());
        service.desired = desired.ok_or_else(|| Failure::parameter("desiredCount should be a number."))?;
        service.steady = false;
    }
    if let Some(configuration) = request.get("deploymentConfiguration").filter(|value| !value.is_null()) {
        // What is sent replaces what was: who leaves something out loses it.
        let mut whole = configuration.as_object().cloned().unwrap_or_default();
        whole.entry("maximumPercent").or_insert(json!(200));
        whole.entry("minimumHealthyPercent").or_insert(json!(100));
        whole
            .entry("deploymentCircuitBreaker")
            .or_insert_with(|| json!({ "enable": false, "rollback": false }));
        whole.entry("strategy").or_insert(json!("ROLLING"));
        whole.entry("bakeTimeInMinutes").or_insert(json!(0));
        service.configuration = Value::Object(whole);
    }
    for name in BEGIN.iter().chain(&KEEP) {
        if let Some(value) = request.get(*name).filter(|_| *name != "deploymentController") {
            service.fields.insert((*name).to_owned(), value.clone());
        }
    }
    Ok(())
}
