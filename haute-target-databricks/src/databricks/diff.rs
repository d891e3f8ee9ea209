//! What has to change: from what there is to what is wanted. Pure.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::plan::{Action, Change, Plan, Step};

use super::config::DatabricksConfig;
use super::endpoint::{Entity, Wanted};
use super::observe::Observed;
use super::step::Payload;
use super::target::NAME;

/// How long files may be on their way, in seconds.
const UPLOAD: u64 = 1800;

/// The entity that serves version `version` as the configuration says.
pub(crate) fn entity(config: &DatabricksConfig, version: &str) -> Wanted {
    Wanted {
        model: config.model(),
        version: version.to_owned(),
        workload_size: config.serving_workload_size.clone(),
        scale_to_zero: config.serving_scale_to_zero,
    }
}

/// Adds the steps to `plan` that let `wanted` serve.
pub(crate) fn steps(
    mut plan: Plan,
    observed: &Observed,
    wanted: &Digest,
    config: &DatabricksConfig,
) -> Result<Plan> {
    let (model, experiment) = (config.model(), config.experiment());
    let version = observed.version_of(wanted);
    if version.is_none() {
        if !observed.has_experiment && !observed.logged {
            let title = format!("Make the experiment `{experiment}`");
            plan = plan.with_step(step("experiment", title, Action::Create, &Payload::Experiment)?);
        }
        if !observed.logged {
            let title = format!("Log release {} in the experiment `{experiment}`", wanted.short());
            plan = plan.with_step(step("log", title, Action::Create, &Payload::Log)?.with_deadline(UPLOAD));
        }
        if !observed.has_model {
            let title = format!("Make the registered model `{model}`");
            plan = plan.with_step(step("model", title, Action::Create, &Payload::Model)?);
        }
        let title = format!("Register release {} as a version of `{model}`", wanted.short());
        plan =
            plan.with_step(step("version", title, Action::Create, &Payload::Version)?.with_deadline(UPLOAD));
    }
    let number = version.map(|version| version.number.as_str());
    if let Some(name) = config.endpoint() {
        plan = endpoint_steps(plan, observed, number, config, &name)?;
    }
    let alias = &config.alias;
    let stands = observed.alias.as_ref().map(|version| version.number.as_str());
    if number.is_none() || stands != number {
        let action = if stands.is_some() { Action::Update } else { Action::Create };
        let title = format!("Let `{alias}` of `{model}` stand for release {}", wanted.short());
        let change = Change::new(format!("alias {alias}"), shown(stands), shown(number.or(Some("(new)"))));
        plan = plan.with_step(step("alias", title, action, &Payload::Alias)?.with_change(change));
    }
    Ok(plan)
}

fn endpoint_steps(
    mut plan: Plan,
    observed: &Observed,
    version: Option<&str>,
    config: &DatabricksConfig,
    name: &str,
) -> Result<Plan> {
    let seconds = config.timeout_minutes.saturating_mul(60);
    let wanted = version.map(|version| entity(config, version));
    let shown_version = version.unwrap_or("(new)");
    let Some(live) = &observed.endpoint else {
        let title = format!("Make the endpoint `{name}`, serving version {shown_version}");
        let made = step("endpoint", title, Action::Create, &Payload::Endpoint)?.with_deadline(seconds);
        return Ok(plan.with_step(changes(made, None, shown_version, config)));
    };
    if wanted.as_ref().is_some_and(|wanted| live.serves(wanted) && live.has(wanted)) {
        return Ok(plan);
    }
    // Ours on its way is waited for by its own step.
    let ours = wanted.as_ref().is_some_and(|wanted| live.has(wanted));
    if live.is_updating() && !ours {
        let title = format!("Wait until the change of `{name}` that is under way is over");
        plan = plan.with_step(step("quiet", title, Action::Update, &Payload::Quiet)?.with_deadline(seconds));
    }
    let title = format!("Let the endpoint `{name}` serve version {shown_version}");
    let changed = step("endpoint", title, Action::Update, &Payload::Endpoint)?.with_deadline(seconds);
    Ok(plan.with_step(changes(changed, live.serving(), shown_version, config)))
}

/// The fields of an entity that change.
fn changes(mut step: Step, live: Option<&Entity>, version: &str, config: &DatabricksConfig) -> Step {
    let fields = [
        ("entity_version", live.map(|live| live.version.clone()), version.to_owned()),
        ("workload_size", live.map(|live| live.workload_size.clone()), config.serving_workload_size.clone()),
        (
            "scale_to_zero_enabled",
            live.map(|live| live.scale_to_zero_enabled.to_string()),
            config.serving_scale_to_zero.to_string(),
        ),
    ];
    for (field, before, after) in fields {
        if before.as_ref() != Some(&after) {
            step = step.with_change(Change::new(field, before, Some(after)));
        }
    }
    step
}

fn shown(version: Option<&str>) -> Option<String> {
    version.map(|version| format!("version {version}"))
}

fn step(id: &str, title: String, action: Action, payload: &Payload) -> Result<Step> {
    crate::payload::step(NAME, id, title, action, payload)
}

#[cfg(test)]
mod tests {
    use haute_core::plan::Goal;
    use serde_json::json;

    use super::*;
    use crate::registry::Version;

    fn version(number: u32, release: &Digest) -> Version {
        let tags = json!([{"key": "haute.release", "value": release}]);
        serde_json::from_value(json!({"version": number.to_string(), "status": "READY", "tags": tags}))
            .unwrap()
    }

    fn planned(observed: &Observed, wanted: &Digest, endpoint: Option<&str>) -> Vec<String> {
        let config = DatabricksConfig::default().with_names("motor", endpoint);
        let plan = Plan::new("databricks", "a", Goal::Deploy, observed.fingerprint());
        steps(plan, observed, wanted, &config).unwrap().steps.iter().map(|step| step.id.clone()).collect()
    }

    #[test]
    fn only_what_is_missing_is_made() {
        let (old, new) = (Digest::of("old"), Digest::of("new"));
        let nothing = Observed::default();
        assert_eq!(
            planned(&nothing, &new, Some("motor")),
            ["experiment", "log", "model", "version", "endpoint", "alias"]
        );
        assert_eq!(planned(&nothing, &new, None), ["experiment", "log", "model", "version", "alias"]);
        let entity = json!({
            "name": "motor-1", "entity_name": "main.pricing.motor", "entity_version": "1", "workload_size": "Small",
            "scale_to_zero_enabled": true, "state": {"deployment": "DEPLOYMENT_READY"},
        });
        let live = |update: &str| {
            serde_json::from_value(json!({
                "state": {"ready": "READY", "config_update": update}, "config": {"served_entities": [entity]},
            }))
            .unwrap()
        };
        let serves = Observed {
            has_experiment: true,
            has_model: true,
            versions: vec![version(2, &new), version(1, &old)],
            alias: Some(version(1, &old)),
            endpoint: Some(live("NOT_UPDATING")),
            served: Some(old.clone()),
            ..Observed::default()
        };
        assert!(planned(&serves, &old, Some("motor")).is_empty());
        assert_eq!(planned(&serves, &new, Some("motor")), ["endpoint", "alias"]);
        // Somebody else's change is waited out.
        let busy = Observed { endpoint: Some(live("IN_PROGRESS")), ..serves };
        assert_eq!(planned(&busy, &new, Some("motor")), ["quiet", "endpoint", "alias"]);
    }
}
