//! A second in the life of a service.

use std::time::Duration;

use super::behaviour::{Behaviour, Happening, Script};
use super::model::{Change, Rollout, Service};
use super::{breaker, changes, complete, launch, start};
use crate::world::Ground;

/// How long stopped tasks can be seen.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Lets happen what is due; whether the service is there afterwards.
pub(crate) fn step(service: &mut Service, ground: &mut Ground) -> bool {
    let (due, later) = service.happenings.drain(..).partition(|(at, _)| *at <= ground.now);
    service.happenings = later;
    let due: Vec<(Duration, Happening)> = due;
    for (_, happening) in due {
        if !happen(service, ground, happening) {
            return false;
        }
    }
    changes::changes(service, ground);
    if service.status == "ACTIVE" && service.controller == "ECS" {
        breaker::watch(service, ground);
        complete::stages(service, ground);
        launch_tasks(service, ground);
        stop_tasks(service, ground);
        complete::complete(service, ground);
    } else if service.status != "ACTIVE" {
        let ids = all(service);
        changes::drain(service, ground, &ids, "none");
    }
    let now = ground.now;
    service.tasks.retain(|task| task.stopped.is_none_or(|stopped| stopped + REMEMBERED > now));
    let living: Vec<String> = service
        .tasks
        .iter()
        .filter(|task| task.stopped.is_none())
        .map(|task| task.deployment.clone())
        .collect();
    service.deployments.retain(|deployment| {
        deployment.primary || living.contains(&deployment.id) || deployment.shown_until > now
    });
    true
}

/// Lets a thing happen now; whether the service is there afterwards.
pub(crate) fn happen(service: &mut Service, ground: &mut Ground, happening: Happening) -> bool {
    match happening {
        Happening::Update(name) => {
            if let Some(arn) = ground.resolve(&name).map(|definition| definition.arn.clone()) {
                start::start(service, ground, &arn);
            }
        }
        Happening::Force => {
            let same = service.task_definition.clone();
            start::start(service, ground, &same);
        }
        Happening::Scale(desired) => {
            service.desired = desired;
            service.steady = false;
        }
        Happening::Alarm(name) => breaker::alarm(service, ground, &name),
        Happening::Drain => service.status = "DRAINING",
        Happening::Deactivate => service.status = "INACTIVE",
        Happening::Remove => return false,
        Happening::CrashAll => {
            for task in service.tasks.iter_mut().filter(|task| task.runs() && !task.engine) {
                let end = Change::Exit { code: 1, reason: None, log: Vec::new() };
                task.course.push_front((ground.now, end));
            }
        }
        Happening::Behave(behaviour) => {
            for deployment in service.deployments.iter_mut().chain(&mut service.completed) {
                deployment.behaviour = behaviour.clone();
            }
            ground.scripts.push((Script::Service(service.name.clone()), behaviour));
        }
    }
    true
}

fn all(service: &Service) -> Vec<String> {
    service.tasks.iter().filter(|task| task.counts()).map(|task| task.id.clone()).collect()
}

fn launch_tasks(service: &mut Service, ground: &mut Ground) {
    let Some(primary) = service.primary().cloned() else { return };
    if primary.stalled || primary.rollout == Rollout::Failed || ground.now < primary.launch_after {
        return;
    }
    let counting = |of_primary: bool| {
        let tasks = service.tasks.iter().filter(|task| task.counts());
        tasks.filter(|task| (task.deployment == primary.id) == of_primary).count()
    };
    let (own, others) = (counting(true), counting(false));
    let most = if complete::rolling(service) {
        service.desired * service.percent("maximumPercent", 200) / 100
    } else {
        service.desired * 2
    };
    let count = service.desired.saturating_sub(own).min(most.saturating_sub(own + others));
    if count == 0 {
        return;
    }
    if primary.behaviour == Behaviour::NoCapacity {
        service.tell_once(
            ground,
            "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        );
        return;
    }
    let mut names = String::new();
    for _ in 0..count {
        let task = launch::launch(&primary, ground);
        names = format!("{names} (task {})", task.id);
        service.tasks.push(task);
    }
    service.steady = false;
    service.tell(ground, &format!("has started {count} tasks:{names}."));
}

fn stop_tasks(service: &mut Service, ground: &mut Ground) {
    let Some(primary) = service.primary().cloned() else { return };
    let (own, others): (Vec<_>, Vec<_>) =
        service.tasks.iter().filter(|task| task.counts()).partition(|task| task.deployment == primary.id);
    let mut ids: Vec<String> = own.iter().skip(service.desired).map(|task| task.id.clone()).collect();
    let failed = |id: &str| {
        service
            .deployments
            .iter()
            .any(|deployment| deployment.id == id && deployment.rollout == Rollout::Failed)
    };
    // What was given up is of no use; what went before is, until enough is healthy without it.
    let least = if complete::rolling(service) { service.percent("minimumHealthyPercent", 100) } else { 100 };
    let least = (service.desired * least).div_ceil(100);
    let well = |task: &&&super::model::Task| task.well();
    let mut healthy =
        own.iter().take(service.desired).filter(well).count() + others.iter().filter(well).count();
    let going_on = !primary.stalled && primary.rollout != Rollout::Failed && complete::may_drain(service);
    for task in others {
        let spare = if task.well() { healthy > least } else { true };
        if failed(&task.deployment) || (going_on && spare) {
            if task.well() {
                healthy = healthy.saturating_sub(1);
            }
            ids.push(task.id.clone());
        }
    }
    changes::drain(service, ground, &ids, &primary.id);
}
