//! What a read means.

use super::outcome::{Counts, Newer, Pause, Rollout};
use super::text::{is_same_revision, revision_name, tasks};
use super::watch::Watch;
use super::watched::Watched;
use crate::model::{Deployment, RolloutState, Service, ServiceDeployment, ServiceDeploymentStatus, Strategy};

/// The deployment, or one that carries the same, is the one that is to serve.
pub(super) fn of_primary(
    watch: &mut Watch,
    deployment: &Deployment,
    service: &Service,
    told: Option<&ServiceDeployment>,
) -> Rollout {
    let wanted = &watch.watched.task_definition;
    if !is_same_revision(&deployment.task_definition, wanted) {
        return Rollout::Failed {
            reason: format!(
                "deployment {} runs {}, not {}",
                deployment.id,
                revision_name(&deployment.task_definition),
                revision_name(wanted)
            ),
        };
    }
    let counts = Counts::of(deployment, service);
    // The state is the last word where there is one: the other API may tell of another deployment.
    let completed = match deployment.rollout_state {
        Some(state) => state == RolloutState::Completed,
        None => told.and_then(|told| told.status) == Some(ServiceDeploymentStatus::Successful),
    };
    if completed {
        return of_completed(watch, counts, service);
    }
    watch.seen.unclean = 0;
    match deployment.rollout_state {
        Some(RolloutState::Failed) => of_failed(watch, deployment, service),
        Some(_) => of_unfinished(watch, counts, service, has_breaker(service)),
        None => {
            // A deployment without tasks may stay in the list for a while.
            let settled = counts.others == 0 && counts.running == counts.desired && counts.pending == 0;
            watch.seen.settled = if settled { watch.seen.settled + 1 } else { 0 };
            if watch.seen.settled >= watch.rules.settled_reads {
                return of_completed(watch, counts, service);
            }
            // Without a state there is no circuit breaker either.
            of_unfinished(watch, counts, service, false)
        }
    }
}

/// ECS calls it completed. It is a success once nothing else answers and something does.
fn of_completed(watch: &mut Watch, counts: Counts, service: &Service) -> Rollout {
    let wanted = watch.watched.task_definition.as_str();
    let open = if !service.task_definition.is_empty() && !is_same_revision(&service.task_definition, wanted) {
        Some(format!("the service is to run {} by now", revision_name(&service.task_definition)))
    } else if counts.others > 0 {
        Some(format!("{} of other deployments still there", tasks(counts.others)))
    } else if counts.desired > 0 && counts.running <= 0 {
        Some(format!("none of its {} runs", tasks(counts.desired)))
    } else {
        None
    };
    let Some(open) = open else {
        watch.seen.unclean = 0;
        return Rollout::Succeeded { running: counts.running.max(0) };
    };
    watch.seen.unclean += 1;
    if watch.seen.unclean > watch.rules.patient_reads {
        return Rollout::Stalled { reason: format!("ECS calls it completed, and {open}") };
    }
    Rollout::InProgress { message: format!("completed; {open}"), counts }
}

/// ECS calls it failed, and it is still the one that is to serve: either it stays so, or ECS is about to go back.
fn of_failed(watch: &mut Watch, deployment: &Deployment, service: &Service) -> Rollout {
    watch.seen.failed += 1;
    watch.learn_failure(deployment);
    let reason = reason_of(deployment);
    let configuration = &service.deployment_configuration;
    let goes_back = (configuration.circuit_breaker.enable && configuration.circuit_breaker.rollback)
        || (configuration.alarms.enable && configuration.alarms.rollback);
    let target = watch.watched.baseline.as_ref().filter(|baseline| baseline.completed);
    match target {
        Some(target) if goes_back && watch.seen.failed <= watch.rules.stale_reads => {
            let to = target.task_definition.clone();
            Rollout::GoingBack { reason, counts: counts_of(&to, service), to }
        }
        None if goes_back => Rollout::Failed {
            reason: format!("{reason}; there is no completed deployment that ECS could go back to"),
        },
        Some(_) | None => Rollout::Failed { reason },
    }
}

/// It is under way: does anything come of it?
fn of_unfinished(watch: &mut Watch, counts: Counts, service: &Service, breaker: bool) -> Rollout {
    let failed = counts.failed;
    if breaker {
        let threshold = breaker_threshold(service, counts.desired);
        watch.seen.tripped = if failed >= threshold { watch.seen.tripped + 1 } else { 0 };
        let no_way_back = watch.watched.baseline.as_ref().is_none_or(|baseline| !baseline.completed);
        let patience = if no_way_back { watch.rules.stale_reads } else { watch.rules.patient_reads };
        if watch.seen.tripped > patience {
            let why =
                if no_way_back { ": there is no completed deployment that it could go back to" } else { "" };
            return Rollout::Stalled {
                reason: format!(
                    "{} failed in a row, and the circuit breaker does not end it{why}",
                    tasks(failed)
                ),
            };
        }
    } else if failed >= watch.rules.most_failed_tasks {
        return Rollout::Stalled {
            reason: format!("{} failed in a row, and no circuit breaker ends it", tasks(failed)),
        };
    }
    Rollout::InProgress { message: counts.say(&watch.watched.task_definition), counts }
}

/// Another deployment is the one that is to serve.
pub(super) fn of_another(
    watch: &mut Watch,
    primary: &Deployment,
    service: &Service,
    told: Option<&ServiceDeployment>,
) -> Rollout {
    if carries_the_same(watch, primary) {
        return of_primary(watch, primary, service, told);
    }
    if went_back(watch, primary, told) {
        watch.seen.back = Some(primary.id.clone());
        return of_going_back(watch, primary, service, told);
    }
    Rollout::Superseded {
        by: Newer {
            deployment: primary.id.clone(),
            task_definition: primary.task_definition.clone(),
            created_at: primary.created_at,
        },
    }
}

/// Somebody deployed the same revision again: what serves when that is done is what was wanted.
///
/// Only where the image is pinned: else the same task definition may mean another image by now.
fn carries_the_same(watch: &Watch, primary: &Deployment) -> bool {
    let watched = &watch.watched;
    watched.image_is_pinned
        && is_same_revision(&primary.task_definition, &watched.task_definition)
        && watch.seen.failure.is_none()
        && !watched.is_baseline(primary)
        && (watched.changes_revision() || watched.began_before(primary))
}

/// Whether ECS, or somebody, brought back an earlier revision, rather than a new one.
fn went_back(watch: &Watch, primary: &Deployment, told: Option<&ServiceDeployment>) -> bool {
    let watched = &watch.watched;
    if watch.seen.back.as_ref() == Some(&primary.id) {
        return true;
    }
    if watched.is_baseline(primary) || watched.began_after(primary) || told.is_some_and(is_rolling_back) {
        return true;
    }
    if watched.has_baseline_revision(primary) {
        // The same revision as before, begun anew. Where all revisions are one, only ECS's own words tell who began it.
        return watched.changes_revision() || watch.seen.failure.is_some() || says_rollback(primary);
    }
    let dated = watched.began_before(primary);
    is_earlier_revision(&primary.task_definition, watched)
        && (!dated || watch.seen.failure.is_some() || says_rollback(primary))
}

fn of_going_back(
    watch: &Watch,
    primary: &Deployment,
    service: &Service,
    told: Option<&ServiceDeployment>,
) -> Rollout {
    let counts = Counts::of(primary, service);
    let reason = why_failed(watch, primary, told);
    let to = primary.task_definition.clone();
    let name = revision_name(&primary.task_definition);
    match primary.rollout_state {
        Some(RolloutState::Completed) => Rollout::RolledBack { reason, to },
        Some(RolloutState::Failed) => Rollout::Failed {
            reason: format!("{reason}; going back to {name} failed too: {}", reason_of(primary)),
        },
        None if counts.running == counts.desired && counts.pending == 0 => Rollout::RolledBack { reason, to },
        _ if counts.failed >= watch.rules.most_failed_tasks => Rollout::Failed {
            reason: format!(
                "{reason}; {name} does not come up either: {} failed in a row",
                tasks(counts.failed)
            ),
        },
        _ => Rollout::GoingBack { reason, to, counts },
    }
}

/// What the other API adds. It never makes a success of anything.
pub(super) fn with_service_deployment(
    watch: &Watch,
    said: Rollout,
    told: &ServiceDeployment,
    service: &Service,
) -> Rollout {
    use ServiceDeploymentStatus as Status;
    if matches!(said, Rollout::Gone { .. } | Rollout::Superseded { .. }) {
        return said;
    }
    let back_to = || {
        let primary = service.primary().map(|primary| primary.task_definition.as_str());
        let baseline = watch.watched.baseline.as_ref().map(|baseline| baseline.task_definition.as_str());
        let other = primary.filter(|primary| !is_same_revision(primary, &watch.watched.task_definition));
        other.or(baseline).unwrap_or_default().to_owned()
    };
    let reason = || told_reason(told).unwrap_or_else(|| "ECS rolled it back".to_owned());
    match told.status {
        Some(Status::RollbackSuccessful) => match said {
            Rollout::RolledBack { .. } => said,
            _ => Rollout::RolledBack { reason: failure_words(watch).unwrap_or_else(reason), to: back_to() },
        },
        Some(Status::RollbackRequested | Status::RollbackInProgress) => match said {
            Rollout::RolledBack { .. } | Rollout::Failed { .. } | Rollout::GoingBack { .. } => said,
            _ => {
                let to = back_to();
                let reason = failure_words(watch).unwrap_or_else(reason);
                Rollout::GoingBack { reason, counts: counts_of(&to, service), to }
            }
        },
        Some(Status::RollbackFailed) => {
            Rollout::Failed { reason: format!("going back failed too: {}", reason()) }
        }
        Some(Status::Stopped) => match said {
            Rollout::RolledBack { .. } | Rollout::GoingBack { .. } | Rollout::Failed { .. } => said,
            _ => Rollout::Failed {
                reason: told_reason(told).unwrap_or_else(|| "the deployment was stopped".to_owned()),
            },
        },
        Some(Status::Pending | Status::InProgress | Status::StopRequested) => match (&said, told.paused_at())
        {
            (
                Rollout::InProgress { .. } | Rollout::Succeeded { .. } | Rollout::Stalled { .. },
                Some(hook),
            ) => Rollout::Paused {
                at: Pause {
                    service_deployment: told.service_deployment_arn.clone(),
                    hook: hook.hook_id.clone(),
                    stage: told.lifecycle_stage.clone(),
                    expires_at: hook.expires_at,
                    then: hook.timeout_action.clone(),
                },
            },
            (Rollout::Succeeded { running }, None) => Rollout::InProgress {
                message: format!(
                    "completed; ECS is not done yet{}",
                    told.lifecycle_stage
                        .as_ref()
                        .map(|stage| format!(", in stage {stage}"))
                        .unwrap_or_default()
                ),
                counts: Counts { running: *running, ..Counts::default() },
            },
            _ => said,
        },
        Some(Status::Successful | Status::Unknown) | None => said,
    }
}

/// The tasks of a revision, where the service shows a deployment of it.
fn counts_of(task_definition: &str, service: &Service) -> Counts {
    let deployment = service
        .deployments
        .iter()
        .find(|deployment| is_same_revision(&deployment.task_definition, task_definition));
    deployment.map(|deployment| Counts::of(deployment, service)).unwrap_or_default()
}

/// Why a deployment failed.
fn reason_of(deployment: &Deployment) -> String {
    words_of(deployment)
        .unwrap_or_else(|| format!("ECS calls deployment {} failed and does not say why", deployment.id))
}

/// ECS's words about a deployment's state.
pub(super) fn words_of(deployment: &Deployment) -> Option<String> {
    let words = deployment.rollout_state_reason.as_deref()?.trim().trim_end_matches('.');
    (!words.is_empty()).then(|| words.to_owned())
}

fn told_reason(told: &ServiceDeployment) -> Option<String> {
    let rollback = told.rollback.as_ref().and_then(|rollback| rollback.reason.as_deref());
    let said = [rollback, told.status_reason.as_deref()]
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|said| !said.is_empty());
    if let Some(said) = said {
        return Some(said.trim_end_matches('.').to_owned());
    }
    let alarms = &told.alarms.triggered_alarm_names;
    (!alarms.is_empty()).then(|| format!("alarm {} went off", alarms.join(", ")))
}

fn why_failed(watch: &Watch, primary: &Deployment, told: Option<&ServiceDeployment>) -> String {
    let ours = &watch.watched.deployment;
    failure_words(watch)
        .or_else(|| told.and_then(told_reason))
        .or_else(|| says_rollback(primary).then(|| reason_of(primary)))
        .unwrap_or_else(|| match (&watch.seen.failure, watch.seen.shown) {
            (Some(_), _) => format!("ECS calls deployment {ours} failed and does not say why"),
            (None, true) => format!("deployment {ours} was taken back"),
            (None, false) => format!("ECS never showed deployment {ours}"),
        })
}

/// Why the deployment failed, where ECS said so while it was shown.
fn failure_words(watch: &Watch) -> Option<String> {
    watch.seen.failure.clone().filter(|words| !words.is_empty())
}

fn is_rolling_back(told: &ServiceDeployment) -> bool {
    use ServiceDeploymentStatus as Status;
    matches!(
        told.status,
        Some(Status::RollbackRequested | Status::RollbackInProgress | Status::RollbackSuccessful)
    )
}

/// `ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/…`
fn says_rollback(deployment: &Deployment) -> bool {
    let reason = deployment.rollout_state_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
    reason.contains("rolling back") || reason.contains("rollback")
}

/// Whether a revision is of the same family and older than the one that is followed.
fn is_earlier_revision(task_definition: &str, watched: &Watched) -> bool {
    let split = |arn: &str| {
        let (family, revision) = arn.rsplit_once(':')?;
        Some((family.to_owned(), revision.parse::<u64>().ok()?))
    };
    match (split(revision_name(task_definition)), split(revision_name(&watched.task_definition))) {
        (Some((family, revision)), Some((our_family, ours))) => family == our_family && revision < ours,
        _ => false,
    }
}

/// Whether ECS ends the deployment when its tasks keep failing: only where tasks are replaced one by one.
fn has_breaker(service: &Service) -> bool {
    let configuration = &service.deployment_configuration;
    configuration.circuit_breaker.enable && configuration.strategy == Strategy::Rolling
}

/// At how many failed tasks the circuit breaker trips:
/// [the documented rule](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
fn breaker_threshold(service: &Service, desired: i64) -> i64 {
    let percent = |value: i64| {
        desired.max(0).saturating_mul(value.clamp(1, 100)).div_euclid(100)
            + i64::from(desired.max(0).saturating_mul(value.clamp(1, 100)).rem_euclid(100) != 0)
    };
    let configured = service.deployment_configuration.circuit_breaker.threshold_configuration.as_ref();
    match configured.map(|configured| (configured.kind.as_str(), configured.value)) {
        Some(("COUNT", Some(count))) => count.max(1),
        Some(("UNBOUNDED_PERCENT", Some(value))) => percent(value).max(1),
        Some(("BOUNDED_PERCENT", Some(value))) => percent(value).clamp(3, 200),
        _ => percent(50).clamp(3, 200),
    }
}
