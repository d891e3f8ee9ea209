//! What an endpoint is to serve: one version, or two that share the traffic.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::endpoint::{Endpoint, EndpointConfig, Entity};

/// Settings of a served entity that are not this project's: kept as they are when the version changes. The call that
/// changes the version replaces everything.
const KEPT: &[&str] = &["workload_type", "environment_vars", "instance_profile_arn"];
/// The workload's type the workspace fills in where none was asked for.
const FILLED: &str = "CPU";
/// The other way to say how large an entity is; excludes `workload_size`.
const CONCURRENCY: &[&str] = &["min_provisioned_concurrency", "max_provisioned_concurrency"];

/// A version of a model as it is to be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) workload_size: String,
    pub(crate) scale_to_zero: bool,
}

/// A version with its share of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) wanted: Wanted,
    /// What routes call it.
    pub(crate) name: String,
    /// 0 to 100.
    pub(crate) percent: u64,
}

/// Everything an endpoint is to serve; the version that a deployment is about comes last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedConfig(Vec<Share>);

impl WantedConfig {
    /// One version, for all of the traffic.
    pub(crate) fn one(wanted: Wanted) -> Self {
        let name = entity_name(&wanted.model, &wanted.version);
        Self(vec![Share { wanted, name, percent: 100 }])
    }

    /// A version for `percent` of the traffic beside what serves, which stays as it is.
    pub(crate) fn beside(main: &Entity, wanted: Wanted, percent: u64) -> Self {
        let stays = Wanted {
            model: main.model.clone(),
            version: main.version.clone(),
            workload_size: main.workload_size.clone(),
            scale_to_zero: main.scale_to_zero_enabled,
        };
        let name = entity_name(&wanted.model, &wanted.version);
        let rest = 100_u64.saturating_sub(percent);
        Self(vec![
            Share { wanted: stays, name: main.name.clone(), percent: rest },
            Share { wanted, name, percent },
        ])
    }

    /// The version this is about.
    pub(crate) fn version(&self) -> &str {
        self.0.last().map_or("", |share| share.wanted.version.as_str())
    }

    /// The version this is about, as it is to be served.
    pub(crate) fn newest(&self) -> Option<&Wanted> {
        self.0.last().map(|share| &share.wanted)
    }

    /// Whether exactly this serves, and nothing is on its way. `ready` alone says neither: it stays so while versions are
    /// swapped, and after a swap that failed.
    pub(crate) fn is_served_by(&self, live: &Endpoint) -> bool {
        live.state.ready == "READY"
            && live.state.config_update == "NOT_UPDATING"
            && live.pending_config.is_none()
            && live.config.as_ref().is_some_and(|config| {
                self.0.iter().all(|share| {
                    config.served_entities.iter().any(|entity| {
                        share.wanted.is(entity)
                            && config.share(entity) == share.percent
                            && entity.state.deployment == "DEPLOYMENT_READY"
                    })
                })
            })
    }

    /// Whether this is in place, or on its way: then nothing is to be sent.
    pub(crate) fn is_in_place(&self, live: &Endpoint) -> bool {
        let latest = live.pending_config.as_ref().or(live.config.as_ref());
        let failed = matches!(live.state.config_update.as_str(), "UPDATE_FAILED" | "UPDATE_CANCELED");
        !failed && latest.is_some_and(|config| self.is(config))
    }

    /// What the server fills in or keeps to itself is not compared: the workload's type, the route of a single entity.
    fn is(&self, config: &EndpointConfig) -> bool {
        config.served_entities.len() == self.0.len()
            && self.0.iter().all(|share| {
                config
                    .served_entities
                    .iter()
                    .any(|entity| share.wanted.is_set(entity) && config.share(entity) == share.percent)
            })
    }

    /// The body of the request that changes an endpoint, with the settings in `live` that are somebody else's. `main` is
    /// what serves now.
    pub(crate) fn to_value(&self, live: Option<&Endpoint>, main: Option<&Entity>) -> Value {
        let alone = self.0.len() == 1;
        let there = live.and_then(|live| live.config.as_ref());
        let entities: Vec<Value> = self
            .0
            .iter()
            .map(|share| {
                let same = there
                    .and_then(|config| config.served_entities.iter().find(|entity| share.wanted.is(entity)));
                let mut entity = share.wanted.to_value(same.or(main));
                if let Some(entity) = entity.as_object_mut().filter(|_| !alone) {
                    entity.insert("name".to_owned(), json!(share.name));
                }
                entity
            })
            .collect();
        if alone {
            return json!({"served_entities": entities});
        }
        let routes: Vec<Value> = self
            .0
            .iter()
            .map(|share| json!({"served_model_name": share.name, "traffic_percentage": share.percent}))
            .collect();
        json!({"served_entities": entities, "traffic_config": {"routes": routes}})
    }
}

/// The name the workspace gives an entity by itself.
fn entity_name(model: &str, version: &str) -> String {
    format!("{}-{version}", model.rsplit('.').next().unwrap_or(model))
}

impl Wanted {
    /// Whether `entity` is that version.
    pub(crate) fn is(&self, entity: &Entity) -> bool {
        entity.model == self.model && entity.version == self.version
    }

    /// Whether `entity` is that version with those settings.
    fn is_set(&self, entity: &Entity) -> bool {
        let sized = has_concurrency(entity) || entity.workload_size == self.workload_size;
        self.is(entity) && sized && entity.scale_to_zero_enabled == self.scale_to_zero
    }

    /// The entity as a request holds it, with the settings of `live` that are somebody else's.
    fn to_value(&self, live: Option<&Entity>) -> Value {
        let mut entity = json!({
            "entity_name": self.model,
            "entity_version": self.version,
            // Left out, an update fails.
            "scale_to_zero_enabled": self.scale_to_zero,
            "workload_size": self.workload_size,
        });
        let Some(entity) = entity.as_object_mut() else { return Value::Null };
        if let Some(live) = live {
            let sized = has_concurrency(live);
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

fn has_concurrency(entity: &Entity) -> bool {
    CONCURRENCY.iter().any(|key| entity.rest.get(*key).is_some_and(|value| !value.is_null()))
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

    fn one(version: &str) -> WantedConfig {
        WantedConfig::one(wanted(version))
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
        assert!(one("2").is_served_by(&done) && one("2").is_in_place(&done));
        assert!(!one("1").is_served_by(&done) && !one("1").is_in_place(&done));
        // The old version serves while the new one comes, and after it has failed.
        let coming = endpoint(json!({
            "state": state("IN_PROGRESS"), "config": config("1", "DEPLOYMENT_READY"), "pending_config": config("2", "DEPLOYMENT_CREATING"),
        }));
        assert!(!one("2").is_served_by(&coming) && one("2").is_in_place(&coming));
        assert!(!one("1").is_served_by(&coming));
        let failed = endpoint(json!({
            "state": state("UPDATE_FAILED"), "config": config("1", "DEPLOYMENT_READY"), "pending_config": config("2", "DEPLOYMENT_FAILED"),
        }));
        assert!(!one("2").is_served_by(&failed) && !one("2").is_in_place(&failed));
        assert!(!one("1").is_served_by(&failed));
        let starting =
            endpoint(json!({"state": state("NOT_UPDATING"), "config": config("2", "DEPLOYMENT_RECOVERING")}));
        assert!(!one("2").is_served_by(&starting));
    }

    #[test]
    fn a_canary_serves_when_both_do_with_their_shares() {
        let both = |state: &str, share: u64| {
            let routes = json!([
                {"served_entity_name": "motor-1", "traffic_percentage": 100 - share}, {"served_entity_name": "motor-2", "traffic_percentage": share},
            ]);
            let entities = json!([entity("2", state), entity("1", "DEPLOYMENT_READY")]);
            let config = json!({"served_entities": entities, "traffic_config": {"routes": routes}});
            endpoint(json!({"state": {"ready": "READY", "config_update": "NOT_UPDATING"}, "config": config}))
        };
        let live = both("DEPLOYMENT_READY", 10);
        let main = live.main(Some("1")).unwrap();
        let canary = WantedConfig::beside(main, wanted("2"), 10);
        assert!(canary.is_served_by(&live) && canary.is_in_place(&live));
        assert!(!canary.is_served_by(&both("DEPLOYMENT_READY", 20)));
        assert!(!canary.is_served_by(&both("DEPLOYMENT_CREATING", 10)));
        assert!(!one("2").is_served_by(&live) && !one("2").is_in_place(&live));
        assert!(!one("1").is_served_by(&live) && !one("1").is_in_place(&live));
        // Whatever the shares are: the alias says which one is the canary.
        let mostly = both("DEPLOYMENT_READY", 90);
        assert_eq!(mostly.main(Some("1")).unwrap().version, "1");
        assert_eq!(
            mostly.canary(Some("1")).map(|(entity, share)| (entity.version.as_str(), share)),
            Some(("2", 90))
        );
        assert_eq!(mostly.main(None).unwrap().version, "2");
        assert_eq!(
            canary.to_value(Some(&live), Some(main))["traffic_config"]["routes"],
            json!([
                {"served_model_name": "motor-1", "traffic_percentage": 90},
                {"served_model_name": "motor-2", "traffic_percentage": 10},
            ])
        );
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
