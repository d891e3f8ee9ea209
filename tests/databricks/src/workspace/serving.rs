//! Serving endpoints: a change takes a few looks, and what served before serves until it is over.

use serde_json::{Value, json};

use super::{Asked, Reply, World, missing, refuse};

pub(super) fn answer(world: &mut World, asked: &Asked) -> Reply {
    let rest = asked
        .path
        .trim_start_matches("/api/2.0")
        .trim_start_matches("/serving-endpoints")
        .trim_start_matches('/');
    let (name, call) = rest.split_once('/').unwrap_or((rest, ""));
    match (asked.method.as_str(), name, call) {
        ("POST", "", "") => create(world, asked),
        ("GET", name, "") => look(world, name),
        ("PUT", name, "config") => update(world, asked, name),
        ("GET", _, call) if call.ends_with("/build-logs") => {
            let failed =
                world.endpoints.get(name).is_some_and(|one| one["state"]["config_update"] == "UPDATE_FAILED");
            let logs = if failed {
                "Collecting haute\nERROR: No matching distribution found for haute==0.6.0"
            } else {
                ""
            };
            (200, json!({"logs": logs}))
        }
        ("GET", _, "events") => {
            (200, json!({"events": [{"event_type": "SERVED_MODEL_FAILED", "message": "build failed"}]}))
        }
        ("GET", _, call) if call.ends_with("/logs") => (200, json!({"logs": "started\nserving"})),
        _ => missing(&asked.path),
    }
}

/// A configuration as the workspace gives it back: with what it fills in. An entity of `before` that goes on is ready.
fn filled(asked: &Value, before: &Value) -> Result<Value, Reply> {
    let mut routes = Vec::new();
    let old = before["served_entities"].as_array().cloned().unwrap_or_default();
    let entities: Vec<Value> = asked["served_entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| {
            let mut entity = entity.clone();
            let model = entity["entity_name"].as_str().unwrap();
            let own = format!("{}-{}", model.rsplit('.').next().unwrap(), entity["entity_version"].as_str().unwrap());
            let name = entity["name"].as_str().map_or(own, str::to_owned);
            routes.push(json!({"served_model_name": name, "served_entity_name": name, "traffic_percentage": 100}));
            entity["name"] = json!(name);
            if entity.get("workload_type").is_none() {
                entity["workload_type"] = json!("CPU");
            }
            entity["creator"] = json!("ci@example.com");
            let same = |one: &&Value| one["name"] == entity["name"] && one["entity_version"] == entity["entity_version"];
            entity["state"] = match old.iter().find(same) {
                Some(one) => one["state"].clone(),
                None => json!({"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": "Creating resources."}),
            };
            entity
        })
        .collect();
    if let Some(given) = asked["traffic_config"]["routes"].as_array() {
        let total: u64 = given.iter().map(|route| route["traffic_percentage"].as_u64().unwrap_or(1000)).sum();
        let known =
            |route: &Value| routes.iter().any(|one| one["served_model_name"] == route["served_model_name"]);
        if total != 100 || !given.iter().all(known) {
            return Err(refuse(400, "INVALID_PARAMETER_VALUE", "the routes do not fit the entities"));
        }
        routes = given
            .iter()
            .map(|route| {
                let mut route = route.clone();
                route["served_entity_name"] = route["served_model_name"].clone();
                route
            })
            .collect();
    } else if routes.len() > 1 {
        return Err(refuse(400, "INVALID_PARAMETER_VALUE", "several entities and no routes"));
    }
    Ok(json!({"served_entities": entities, "traffic_config": {"routes": routes}}))
}

fn is_whole(world: &World, entities: &Value) -> bool {
    entities.as_array().unwrap().iter().all(|entity| {
        let model = &world.models.get(entity["entity_name"].as_str().unwrap_or_default());
        let version = entity["entity_version"].as_str().unwrap_or_default();
        entity.get("scale_to_zero_enabled").is_some()
            && model.is_some_and(|model| model["versions"][version]["status"] == "READY")
    })
}

fn create(world: &mut World, asked: &Asked) -> Reply {
    let name = asked.text("name");
    let entities = &asked.json["config"]["served_entities"];
    if world.endpoints.contains_key(&name) {
        return refuse(409, "RESOURCE_ALREADY_EXISTS", "there is one");
    }
    if !is_whole(world, entities) {
        return refuse(400, "INVALID_PARAMETER_VALUE", "an entity is not ready");
    }
    let config = match filled(&asked.json["config"], &Value::Null) {
        Ok(config) => config,
        Err(refused) => return refused,
    };
    let endpoint = json!({
        "name": name, "creator": "ci@example.com", "looks": 0, "pending_config": config,
        "state": {"ready": "NOT_READY", "config_update": "IN_PROGRESS"},
    });
    world.endpoints.insert(name, endpoint.clone());
    (200, endpoint)
}

fn update(world: &mut World, asked: &Asked, name: &str) -> Reply {
    let entities = &asked.json["served_entities"];
    if !is_whole(world, entities) {
        return refuse(400, "INVALID_PARAMETER_VALUE", "an entity is not ready");
    }
    let Some(endpoint) = world.endpoints.get_mut(name) else { return missing("the endpoint") };
    if endpoint["state"]["config_update"] == "IN_PROGRESS" {
        return refuse(409, "RESOURCE_CONFLICT", "the endpoint is currently updating");
    }
    match filled(&asked.json, &endpoint["config"]) {
        Ok(config) => endpoint["pending_config"] = config,
        Err(refused) => return refused,
    }
    endpoint["state"]["config_update"] = json!("IN_PROGRESS");
    endpoint["looks"] = json!(0);
    (200, endpoint.clone())
}

fn look(world: &mut World, name: &str) -> Reply {
    let (most, fails) = (world.looks, world.fails.clone());
    let Some(endpoint) = world.endpoints.get_mut(name) else { return missing("the endpoint") };
    if endpoint["state"]["config_update"] != "IN_PROGRESS" {
        return (200, endpoint.clone());
    }
    let looks = endpoint["looks"].as_u64().unwrap() + 1;
    endpoint["looks"] = json!(looks);
    if looks < u64::from(most) {
        return (200, endpoint.clone());
    }
    if let Some((state, message)) = fails {
        let entities = endpoint["pending_config"]["served_entities"].as_array_mut().unwrap();
        for entity in entities.iter_mut().filter(|one| one["state"]["deployment"] != "DEPLOYMENT_READY") {
            entity["state"] = json!({"deployment": state, "deployment_state_message": message});
        }
        endpoint["state"]["config_update"] = json!("UPDATE_FAILED");
        world.fails = None;
        return (200, world.endpoints[name].clone());
    }
    let mut config = endpoint.as_object_mut().unwrap().remove("pending_config").unwrap();
    for entity in config["served_entities"].as_array_mut().unwrap() {
        entity["state"] = json!({"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""});
    }
    endpoint["config"] = config;
    endpoint["state"] = json!({"ready": "READY", "config_update": "NOT_UPDATING"});
    (200, endpoint.clone())
}
