//! Beginning a deployment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::behaviour::{Behaviour, Script};
use super::model::{Deployment, Rollout, Service, ServiceDeployment, ServiceRevision};
use crate::ecs::definitions::TaskDefinition;
use crate::world::Ground;

/// Makes a deployment of `task_definition` the primary one, and gives its id.
pub(crate) fn start(service: &mut Service, ground: &mut Ground, task_definition: &str) -> String {
    let id = format!("ecs-svc/{}", ground.identifiers.digits());
    let images = images(ground, task_definition);
    let revision = ground.identifiers.digits();
    let revision = ground.names.service_revision(&service.cluster, &service.name, &revision);
    let told = ground.identifiers.short();
    let told = ground.names.service_deployment(&service.cluster, &service.name, &told);
    let before = service.primary().cloned();
    supersede(service, ground);
    service.revisions.push(ServiceRevision {
        arn: revision.clone(),
        task_definition: task_definition.to_owned(),
        created: ground.now,
        images: images.clone(),
    });
    service.history.insert(
        0,
        ServiceDeployment {
            arn: told.clone(),
            deployment: id.clone(),
            status: "PENDING",
            reason: None,
            stage: "RECONCILE_SERVICE",
            created: ground.now,
            started: None,
            updated: ground.now,
            finished: None,
            source: before.map(|before| before.revision),
            target: revision.clone(),
            breaker: if service.switch("deploymentCircuitBreaker", "enable") {
                "MONITORING"
            } else {
                "DISABLED"
            },
            failures: 0,
            alarms: Vec::new(),
            rollback: None,
            hook: None,
        },
    );
    let deployment = Deployment {
        id: id.clone(),
        primary: true,
        task_definition: task_definition.to_owned(),
        created: ground.now,
        updated: ground.now,
        rollout: Rollout::InProgress,
        reason: format!("ECS deployment {id} in progress."),
        failed: 0,
        behaviour: behaviour(service, ground, task_definition),
        images,
        revision,
        told,
        launch_after: ground.now,
        stalled: false,
        back_from: None,
        healthy_since: None,
        shown_until: Duration::ZERO,
        continued: false,
    };
    service.deployments.insert(0, deployment);
    task_definition.clone_into(&mut service.task_definition);
    service.steady = false;
    for (after, happening) in std::mem::take(&mut service.upcoming) {
        service.happenings.push((ground.now + after, happening));
    }
    id
}

/// Takes the first place away from what is primary; what it had begun is stopped.
pub(crate) fn supersede(service: &mut Service, ground: &Ground) {
    let now = ground.now;
    let mut ended = Vec::new();
    for deployment in service.deployments.iter_mut().filter(|deployment| deployment.primary) {
        deployment.primary = false;
        deployment.updated = now;
        ended.push(deployment.told.clone());
    }
    for told in service.history.iter_mut().filter(|told| ended.contains(&told.arn)) {
        if matches!(told.status, "PENDING" | "IN_PROGRESS" | "ROLLBACK_IN_PROGRESS") {
            told.status = if told.status == "ROLLBACK_IN_PROGRESS" { "ROLLBACK_FAILED" } else { "STOPPED" };
            told.reason = Some("Service deployment stopped because of new deployment".to_owned());
            told.finished = Some(now);
            told.updated = now;
        }
    }
}

/// How the tasks of a new deployment fare: as the script says that names it closest.
fn behaviour(service: &Service, ground: &Ground, task_definition: &str) -> Behaviour {
    let images = images(ground, task_definition);
    let fits = |script: &Script| match script {
        Script::Revision(name) => {
            task_definition == name || task_definition.ends_with(&format!("task-definition/{name}"))
        }
        Script::Image(part) => images.values().any(|(image, digest)| {
            image.contains(part.as_str()) || digest.as_ref().is_some_and(|digest| digest == part)
        }),
        Script::Service(name) => *name == service.name,
    };
    let rank = |script: &Script| match script {
        Script::Revision(_) => 2,
        Script::Image(_) => 1,
        Script::Service(_) => 0,
    };
    let fitting = ground.scripts.iter().filter(|(script, _)| fits(script));
    // The last one of the highest rank.
    fitting
        .max_by_key(|(script, _)| rank(script))
        .map_or_else(|| usual(service, ground, &images), |(_, behaviour)| behaviour.clone())
}

/// How tasks fare where no script says anything: those of the fake's own registry as their containers do, where there is an
/// engine to run them.
fn usual(
    service: &Service,
    ground: &Ground,
    images: &BTreeMap<String, (String, Option<String>)>,
) -> Behaviour {
    let own = format!("{}/", ground.registry);
    let runs =
        ground.engine && service.habits.engine && images.values().any(|(image, _)| image.starts_with(&own));
    if runs { Behaviour::Engine } else { Behaviour::Healthy }
}

/// The images of a task definition by container, each with the digest it names or its tag leads to.
pub(crate) fn images(ground: &Ground, task_definition: &str) -> BTreeMap<String, (String, Option<String>)> {
    let containers = ground.definition(task_definition).map(TaskDefinition::containers);
    let containers = containers.unwrap_or_default().into_iter();
    let text = |container: &Value, name: &str| container.get(name)?.as_str().map(str::to_owned);
    containers
        .filter_map(|container| {
            let image = text(&container, "image")?;
            let digest = ground.digest_of(&image);
            Some((text(&container, "name")?, (image, digest)))
        })
        .collect()
}
