//! Pointing the service at a revision, once, and only where it is still what the plan saw.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::{StepOutcome, StepRequest};
use serde_json::{Value, json};

use super::super::EcsTarget;
use super::super::definition::short;
use super::super::diff::REGISTER;
use super::super::observe::{self, read, wanted_definition};
use super::super::remembered::{self, LastDeployment};
use super::{IMAGE, earlier, text};
use crate::config::Update;
use crate::model::{Deployment, Service, UpdateServiceAnswer};
use crate::rollout::{Baseline, Watched};

pub(super) async fn update(target: &EcsTarget, request: &StepRequest<'_>) -> Result<StepOutcome> {
    let payload = &request.step.payload;
    let named = text(payload, "task_definition");
    let wanted = if named.is_empty() { earlier(request, REGISTER, "task_definition") } else { named };
    if wanted.is_empty() {
        return Err(Error::new(
            ErrorKind::StalePlan,
            "the revision is not known: its registration is not part of this run",
        )
        .with_hint("plan again"));
    }
    let flag = |key: &str| payload.get(key).and_then(Value::as_bool).unwrap_or_default();
    // Read immediately before the write: what is compared is what is there now.
    let service = observe::service(target).await?;
    let (planned, now) = (text(payload, "primary"), service.primary());
    let now_id = now.map(|deployment| deployment.id.as_str()).unwrap_or_default();
    let is_wanted = is_definition(wanted_definition(&service), wanted);
    // An attempt that was cut off after it took effect, or somebody who wants the very same.
    let done = is_wanted && (flag("follow") || now_id != planned || !flag("force"));
    if done {
        let known = Baseline {
            deployment: planned.to_owned(),
            task_definition: text(payload, "baseline").to_owned(),
            completed: true,
        };
        let mut watched = now.map(|now| Watched::new(&now.id, &now.task_definition));
        if let (Some(watched), Some(now)) = (&mut watched, now) {
            watched.created_at = now.created_at;
            // What was there before is known only where the plan saw it.
            watched.baseline = (now.id != planned).then_some(known);
        }
        return finish(target, request, watched, wanted, false);
    }
    if now_id != planned {
        return Err(changed(payload, &service, now));
    }
    let mut body = json!({
        "cluster": target.config.cluster,
        "service": target.config.service,
        "taskDefinition": wanted,
    });
    if flag("force")
        && let Some(fields) = body.as_object_mut()
    {
        fields.insert("forceNewDeployment".to_owned(), true.into());
    }
    let answer = target.connection.aws().await?.ecs.update_service(&body).await?;
    let answer: UpdateServiceAnswer = read(answer, "ecs.UpdateService")?;
    let watched = Watched::after_update(&service, &answer.service);
    finish(target, request, watched, wanted, true)
}

/// Whether `arn` is the definition that was named, by ARN, by `family:revision` or by the family alone.
fn is_definition(arn: &str, named: &str) -> bool {
    let (arn, named) = (short(arn), short(named));
    arn == named || !named.contains(':') && arn.rsplit_once(':').is_some_and(|(family, _)| family == named)
}

fn finish(
    target: &EcsTarget,
    request: &StepRequest<'_>,
    watched: Option<Watched>,
    wanted: &str,
    asked: bool,
) -> Result<StepOutcome> {
    let mut watched = watched.ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, "the service was updated and names no deployment")
            .with_operation("ecs.UpdateService")
    })?;
    let payload = &request.step.payload;
    let image =
        [text(payload, "image"), earlier(request, REGISTER, "image"), earlier(request, IMAGE, "image")]
            .into_iter()
            .find(|image| image.contains('@'))
            .map(str::to_owned);
    watched.image_is_pinned = target.config.update == Update::Register;
    if watched.task_definition.is_empty() {
        wanted.clone_into(&mut watched.task_definition);
    }
    let definition = watched.task_definition.as_str();
    // A deployment of another revision is not this release, whatever the service was told.
    if let Some(release) = request.plan.release.as_ref().filter(|_| is_definition(definition, wanted)) {
        let planned = |key: &str| {
            request.plan.steps.iter().find_map(|step| step.payload.get(key)?.as_str().map(str::to_owned))
        };
        let known = remembered::read(target)?.filter(|last| last.task_definition == definition);
        let last = LastDeployment {
            task_definition: definition.to_owned(),
            deployment: watched.deployment.clone(),
            release: release.clone(),
            image_key: planned("image_key")
                .as_deref()
                .and_then(Digest::parse)
                .or_else(|| known.as_ref().and_then(|last| last.image_key.clone())),
            image: image.clone(),
            image_tag: planned("image_tag").or_else(|| known.and_then(|last| last.image_tag)),
        };
        remembered::write(target, &last)?;
    }
    Ok(StepOutcome::new(json!({
        "deployment": watched.deployment,
        "task_definition": definition,
        "image": image,
        "asked": asked,
        "watched": watched,
    })))
}

fn changed(payload: &Value, service: &Service, now: Option<&Deployment>) -> Error {
    let who = now.map_or_else(
        || "nothing".to_owned(),
        |deployment| format!("{} to {}", deployment.id, short(&deployment.task_definition)),
    );
    Error::new(
        ErrorKind::StalePlan,
        "the service was changed since the plan was made; it was not touched by this deployment",
    )
    .with_operation("ecs.UpdateService")
    .with_context("service", service.service_name.clone())
    .with_context("planned for", text(payload, "primary").to_owned())
    .with_context("there now", who)
    .with_hint(
        "plan again and look at what somebody else deployed; in CI, a concurrency group keeps two jobs apart",
    )
}
