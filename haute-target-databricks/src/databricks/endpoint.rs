//! Serving endpoints: what one says of itself, and the calls that change it.
//!
//! Databricks REST API, "Serving endpoints"; held to the recorded requests of the Python SDK.

use haute_core::error::Result;
use reqwest::Method;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::wanted::WantedConfig;
use crate::http::{ApiClient, CallResult, absent};
use crate::tracking::part;

const API: &str = "api/2.0/serving-endpoints";

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

impl Endpoint {
    /// Whether a change is under way.
    pub(crate) fn is_updating(&self) -> bool {
        self.state.config_update == "IN_PROGRESS"
    }

    /// Whether the last change failed.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state.config_update.as_str(), "UPDATE_FAILED" | "UPDATE_CANCELED")
    }

    /// The entity callers get: the one with all of the traffic; where several share it, the one of version `alias`, else
    /// the one with most.
    pub(crate) fn main(&self, alias: Option<&str>) -> Option<&Entity> {
        let config = self.config.as_ref()?;
        let entities = &config.served_entities;
        let of_alias =
            || entities.iter().find(|one| Some(one.version.as_str()) == alias && config.share(one) > 0);
        let most = || entities.iter().filter(|one| config.share(one) > 0).max_by_key(|one| config.share(one));
        entities.iter().find(|one| config.share(one) == 100).or_else(of_alias).or_else(most)
    }

    /// The other one of two that share the traffic, and its share in percent.
    pub(crate) fn canary(&self, alias: Option<&str>) -> Option<(&Entity, u64)> {
        let (config, main) = (self.config.as_ref()?, self.main(alias)?);
        let others = config.served_entities.iter().filter(|one| one.name != main.name);
        let mut others = others.map(|one| (one, config.share(one))).filter(|(_, share)| *share > 0);
        let found = others.next()?;
        others.next().is_none().then_some(found)
    }
}

impl EndpointConfig {
    /// How much of the traffic an entity has, in percent. A single one has all of it, whatever the routes say or leave out.
    pub(super) fn share(&self, entity: &Entity) -> u64 {
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

/// The endpoint named `name`; `None` when there is none.
pub(crate) async fn get(client: &ApiClient, name: &str) -> Result<Option<Endpoint>> {
    let found = absent(client.get(&format!("{API}/{name}"), &[]).await)?;
    found.map(|value| part(&json!({"endpoint": value}), "endpoint")).transpose()
}

/// Makes an endpoint that serves `wanted`.
pub(crate) async fn create(client: &ApiClient, name: &str, wanted: &WantedConfig) -> CallResult<Value> {
    let mut config = wanted.to_value(None, None);
    if let Some(config) = config.as_object_mut() {
        config.insert("name".to_owned(), json!(name));
    }
    client.send(Method::POST, API, &json!({"name": name, "config": config})).await
}

/// Lets an endpoint serve `wanted` and nothing else. What serves goes on serving until that does.
pub(crate) async fn update(client: &ApiClient, name: &str, body: &Value) -> CallResult<Value> {
    client.send(Method::PUT, &format!("{API}/{name}/config"), body).await
}

/// The last lines of what a served entity wrote while it was built, or while it ran; empty when there are none.
pub(crate) async fn log(
    client: &ApiClient,
    endpoint: &str,
    entity: &str,
    which: &str,
    lines: usize,
) -> CallResult<Vec<String>> {
    let path = format!("{API}/{endpoint}/served-models/{entity}/{which}");
    let answer = client.get(&path, &[]).await?;
    let text = answer.get("logs").and_then(Value::as_str).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    Ok(all.iter().skip(all.len().saturating_sub(lines)).map(|line| (*line).to_owned()).collect())
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
