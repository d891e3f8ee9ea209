//! What has to change: from what there is to what is wanted. Pure.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::plan::{Action, Change, Plan, Step};

use super::observe::Observed;
use super::step::Payload;
use super::target::NAME;

/// How long files may be on their way, in seconds.
const UPLOAD: u64 = 1800;

/// What a plan is about.
pub(crate) struct Names<'a> {
    pub(crate) experiment: &'a str,
    pub(crate) model: &'a str,
    pub(crate) alias: &'a str,
}

/// Adds the steps to `plan` that let the alias stand for `wanted`, or for nothing when it is `None`.
pub(crate) fn steps(
    mut plan: Plan,
    observed: &Observed,
    wanted: Option<&Digest>,
    names: &Names<'_>,
) -> Result<Plan> {
    let Names { experiment, model, alias } = names;
    let shown = |version: &str, release: Option<Digest>| {
        let release = release.map_or_else(|| "no release of ours".to_owned(), |release| release.to_string());
        format!("version {version}, {release}")
    };
    let before = observed.current.as_ref().map(|version| shown(&version.number, version.release()));
    let Some(wanted) = wanted else {
        if before.is_some() {
            let title = format!("Take the alias `{alias}` of `{model}` away");
            plan = plan.with_step(
                step("alias", title, Action::Delete, &Payload::Unalias)?.with_change(Change::new(
                    format!("alias {alias}"),
                    before,
                    None,
                )),
            );
        }
        return Ok(plan);
    };
    if observed.serving().as_ref() == Some(wanted) {
        return Ok(plan);
    }
    let version = observed.version_of(wanted);
    if version.is_none() {
        if observed.experiment.is_none() {
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
        plan = plan.with_step(step("version", title, Action::Create, &Payload::Version)?);
    }
    let action = if before.is_some() { Action::Update } else { Action::Create };
    let title = format!("Let `{alias}` of `{model}` stand for release {}", wanted.short());
    let after = shown(version.map_or("(new)", |version| version.number.as_str()), Some(wanted.clone()));
    Ok(plan.with_step(step("alias", title, action, &Payload::Alias)?.with_change(Change::new(
        format!("alias {alias}"),
        before,
        Some(after),
    ))))
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

    fn planned(observed: &Observed, wanted: Option<&Digest>) -> Vec<String> {
        let names = Names { experiment: "e", model: "m", alias: "production" };
        let plan = Plan::new("mlflow", "a", Goal::Deploy, observed.fingerprint());
        let plan = steps(plan, observed, wanted, &names).unwrap();
        plan.steps.iter().map(|step| step.id.clone()).collect()
    }

    #[test]
    fn only_what_is_missing_is_made() {
        let (old, new) = (Digest::of("old"), Digest::of("new"));
        let nothing = Observed::default();
        assert_eq!(planned(&nothing, Some(&new)), ["experiment", "log", "model", "version", "alias"]);
        assert!(planned(&nothing, None).is_empty());
        let old_serves = Observed {
            experiment: Some("1".to_owned()),
            has_model: true,
            versions: vec![version(1, &old)],
            current: Some(version(1, &old)),
            logged: false,
        };
        assert_eq!(planned(&old_serves, Some(&new)), ["log", "version", "alias"]);
        assert_eq!(
            planned(&Observed { logged: true, ..old_serves.clone() }, Some(&new)),
            ["version", "alias"]
        );
        assert!(planned(&old_serves, Some(&old)).is_empty());
        assert_eq!(planned(&old_serves, None), ["alias"]);
        let both = Observed { versions: vec![version(2, &new), version(1, &old)], ..old_serves };
        assert_eq!(planned(&both, Some(&new)), ["alias"]);
    }
}
