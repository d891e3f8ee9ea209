//! What has to change: from what there is to what is wanted. Pure.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Action, Change, Goal, Plan, Step};

use super::config::DatabricksConfig;
use super::endpoint::{Endpoint, Entity};
use super::observe::Observed;
use super::step::Payload;
use super::target::NAME;
use super::wanted::{Wanted, WantedConfig};

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

/// Adds the steps to `plan` that let `wanted` serve: everything, or a share where the plan's goal is a canary.
pub(crate) fn steps(
    mut plan: Plan,
    observed: &Observed,
    wanted: &Digest,
    config: &DatabricksConfig,
) -> Result<Plan> {
    let version = observed.version_of(wanted);
    if version.is_none() {
        plan = registration(plan, observed, wanted, config)?;
    }
    let number = version.map(|version| version.number.as_str());
    let share = if let Goal::Canary { percent } = plan.goal { Some(u64::from(percent)) } else { None };
    let Some(name) = config.endpoint() else {
        return alias(plan, observed, wanted, config);
    };
    plan = match share {
        None => everything(plan, observed, number, config, &name)?,
        Some(percent) => beside(plan, observed, (number, percent), config, &name)?,
    };
    if version.is_none_or(|version| !version.is_verified()) {
        let title = format!("Mark version {} as verified", number.unwrap_or("(new)"));
        plan =
            plan.with_step(step("verified", title, Action::Update, &Payload::Verified)?.after_verification());
    }
    if share.is_some() { Ok(plan) } else { alias(plan, observed, wanted, config) }
}

/// What makes a version of a release that has none.
fn registration(
    mut plan: Plan,
    observed: &Observed,
    wanted: &Digest,
    config: &DatabricksConfig,
) -> Result<Plan> {
    let (model, experiment) = (config.model(), config.experiment());
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
    Ok(plan.with_step(step("version", title, Action::Create, &Payload::Version)?.with_deadline(UPLOAD)))
}

/// The alias, last: behind an endpoint only once what serves there was verified. Without one, moving it is what serves.
fn alias(plan: Plan, observed: &Observed, wanted: &Digest, config: &DatabricksConfig) -> Result<Plan> {
    let number = observed.version_of(wanted).map(|version| version.number.as_str());
    let stands = observed.alias_version();
    if number.is_some() && stands == number {
        return Ok(plan);
    }
    let alias = &config.alias;
    let action = if stands.is_some() { Action::Update } else { Action::Create };
    let title = format!("Let `{alias}` of `{}` stand for release {}", config.model(), wanted.short());
    let change = Change::new(format!("alias {alias}"), shown(stands), shown(number.or(Some("(new)"))));
    let moved = step("alias", title, action, &Payload::Alias)?.with_change(change);
    Ok(plan.with_step(if config.endpoint().is_some() { moved.after_verification() } else { moved }))
}

/// One version for all of the traffic.
fn everything(
    mut plan: Plan,
    observed: &Observed,
    version: Option<&str>,
    config: &DatabricksConfig,
    name: &str,
) -> Result<Plan> {
    let seconds = config.timeout_minutes.saturating_mul(60);
    let wanted = version.map(|version| WantedConfig::one(entity(config, version)));
    let shown_version = version.unwrap_or("(new)");
    let Some(live) = &observed.endpoint else {
        let title = format!("Make the endpoint `{name}`, serving version {shown_version}");
        let made = step("endpoint", title, Action::Create, &Payload::Endpoint)?.with_deadline(seconds);
        return Ok(plan.with_step(changes(made, None, shown_version, config)));
    };
    if wanted.as_ref().is_some_and(|wanted| wanted.is_served_by(live) && wanted.is_in_place(live)) {
        return Ok(plan);
    }
    plan = quiet(plan, live, wanted.as_ref(), config, name)?;
    let title = format!("Let the endpoint `{name}` serve version {shown_version}");
    let changed = step("endpoint", title, Action::Update, &Payload::Endpoint)?.with_deadline(seconds);
    let mut changed = changes(changed, observed.main(), shown_version, config);
    if let Some((canary, share)) = live.canary(observed.alias_version()) {
        let field = format!("traffic of version {}", canary.version);
        let after = if version == Some(canary.version.as_str()) { "100 %" } else { "none" };
        changed = changed.with_change(Change::new(field, Some(format!("{share} %")), Some(after.to_owned())));
    }
    Ok(plan.with_step(changed))
}

/// A version for a share of the traffic, beside the one that serves.
fn beside(
    mut plan: Plan,
    observed: &Observed,
    (version, percent): (Option<&str>, u64),
    config: &DatabricksConfig,
    name: &str,
) -> Result<Plan> {
    let alone = || {
        Error::new(
            ErrorKind::NotFound,
            format!("nothing serves at the endpoint `{name}` a canary could be beside"),
        )
        .with_operation("databricks.plan")
        .with_hint("deploy without `--canary` first")
    };
    let live = observed.endpoint.as_ref().ok_or_else(alone)?;
    let main = observed.main().ok_or_else(alone)?;
    if version == Some(main.version.as_str()) && main.model == config.model() {
        let message = format!("version {} serves already: it cannot be its own canary", main.version);
        return Err(Error::new(ErrorKind::Conflict, message).with_operation("databricks.plan"));
    }
    let wanted = version.map(|version| WantedConfig::beside(main, entity(config, version), percent));
    if wanted.as_ref().is_some_and(|wanted| wanted.is_served_by(live) && wanted.is_in_place(live)) {
        return Ok(plan);
    }
    plan = quiet(plan, live, wanted.as_ref(), config, name)?;
    let shown_version = version.unwrap_or("(new)");
    let title = format!("Let the endpoint `{name}` serve {percent} % with version {shown_version}");
    let mut changed = step("endpoint", title, Action::Update, &Payload::Canary { percent })?
        .with_deadline(config.timeout_minutes.saturating_mul(60));
    let before = live.canary(observed.alias_version());
    let percents = |share: u64| format!("{share} %");
    let main_before = before.map_or(100, |(_, share)| 100_u64.saturating_sub(share));
    let shares = [
        (main.version.as_str(), Some(main_before), Some(100_u64.saturating_sub(percent))),
        (
            shown_version,
            before.filter(|(entity, _)| Some(entity.version.as_str()) == version).map(|(_, share)| share),
            Some(percent),
        ),
    ];
    let gone = before.filter(|(entity, _)| Some(entity.version.as_str()) != version);
    let gone = gone.map(|(entity, share)| (entity.version.as_str(), Some(share), None));
    for (version, before, after) in shares.into_iter().chain(gone) {
        let field = format!("traffic of version {version}");
        changed = changed.with_change(Change::new(field, before.map(percents), after.map(percents)));
    }
    Ok(plan.with_step(changed))
}

/// Waits out a change that is under way, unless it is the wanted one: that is waited for by its own step.
fn quiet(
    plan: Plan,
    live: &Endpoint,
    wanted: Option<&WantedConfig>,
    config: &DatabricksConfig,
    name: &str,
) -> Result<Plan> {
    let ours = wanted.is_some_and(|wanted| wanted.is_in_place(live));
    if !live.is_updating() || ours {
        return Ok(plan);
    }
    let title = format!("Wait until the change of `{name}` that is under way is over");
    let seconds = config.timeout_minutes.saturating_mul(60);
    Ok(plan.with_step(step("quiet", title, Action::Update, &Payload::Quiet)?.with_deadline(seconds)))
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
    use serde_json::json;

    use super::*;
    use crate::registry::Version;

    fn version(number: u32, release: &Digest) -> Version {
        let mut tags = vec![json!({"key": "haute.release", "value": release})];
        if number == 1 {
            tags.push(json!({"key": "haute.verified", "value": "true"}));
        }
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
            ["experiment", "log", "model", "version", "endpoint", "verified", "alias"]
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
        assert_eq!(planned(&serves, &new, Some("motor")), ["endpoint", "verified", "alias"]);
        // Somebody else's change is waited out.
        let busy = Observed { endpoint: Some(live("IN_PROGRESS")), ..serves };
        assert_eq!(planned(&busy, &new, Some("motor")), ["quiet", "endpoint", "verified", "alias"]);
    }
}
