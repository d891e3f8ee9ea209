//! What has to change: from what there is to what is wanted. Pure.

use haute_core::digest::Digest;
use haute_core::error::{Error, Result};
use haute_core::plan::{Action, Change, Plan, Step};
use serde_json::Value;

use crate::api::{Instance, State};
use crate::config::LocalConfig;
use crate::observe::Observed;
use crate::step::Payload;

/// How much longer than its callers may stay an instance may take to end, in seconds: the supervisor kills it before.
const ENDING: u64 = 30;

/// Adds the steps to `plan` that let `wanted` serve, or nothing when it is `None`.
pub(crate) fn steps(
    mut plan: Plan,
    observed: &Observed,
    wanted: Option<&Digest>,
    config: &LocalConfig,
) -> Result<Plan> {
    let Some(wanted) = wanted else {
        if observed.supervisor.is_some() {
            let before = observed.serving().map(|instance| instance.release.to_string());
            plan = plan.with_step(
                step("stop", "Finish what is under way and stop", Action::Stop, &Payload::Stop)?
                    .with_change(Change::new("release", before, None))
                    .with_deadline(config.drain_seconds + ENDING),
            );
        }
        return Ok(plan);
    };
    let serving = observed.serving();
    if observed.supervisor.is_none() {
        let title = format!("Start the supervisor on {}", config.socket());
        plan = plan
            .with_step(step("supervisor", title, Action::Create, &Payload::Supervisor)?.with_deadline(60));
    }
    let live = serving.filter(|instance| &instance.release == wanted && instance.state == State::Open);
    let keep = if let Some(instance) = live {
        instance.id.clone()
    } else {
        let id = instance_for(wanted, observed, &plan.fingerprint);
        let before = serving.map(|instance| instance.release.to_string());
        let start = Payload::Start { instance: id.clone() };
        let switch = Payload::Switch { instance: id.clone() };
        plan = plan
            .with_step(
                step(
                    "start",
                    format!("Start release {} beside what serves", wanted.short()),
                    Action::Start,
                    &start,
                )?
                .with_deadline(config.start_timeout_seconds),
            )
            .with_step(
                step(
                    "switch",
                    format!("Let release {} serve at {}", wanted.short(), config.url()),
                    Action::Update,
                    &switch,
                )?
                .with_change(Change::new("release", before, Some(wanted.to_string())))
                .with_deadline(60),
            );
        id
    };
    let others: Vec<String> = observed
        .instances()
        .iter()
        .filter(|instance| {
            instance.id != keep && instance.state != State::Ended && instance.state != State::Dead
        })
        .map(|instance| instance.id.clone())
        .collect();
    if !others.is_empty() {
        let title = match serving {
            Some(old) if &old.release != wanted => {
                format!("Finish what release {} has under way, and stop it", old.release.short())
            }
            _ => "Stop what does not serve".to_owned(),
        };
        plan = plan.with_step(
            step("drain", title, Action::Stop, &Payload::Drain { instances: others })?
                .with_deadline(config.drain_seconds + ENDING),
        );
    }
    Ok(plan)
}

/// The instance of a release that is to serve: one that was started already and does not serve, else a new one. Its name
/// follows from the world the plan saw, so that planning again names the same.
fn instance_for(wanted: &Digest, observed: &Observed, fingerprint: &Digest) -> String {
    let serving = observed.serving().map(|instance| &instance.id);
    let usable = |instance: &&Instance| {
        &instance.release == wanted
            && Some(&instance.id) != serving
            && matches!(instance.state, State::Starting | State::Ready | State::Open)
    };
    if let Some(instance) = observed.instances().iter().find(usable) {
        return instance.id.clone();
    }
    let mut id = format!("{}-{}", wanted.short(), fingerprint.hex().get(..8).unwrap_or_default());
    while observed.instances().iter().any(|instance| instance.id == id && instance.state != State::Dead) {
        id.push('x');
    }
    id
}

fn step(id: &str, title: impl Into<String>, action: Action, payload: &Payload) -> Result<Step> {
    let payload: Value = serde_json::to_value(payload)
        .map_err(|error| Error::bug("a step of the target `local` cannot be written").with_source(error))?;
    Ok(Step::new(id, title, action).with_payload(payload))
}

#[cfg(test)]
mod tests {
    use haute_core::plan::Goal;
    use serde_json::json;

    use super::*;

    fn observed(serving: Option<&str>, instances: &Value) -> Observed {
        let status = json!({
            "protocol": 1, "pid": 1, "started": "1", "socket": "s", "serving": serving, "instances": instances,
        });
        Observed { supervisor: Some(serde_json::from_value(status).unwrap()), served: Vec::new() }
    }

    fn instance(id: &str, release: &Digest, state: &str) -> Value {
        json!({
            "instance": id, "release": release, "directory": "d", "state": state, "port": 1, "pid": 2, "started": "2",
            "restarts": 0, "exit": null, "error": null,
        })
    }

    fn planned(observed: &Observed, wanted: Option<&Digest>) -> Vec<String> {
        let plan = Plan::new("local", "a", Goal::Deploy, observed.fingerprint());
        let plan = steps(plan, observed, wanted, &LocalConfig::default()).unwrap();
        plan.steps.iter().map(|step| format!("{} {}", step.id, step.payload)).collect()
    }

    #[test]
    fn the_first_deploy_starts_everything() {
        let observed = Observed { supervisor: None, served: Vec::new() };
        let ids: Vec<_> = planned(&observed, Some(&Digest::of("new")))
            .iter()
            .map(|step| step.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(ids, ["supervisor", "start", "switch"]);
        assert!(planned(&observed, None).is_empty());
    }

    #[test]
    fn what_serves_is_left_alone() {
        let release = Digest::of("new");
        let world = observed(Some("a"), &json!([instance("a", &release, "open")]));
        assert!(planned(&world, Some(&release)).is_empty());
        assert_eq!(planned(&world, None), [r#"stop {"do":"stop"}"#]);
    }

    #[test]
    fn an_interrupted_deploy_goes_on_with_the_instance_it_started() {
        let (old, new) = (Digest::of("old"), Digest::of("new"));
        let world = observed(Some("a"), &json!([instance("a", &old, "open"), instance("b", &new, "ready")]));
        assert_eq!(
            planned(&world, Some(&new)),
            [
                r#"start {"do":"start","instance":"b"}"#,
                r#"switch {"do":"switch","instance":"b"}"#,
                r#"drain {"do":"drain","instances":["a"]}"#,
            ]
        );
        // And one that was given up is cleared away.
        assert_eq!(planned(&world, Some(&old)), [r#"drain {"do":"drain","instances":["b"]}"#]);
    }

    #[test]
    fn a_release_that_crashes_is_replaced_by_a_new_start_of_it() {
        let release = Digest::of("new");
        let world = observed(Some("a"), &json!([instance("a", &release, "restarting")]));
        let steps = planned(&world, Some(&release));
        assert_eq!(steps.len(), 3, "{steps:?}");
        assert!(steps[2].contains(r#"["a"]"#));
    }
}
