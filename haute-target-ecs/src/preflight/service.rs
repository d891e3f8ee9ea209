//! The service: there, of a kind that can be deployed, and at rest.

use haute_core::error::{ErrorKind, Result};
use haute_core::target::Finding;

use super::{failed, fine, unseen, warn};
use crate::config::InFlight;
use crate::model::{Service, Strategy};
use crate::target::{EcsTarget, observe};

pub(super) async fn look(target: &EcsTarget, found: &mut Vec<Finding>) -> Result<Option<Service>> {
    let config = &target.config;
    let subject = format!("service {}", config.service);
    let service = match observe::service(target).await {
        Ok(service) => service,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let fix = error.hints().first().cloned().unwrap_or_default();
            found.push(failed(subject, error.to_string(), fix));
            return Ok(None);
        }
        Err(error) => {
            found.push(unseen(&subject, error)?);
            return Ok(None);
        }
    };
    if let Err(error) = observe::controller(&service) {
        let fix = error.hints().first().cloned().unwrap_or_default();
        found.push(failed(subject, error.to_string(), fix));
        return Ok(None);
    }
    let counts = format!("active, {} of {} tasks run", service.running_count, service.desired_count);
    found.push(if service.desired_count == 0 {
        warn(
            &subject,
            "active, and wants no task: a deployment of it shows nothing",
            format!(
                "aws ecs update-service --cluster {} --service {} --desired-count 1",
                config.cluster, config.service
            ),
        )
    } else {
        fine(&subject, counts)
    });
    found.push(breaker(target, &service));
    if let Some(finding) = in_flight(target, &service) {
        found.push(finding);
    }
    Ok(Some(service))
}

fn breaker(target: &EcsTarget, service: &Service) -> Finding {
    let configuration = &service.deployment_configuration;
    let config = &target.config;
    let subject = "circuit breaker";
    if !matches!(configuration.strategy, Strategy::Rolling) {
        return fine(subject, format!("not used with the strategy {:?}", configuration.strategy));
    }
    let fix = format!(
        "aws ecs update-service --cluster {} --service {} --deployment-configuration 'deploymentCircuitBreaker={{enable=true,rollback=true}}'",
        config.cluster, config.service
    );
    match (configuration.circuit_breaker.enable, configuration.circuit_breaker.rollback) {
        (true, true) => fine(subject, "on, and goes back by itself"),
        (true, false) => warn(subject, "on, and leaves the service as it is when it trips", fix),
        (false, _) => {
            let detail = format!(
                "off: failing tasks are started again and again; this gives up after {}",
                config.max_failed_tasks
            );
            warn(subject, detail, fix)
        }
    }
}

fn in_flight(target: &EcsTarget, service: &Service) -> Option<Finding> {
    if observe::state(service) != observe::State::UnderWay {
        return Some(fine("deployment in flight", "none"));
    }
    let primary = service.primary()?;
    let detail = format!(
        "{} to {} is under way",
        primary.id,
        primary.task_definition.rsplit('/').next().unwrap_or_default()
    );
    let subject = "deployment in flight";
    Some(match target.config.in_flight {
        InFlight::Wait => fine(subject, format!("{detail}: it is waited for")),
        InFlight::Supersede => warn(subject, detail, "this deployment replaces it"),
        InFlight::Fail => warn(
            subject,
            detail,
            format!(
                "wait (`haute-cli watch --deployment {}`), or set `in_flight` under [deploy.aws-ecs]",
                primary.id
            ),
        ),
    })
}
