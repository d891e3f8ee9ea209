//! Giving up a deployment, and going back from it.

use std::time::Duration;

use super::model::{Rollout, Service};
use crate::world::Ground;

/// After how many failures the circuit breaker gives a deployment up: half of what is desired, rounded up, at least 3 and at
/// most 200, unless the service says otherwise.
pub(crate) fn threshold(service: &Service) -> usize {
    let configured = service
        .configuration
        .get("deploymentCircuitBreaker")
        .and_then(|breaker| breaker.get("thresholdConfiguration"))
        .and_then(|threshold| {
            let value = usize::try_from(threshold.get("value")?.as_u64()?).ok()?;
            let percent = (service.desired * value).div_ceil(100);
            match threshold.get("type")?.as_str()? {
                "COUNT" => Some(value),
                "BOUNDED_PERCENT" => Some(percent.clamp(3, 200)),
                "UNBOUNDED_PERCENT" => Some(percent.max(1)),
                _ => None,
            }
        });
    configured.unwrap_or_else(|| service.desired.div_ceil(2).clamp(3, 200))
}

/// Gives the primary deployment up where too many of its tasks failed.
pub(super) fn watch(service: &mut Service, ground: &mut Ground) {
    let limit = threshold(service);
    let Some(primary) = service.primary() else { return };
    let (id, failed) = (primary.id.clone(), primary.failed);
    if failed >= 6 {
        service.tell_once(
            ground,
            "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        );
    }
    let Some(primary) = service.primary() else { return };
    if primary.rollout != Rollout::InProgress
        || primary.stalled
        || !service.switch("deploymentCircuitBreaker", "enable")
        || failed < limit
    {
        return;
    }
    let back = service.switch("deploymentCircuitBreaker", "rollback");
    let told = primary.told.clone();
    if let Some(told) = service.told(&told) {
        told.breaker = "TRIGGERED";
    }
    give_up(service, ground, &id, "tasks failed to start", "ECS deployment circuit breaker", back);
}

/// Gives a deployment up because an alarm of the service went off.
pub(super) fn alarm(service: &mut Service, ground: &mut Ground, name: &str) {
    let listed = service.configuration.get("alarms").and_then(|alarms| alarms.get("alarmNames"));
    let listed = listed.and_then(serde_json::Value::as_array).into_iter().flatten();
    let known = listed.filter_map(serde_json::Value::as_str).any(|one| one == name);
    let Some(primary) = service.primary() else { return };
    let (id, told) = (primary.id.clone(), primary.told.clone());
    if !known || !service.switch("alarms", "enable") || primary.rollout != Rollout::InProgress {
        return;
    }
    if let Some(told) = service.told(&told) {
        told.alarms.push(name.to_owned());
    }
    let back = service.switch("alarms", "rollback");
    give_up(service, ground, &id, "alarm detected", "ECS deployment", back);
}

fn give_up(service: &mut Service, ground: &mut Ground, id: &str, why: &str, who: &str, back: bool) {
    let now = ground.now;
    let going_back = service.deployment(id).is_some_and(|deployment| deployment.back_from.is_some());
    if back && !going_back && service.completed.is_none() {
        // There is nothing to go back to: nothing more is launched, and it stays as it is.
        service.tell(ground, &format!("(deployment {id}) deployment failed: {why}."));
        if let Some(deployment) = service.deployment(id) {
            deployment.stalled = true;
            deployment.updated = now;
        }
        return;
    }
    service.tell(ground, &format!("(deployment {id}) deployment failed: {why}."));
    let Some(deployment) = service.deployment(id) else { return };
    deployment.rollout = Rollout::Failed;
    deployment.reason = format!("{who}: {why}.");
    deployment.updated = now;
    let (told, from) = (deployment.told.clone(), deployment.back_from.clone());
    if from.is_some() {
        if let Some(told) = service.told(&told) {
            told.status = "ROLLBACK_FAILED";
            told.finished = Some(now);
            told.updated = now;
        }
    } else if back {
        go_back(service, ground, id, who, &format!("Service deployment rolled back because of {why}."));
    } else if let Some(told) = service.told(&told) {
        told.status = "STOPPED";
        told.reason = Some(format!("Service deployment stopped because {why}."));
        told.finished = Some(now);
        told.updated = now;
    }
}

/// Goes back from a deployment to the last one that completed; `false` when there is none.
pub(crate) fn go_back(service: &mut Service, ground: &mut Ground, id: &str, who: &str, why: &str) -> bool {
    let now = ground.now;
    let Some(mut target) = service.completed.clone() else { return false };
    let still = service.deployments.iter().position(|deployment| deployment.id == target.id);
    if let Some(at) = still
        && !service.habits.new_id_for_rollback
    {
        target = service.deployments.remove(at);
    } else {
        target.id = format!("ecs-svc/{}", ground.identifiers.digits());
        target.created = now;
        target.launch_after = now;
    }
    let Some(failing) = service.deployment(id) else { return false };
    failing.primary = false;
    failing.rollout = Rollout::Failed;
    failing.updated = now;
    failing.shown_until = now + ground.timings.stop.max(Duration::from_secs(1));
    if !failing.reason.contains("fail") {
        failing.reason = format!("{who}: {why}");
    }
    let told = failing.told.clone();
    target.primary = true;
    target.rollout = Rollout::InProgress;
    target.reason = format!("{who}: rolling back to deploymentId {}.", target.id);
    target.updated = now;
    target.failed = 0;
    target.stalled = false;
    target.back_from = Some(id.to_owned());
    target.healthy_since = None;
    target.told.clone_from(&told);
    if let Some(told) = service.told(&told) {
        told.status = "ROLLBACK_IN_PROGRESS";
        told.reason = Some(why.to_owned());
        told.updated = now;
        told.rollback = Some((why.to_owned(), now, target.revision.clone()));
        told.hook = None;
    }
    service.tell(ground, &format!("rolling back to deployment {}.", target.id));
    target.task_definition.clone_into(&mut service.task_definition);
    service.deployments.insert(0, target);
    true
}
