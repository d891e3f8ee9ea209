//! The stages of a deployment, and its end.

use std::time::Duration;

use serde_json::Value;

use super::model::{Rollout, Service};
use crate::world::Ground;

/// The stages of a deployment that shifts traffic, in order.
const SHIFTING: [&str; 9] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
];

/// Whether tasks are replaced a few at a time.
pub(super) fn rolling(service: &Service) -> bool {
    service.configuration.get("strategy").and_then(Value::as_str).is_none_or(|strategy| strategy == "ROLLING")
}

/// Whether deployments of it go through all stages.
fn staged(service: &Service) -> bool {
    !rolling(service) || service.habits.pause_at.is_some()
}

fn bake(service: &Service) -> Duration {
    let minutes = service.configuration.get("bakeTimeInMinutes").and_then(Value::as_u64).unwrap_or_default();
    Duration::from_secs(minutes * 60)
}

/// Whether tasks of earlier deployments may be stopped.
pub(super) fn may_drain(service: &Service) -> bool {
    !staged(service)
        || service.primary().is_none_or(|primary| {
            primary.rollout == Rollout::Completed
                || primary.back_from.is_some()
                || service.history.iter().any(|told| told.arn == primary.told && told.stage == "CLEAN_UP")
        })
}

/// Goes on to the next stage where this one is done.
pub(super) fn stages(service: &mut Service, ground: &mut Ground) {
    let Some(primary) = service.primary().cloned() else { return };
    if primary.rollout != Rollout::InProgress || primary.stalled {
        return;
    }
    let (now, desired) = (ground.now, service.desired);
    let own = service.tasks.iter().filter(|task| task.counts() && task.deployment == primary.id);
    let healthy = own.filter(|task| task.well()).count() >= desired;
    let since = if healthy { primary.healthy_since.or(Some(now)) } else { None };
    if let Some(primary) = service.deployment(&primary.id) {
        primary.healthy_since = since;
    }
    let baked = since.is_some_and(|since| now >= since + bake(service));
    let (staged, pause) = (staged(service), service.habits.pause_at.clone());
    let hook = ground.identifiers.short();
    let Some(told) = service.told(&primary.told) else { return };
    if told.status == "PENDING" && now > told.created {
        told.status = "IN_PROGRESS";
        told.started = Some(now);
        told.stage = if staged { "RECONCILE_SERVICE" } else { "SCALE_UP" };
        told.updated = now;
        return;
    }
    if told.status != "IN_PROGRESS" || !staged || told.stage == "CLEAN_UP" {
        return;
    }
    if pause.as_deref() == Some(told.stage) && !primary.continued {
        if told.hook.is_none() {
            told.hook = Some((hook, true));
            told.updated = now;
        }
        return;
    }
    let done = match told.stage {
        "SCALE_UP" => healthy,
        "BAKE_TIME" => baked,
        _ => true,
    };
    if done {
        let at = SHIFTING.iter().position(|stage| *stage == told.stage).unwrap_or_default();
        told.stage = SHIFTING.get(at + 1).copied().unwrap_or("CLEAN_UP");
        told.updated = now;
    }
}

/// Ends the deployment where everything is as it should be.
pub(super) fn complete(service: &mut Service, ground: &mut Ground) {
    let Some(primary) = service.primary().cloned() else { return };
    let living: Vec<_> = service.tasks.iter().filter(|task| task.stopped.is_none()).collect();
    let leaving = service.deployments.iter().any(|one| !one.primary && one.shown_until > ground.now);
    let others = leaving || living.iter().any(|task| task.deployment != primary.id);
    let healthy = living.iter().filter(|task| task.well()).count();
    let steady = !others && healthy == service.desired && living.len() == service.desired;
    if !steady {
        return;
    }
    let now = ground.now;
    if primary.rollout == Rollout::InProgress && !primary.stalled {
        let baked = primary.healthy_since.is_some_and(|since| now >= since + bake(service));
        // Not in the second it began, and only once its last stage is reached.
        if !baked || !may_drain(service) || now <= primary.updated.min(primary.created) {
            return;
        }
        finish(service, ground, &primary.id);
    } else if primary.rollout == Rollout::Completed && !service.steady {
        service.tell(ground, "has reached a steady state.");
        service.steady = true;
    }
}

fn finish(service: &mut Service, ground: &mut Ground, id: &str) {
    let now = ground.now;
    let Some(primary) = service.deployment(id) else { return };
    primary.rollout = Rollout::Completed;
    primary.reason = format!("ECS deployment {id} completed.");
    primary.updated = now;
    let back = primary.back_from.take().is_some();
    let done = primary.clone();
    if let Some(told) = service.told(&done.told) {
        told.status = if back { "ROLLBACK_SUCCESSFUL" } else { "SUCCESSFUL" };
        told.finished = Some(now);
        told.updated = now;
        told.stage = "CLEAN_UP";
        if !back && told.breaker == "MONITORING" {
            told.breaker = "MONITORING_COMPLETE";
        }
    }
    service.completed = Some(done);
    service.steady = true;
    service.tell(ground, &format!("(deployment {id}) deployment completed."));
    service.tell(ground, "has reached a steady state.");
}
