//! Registering a revision, once.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::record::Origin;
use haute_core::target::{Context, StepOutcome, StepRequest};
use serde_json::json;

use super::super::EcsTarget;
use super::super::definition::{registration, release_of, short};
use super::super::observe;
use super::{IMAGE, earlier, text};
use crate::aws::error::missing_action;
use crate::task_definition::{HauteTags, TaskDefinition};

/// How many of a family's newest revisions are looked at for one that is already what is wanted.
const NEWEST: u64 = 3;

/// Registers the revision the plan means, unless one of the newest is that already: from an attempt that was cut off after it
/// took effect.
pub(super) async fn register(
    target: &EcsTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    let payload = &request.step.payload;
    let release = request
        .plan
        .release
        .clone()
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a revision needs a release"))?;
    let image = image(target, request)?;
    let digest = image.split_once('@').map_or("", |(_, digest)| digest);
    // A revision never changes, so it is read again instead of being kept: its variables may hold secrets.
    let baseline = observe::definition(target, text(payload, "baseline")).await?;
    let mut tags = HauteTags::new(release.clone())
        .with_image_tag(text(payload, "image_tag"))
        .with_model(&target.config.model_name)
        .with_author(who(target).await, jiff::Timestamp::now());
    if !text(payload, "commit").is_empty() {
        tags = tags.with_commit(text(payload, "commit"));
    }
    let wanted = baseline.with_image(text(payload, "container"), &image)?.with_haute_tags(&tags);
    wanted.check()?;
    let outcome = |definition: &TaskDefinition, registered: bool| {
        let arn = definition.arn().unwrap_or_default();
        StepOutcome::new(json!({
            "task_definition": arn,
            "revision": short(arn),
            "image": image,
            "registered": registered,
        }))
    };
    for known in newest(target, &baseline).await? {
        // One without tags of ours may be ours too: these credentials may not be allowed to tag.
        let named = release_of(&known).is_none_or(|other| other == release);
        if named && known.is_active() && known.runs_the_same_as(&wanted) {
            return Ok(outcome(&known, false));
        }
    }
    let aws = target.connection.aws().await?;
    let body = registration(&wanted, text(payload, "image_key"), digest);
    let answer = match aws.ecs.register_task_definition(&body).await {
        Err(error) if missing_action(&error) == Some("ecs:TagResource") => {
            context.events.emit(&Event::Warning {
                message: "the revision is registered without tags: these AWS credentials may not do `ecs:TagResource`".to_owned(),
                help: Some("allow it, so that `status`, `history` and `rollback` know which release a revision is".to_owned()),
            });
            let mut bare = body;
            if let Some(members) = bare.as_object_mut() {
                members.shift_remove("tags");
            }
            aws.ecs.register_task_definition(&bare).await?
        }
        other => other?,
    };
    let made = TaskDefinition::from_described(answer)?;
    if made.arn().is_none() {
        return Err(Error::new(ErrorKind::Unexpected, "ECS registered a revision and does not say which")
            .with_operation("ecs.RegisterTaskDefinition"));
    }
    Ok(outcome(&made, true))
}

/// The image by digest: as the plan knew it, or as the push told.
fn image(target: &EcsTarget, request: &StepRequest<'_>) -> Result<String> {
    let planned = text(&request.step.payload, "image");
    if !planned.is_empty() {
        return Ok(planned.to_owned());
    }
    let digest = haute_core::digest::Digest::parse(earlier(request, IMAGE, "digest"));
    let digest = digest.ok_or_else(|| {
        Error::new(
            ErrorKind::StalePlan,
            "the digest of the image is not known: its push is not part of this run",
        )
        .with_hint("plan again")
    })?;
    Ok(target.container.config().repository.with_digest(digest).to_string())
}

/// The newest revisions of the family that came after `baseline`, newest first.
async fn newest(target: &EcsTarget, baseline: &TaskDefinition) -> Result<Vec<TaskDefinition>> {
    let family = baseline.family();
    let latest = observe::definition(target, family).await?;
    let Some(number) = latest.revision() else { return Ok(vec![latest]) };
    let mut found = Vec::new();
    // An answer may be older than the last registration: the number after it is asked for as well.
    if let Some(newer) = revision(target, family, number + 1).await? {
        found.push(newer);
    }
    let oldest = baseline.revision().map_or(number, |revision| revision + 1);
    let from = number.saturating_sub(NEWEST - 1).max(oldest);
    if number >= from {
        found.push(latest);
    }
    for earlier in (from..number).rev() {
        found.extend(revision(target, family, earlier).await?);
    }
    Ok(found)
}

/// One revision by its number; `None` where there is none.
pub(in crate::target) async fn revision(
    target: &EcsTarget,
    family: &str,
    number: u64,
) -> Result<Option<TaskDefinition>> {
    match observe::definition(target, &format!("{family}:{number}")).await {
        Ok(definition) => Ok(Some(definition)),
        // ECS says of an unknown revision that the client is at fault (`ClientException`).
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who deploys, as records have it.
async fn who(target: &EcsTarget) -> String {
    Origin::collect(&target.config.model_name, &target.root, &target.variables).await.who()
}
