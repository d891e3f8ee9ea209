//! Serving endpoints: what one says of itself, and the calls that change it.
//!
//! Databricks REST API, "Serving endpoints"; held to the recorded requests of the Python SDK.

use haute_core::error::Result;
use reqwest::Method;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::http::{ApiClient, CallResult, absent};
use crate::tracking::part;

const API: &str = "api/2.0/serving-endpoints";

/// Settings of a served entity that are not this project's: kept as they are when the version changes. The call that
/// changes the version replaces everything.
const KEPT: &[&str] = &["workload_type", "environment_vars", "instance_profile_arn"];
/// The workload's type the workspace fills in where none was asked for.
const FILLED: &str = "CPU";
/// The other way to say how large an entity is; excludes `workload_size`.
const CONCURRENCY: &[&str] = &["min_provisioned_concurrency", "max_provisioned_concurrency"];

/// An endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    pub(crate) creator: String,
    pub(crate) state: EndpointState,
    /// What serves.
    pub(crate) config: Option<EndpointConfig>,
    /// What is to serve next.
    pub(crate) pending_config: Option<EndpointConfig>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointState {
    pub(crate) ready: String,
    pub(crate) config_update: String,
    /// `STOPPED` where somebody stopped it.
    pub(crate) suspend: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointConfig {
    pub(crate) served_entities: Vec<Entity>,
    pub(crate) traffic_config: Option<Traffic>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Traffic {
    pub(crate) routes: Vec<Route>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    pub(crate) served_model_name: String,
    pub(crate) served_entity_name: String,
    pub(crate) traffic_percentage: u64,
}

/// A version of a model that an endpoint serves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entity {
    pub(crate) name: String,
    #[serde(rename = "entity_name")]
    pub(crate) model: String,
    #[serde(rename = "entity_version", deserialize_with = "text_or_number")]
    pub(crate) version: String,
    pub(crate) workload_size: String,
    pub(crate) scale_to_zero_enabled: bool,
    pub(crate) state: EntityState,
    /// Everything else.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EntityState {
    pub(crate) deployment: String,
    pub(crate) deployment_state_message: String,
}

fn text_or_number<'de, D: Deserializer<'de>>(source: D) -> std::result::Result<String, D::Error> {
    Ok(match Value::deserialize(source)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

/// The entity that is to serve, alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) workload_size: String,
    pub(crate) scale_to_zero: bool,
}

impl Endpoint {
    /// Whether a change is under way.
    pub(crate) fn is_updating(&self) -> bool {
        self.state.config_update == "IN_PROGRESS"
    }

    /// The entity that has all the traffic, when one has.
    pub(crate) fn serving(&self) -> Option<&Entity> {
        let config = self.config.as_ref()?;
        config.served_entities.iter().find(|entity| config.share(entity) == 100)
    }

    /// Whether exactly the wanted entity serves, and nothing is on its way. `ready` alone says neither: it stays so while
    /// versions are swapped, and after a swap that failed.
    pub(crate) fn serves(&self, wanted: &Wanted) -> bool {
        self.state.ready == "READY"
            && self.state.config_update == "NOT_UPDATING"
            && self.pending_config.is_none()
            && self
                .serving()
                .is_some_and(|entity| entity.is(wanted) && entity.state.deployment == "DEPLOYMENT_READY")
    }

    /// Whether the wanted configuration is in place, or on its way: then nothing is to be sent.
    pub(crate) fn has(&self, wanted: &Wanted) -> bool {
        let latest = self.pending_config.as_ref().or(self.config.as_ref());
        let failed = matches!(self.state.config_update.as_str(), "UPDATE_FAILED" | "UPDATE_CANCELED");
        !failed
            && latest.is_some_and(
                |config| matches!(config.served_entities.as_slice(), [one] if one.is_set(wanted)),
            )
    }
}

impl EndpointConfig {
    /// How much of the traffic an entity has, in percent. A single one has all of it, whatever the routes say or leave out.
    fn share(&self, entity: &Entity) -> u64 {
        let routes =
            self.traffic_config.as_ref().map(|traffic| traffic.routes.as_slice()).unwrap_or_default();
        if routes.is_empty() {
            return if self.served_entities.len() == 1 { 100 } else { 0 };
        }
        let its = |route: &&Route| {
            route.served_entity_name == entity.name || route.served_model_name == entity.name
        };
        routes.iter().filter(its).map(|route| route.traffic_percentage).sum()
    }
}

impl Entity {
    /// Whether it is that version.
    pub(crate) fn is(&self, wanted: &Wanted) -> bool {
        self.model == wanted.model && self.version == wanted.version
    }

    /// Whether it is that version with those settings. What the server fills in or keeps to itself is not compared: its
    /// name, the workload's type, the route of a single entity.
    fn is_set(&self, wanted: &Wanted) -> bool {
        let sized = self.has_concurrency() || self.workload_size == wanted.workload_size;
        self.is(wanted) && sized && self.scale_to_zero_enabled == wanted.scale_to_zero
    }

    fn has_concurrency(&self) -> bool {
        CONCURRENCY.iter().any(|key| self.rest.get(*key).is_some_and(|value| !value.is_null()))
    }
}

impl Wanted {
    /// The entity as a request holds it, with the settings of `live` that are somebody else's.
    pub(crate) fn to_value(&self, live: Option<&Entity>) -> Value {
        let mut entity = json!({
            "entity_name": self.model,
            "entity_version": self.version,
            // Left out, an update fails.
            "scale_to_zero_enabled": self.scale_to_zero,
            "workload_size": self.workload_size,
        });
        let Some(entity) = entity.as_object_mut() else { return Value::Null };
        if let Some(live) = live {
            let sized = live.has_concurrency();
            let kept = KEPT.iter().chain(CONCURRENCY.iter().filter(|_| sized));
            for key in kept {
                if let Some(value) = live.rest.get(*key).filter(|value| !value.is_null() && *value != FILLED)
                {
                    entity.insert((*key).to_owned(), value.clone());
                }
            }
            if sized {
                entity.shift_remove("workload_size");
            }
        }
        Value::Object(entity.clone())
    }
}

/// The endpoint named `name`; `None` when there is none.
pub(crate) async fn get(client: &ApiClient, name: &str) -> Result<Option<Endpoint>> {
    let found = absent(client.get(&format!("{API}/{name}"), &[]).await)?;
    found.map(|value| part(&json!({"endpoint": value}), "endpoint")).transpose()
}

/// Makes an endpoint that serves `wanted`.
pub(crate) async fn create(client: &ApiClient, name: &str, wanted: &Wanted) -> CallResult<Value> {
    let config = json!({"name": name, "served_entities": [wanted.to_value(None)]});
    client.send(Method::POST, API, &json!({"name": name, "config": config})).await
}

/// Lets an endpoint serve `wanted` and nothing else. What serves goes on serving until that does.
pub(crate) async fn update(
    client: &ApiClient,
    name: &str,
    wanted: &Wanted,
    live: Option<&Entity>,
) -> CallResult<Value> {
    let body = json!({"served_entities": [wanted.to_value(live)]});
    client.send(Method::PUT, &format!("{API}/{name}/config"), &body).await
}

/// The last lines of what a served entity wrote while it was built, or while it ran; empty when there are none.
pub(crate) async fn log(
    client: &ApiClient,
    endpoint: &str,
    entity: &str,
    which: &str,
    lines: usize,
) -> Vec<String> {
    let path = format!("{API}/{endpoint}/served-models/{entity}/{which}");
    let answer = client.get(&path, &[]).await.unwrap_or_default();
    let text = answer.get("logs").and_then(Value::as_str).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all.iter().skip(all.len().saturating_sub(lines)).map(|line| (*line).to_owned()).collect()
}

/// The newest events of an endpoint, oldest first. The call is in no reference: no answer is no error.
pub(crate) async fn events(client: &ApiClient, endpoint: &str, most: usize) -> Vec<String> {
    let answer = client.get(&format!("{API}/{endpoint}/events"), &[]).await.unwrap_or_default();
    let events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
    let word =
        |event: &Value, key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines: Vec<String> = events
        .iter()
        .take(most)
        .map(|event| format!("{} {}", word(event, "event_type"), word(event, "message")).trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(version: &str) -> Wanted {
        Wanted {
            model: "main.pricing.motor".to_owned(),
            version: version.to_owned(),
            workload_size: "Small".to_owned(),
            scale_to_zero: true,
        }
    }

    fn entity(version: &str, deployment: &str) -> Value {
        json!({
            "entity_name": "main.pricing.motor", "entity_version": version, "scale_to_zero_enabled": true,
            "workload_size": "Small", "name": format!("motor-{version}"), "workload_type": "CPU",
            "state": {"deployment": deployment, "deployment_state_message": ""},
        })
    }

    fn endpoint(value: Value) -> Endpoint {
        serde_json::from_value(value).unwrap()
    }

    fn config(version: &str, deployment: &str) -> Value {
        let route = json!({"served_model_name": format!("motor-{version}"), "traffic_percentage": 100});
        json!({"served_entities": [entity(version, deployment)], "traffic_config": {"routes": [route]}})
    }

    #[test]
    fn ready_is_not_enough() {
        let state = |update: &str| json!({"ready": "READY", "config_update": update});
        let done =
            endpoint(json!({"state": state("NOT_UPDATING"), "config": config("2", "DEPLOYMENT_READY")}));
        assert!(done.serves(&wanted("2")) && done.has(&wanted("2")));
        assert!(!done.serves(&wanted("1")) && !done.has(&wanted("1")));
        // The old version serves while the new one comes, and after it has failed.
        let coming = endpoint(json!({
            "state": state("IN_PROGRESS"), "config": config("1", "DEPLOYMENT_READY"), "pending_config": config("2", "DEPLOYMENT_CREATING"),
        }));
        assert!(!coming.serves(&wanted("2")) && coming.has(&wanted("2")) && !coming.serves(&wanted("1")));
        let failed = endpoint(json!({
            "state": state("UPDATE_FAILED"), "config": config("1", "DEPLOYMENT_READY"), "pending_config": config("2", "DEPLOYMENT_FAILED"),
        }));
        assert!(!failed.serves(&wanted("2")) && !failed.has(&wanted("2")) && !failed.serves(&wanted("1")));
        let starting =
            endpoint(json!({"state": state("NOT_UPDATING"), "config": config("2", "DEPLOYMENT_RECOVERING")}));
        assert!(!starting.serves(&wanted("2")));
    }

    #[test]
    fn a_part_of_the_traffic_is_not_serving() {
        let routes = json!([
            {"served_entity_name": "motor-1", "traffic_percentage": 90}, {"served_entity_name": "motor-2", "traffic_percentage": 10},
        ]);
        let both = json!({
            "served_entities": [entity("1", "DEPLOYMENT_READY"), entity("2", "DEPLOYMENT_READY")], "traffic_config": {"routes": routes},
        });
        let canary =
            endpoint(json!({"state": {"ready": "READY", "config_update": "NOT_UPDATING"}, "config": both}));
        assert!(canary.serving().is_none());
        assert!(!canary.serves(&wanted("2")) && !canary.has(&wanted("2")));
    }

    #[test]
    fn what_somebody_else_set_is_kept() {
        let live = json!({
            "entity_name": "main.pricing.motor", "entity_version": 1, "workload_type": "CPU_LARGE",
            "environment_vars": {"KEY": "{{secrets/scope/key}}"}, "max_provisioned_concurrency": 8, "creator": "ada",
        });
        let live: Entity = serde_json::from_value(live).unwrap();
        assert_eq!(live.version, "1");
        assert_eq!(
            wanted("2").to_value(Some(&live)),
            json!({
                "entity_name": "main.pricing.motor", "entity_version": "2", "scale_to_zero_enabled": true,
                "workload_type": "CPU_LARGE", "environment_vars": {"KEY": "{{secrets/scope/key}}"}, "max_provisioned_concurrency": 8,
            })
        );
    }
}
