//! What was served before: the revisions of the service's family, by their tags.

use haute_core::error::{ErrorKind, Result};
use haute_core::target::PastRelease;

use super::EcsTarget;
use super::definition::{Identity, identity, short};
use super::observe::{self, Observed, State};
use super::status::serving_deployment;
use super::step::revision;
use crate::aws::error::Permitted;
use crate::config::Update;
use crate::task_definition::TaskDefinition;

/// Revisions in a row that do not exist end the search: deregistered ones still can be read, deleted ones cannot.
const GAP: u64 = 10;

/// The releases the service has had, newest first.
pub(super) async fn history(target: &EcsTarget, limit: usize) -> Result<Option<Vec<PastRelease>>> {
    if matches!(target.config.update, Update::None | Update::MovingTag) {
        return Ok(None);
    }
    let observed = observe::observe(target).await?;
    if observed.definition.as_seen().is_none() {
        return Ok(None);
    }
    let serving = serving_deployment(&observed.service).map(|one| one.task_definition.clone());
    let failed = (observed.state() == State::Failed).then(|| observed.wanted_definition().to_owned());
    let mut past = Vec::new();
    for definition in revisions(target, &observed, limit).await? {
        past.push(told(target, &definition, serving.as_deref(), failed.as_deref()));
    }
    Ok(Some(past))
}

fn told(
    target: &EcsTarget,
    definition: &TaskDefinition,
    serving: Option<&str>,
    failed: Option<&str>,
) -> PastRelease {
    let arn = definition.arn().unwrap_or_default();
    let mut past = PastRelease::new(short(arn));
    past.serving = Some(arn) == serving;
    if let Ok(container) = super::desired::container(target, definition)
        && let Some(image) = definition.image(&container)
    {
        past.details.insert("image".to_owned(), image.to_owned());
    }
    let Some(Identity { tags, served, .. }) = identity(definition) else {
        "not ours".clone_into(&mut past.outcome);
        return past;
    };
    past.verified = tags.verified.is_some();
    let outcome = match (Some(arn) == failed, past.verified, served) {
        (true, ..) => "failed",
        (_, true, _) => "verified",
        (_, _, true) => "served, prices not asked",
        _ => "not verified",
    };
    outcome.clone_into(&mut past.outcome);
    past.release = tags.release;
    past.commit = tags.commit;
    past.who = tags.by;
    past.when = tags.at;
    past
}

/// The newest revisions of the service's family, newest first, at most `most`: as ECS lists them, or, where listing is not
/// allowed, counted down from the latest.
pub(super) async fn revisions(
    target: &EcsTarget,
    observed: &Observed,
    most: usize,
) -> Result<Vec<TaskDefinition>> {
    let Some(family) = family(observed.wanted_definition()) else { return Ok(Vec::new()) };
    if observed.definition.as_seen().is_none() {
        return Ok(Vec::new());
    }
    let aws = target.connection.aws().await?;
    let listed = Permitted::of(aws.ecs.list_task_definitions(family, most.min(100)).await)?;
    let mut found = Vec::new();
    if let Permitted::Seen(answer) = listed {
        let arns = answer.get("taskDefinitionArns").and_then(serde_json::Value::as_array).cloned();
        for arn in arns.unwrap_or_default().iter().filter_map(serde_json::Value::as_str) {
            // `familyPrefix` is one: `motor` finds `motor-staging` too.
            if self::family(arn) == Some(family) {
                found.push(observe::definition(target, arn).await?);
            }
        }
        return Ok(found);
    }
    let latest = match observe::definition(target, family).await {
        Ok(latest) => latest,
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
            return Ok(found);
        }
        Err(error) => return Err(error),
    };
    let mut number = latest.revision().unwrap_or_default();
    found.push(latest);
    let mut missing = 0;
    while found.len() < most && number > 1 && missing < GAP {
        number -= 1;
        match revision(target, family, number).await? {
            Some(definition) => {
                missing = 0;
                found.push(definition);
            }
            None => missing += 1,
        }
    }
    Ok(found)
}

/// The family in an ARN of a revision.
fn family(arn: &str) -> Option<&str> {
    short(arn).rsplit_once(':').map(|(family, _)| family)
}
