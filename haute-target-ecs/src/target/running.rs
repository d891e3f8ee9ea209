//! What really runs: the digests of the images of our tasks, where these credentials may see them.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;

use super::EcsTarget;
use super::logs::tasks;
use super::observe::read;
use crate::aws::error::Permitted;
use crate::model::{DescribeServiceRevisionsAnswer, Service};

/// Refuses tasks of our deployment that run another image than `image`, which is by digest.
pub(super) async fn require(
    target: &EcsTarget,
    context: &Context,
    service: &Service,
    deployment: &str,
    image: Option<&str>,
) -> Result<()> {
    let say = |line: String| context.events.emit(&Event::Log { stream: "ecs".to_owned(), line });
    let Some((repository, digest)) = image.and_then(|image| image.split_once('@')) else {
        say("the digest of what runs was not compared: the image's own is not known".to_owned());
        return Ok(());
    };
    let wrong = |found: &str| {
        Error::new(ErrorKind::VerificationFailed, "tasks of this deployment run another image than the one deployed")
            .with_operation("ecs.DescribeTasks")
            .with_context("deployed", digest.to_owned())
            .with_context("runs", found.to_owned())
            .with_hint("somebody moved the tag the task definition names; `update = \"register\"` names images by digest")
    };
    let action = match Permitted::of(tasks(target, "RUNNING").await)? {
        Permitted::Seen(tasks) => {
            let ours = tasks.iter().filter(|task| task.started_by.as_deref() == Some(deployment));
            let containers = ours.flat_map(|task| &task.containers);
            let mut looked = 0;
            for container in containers.filter(|one| is_of(&one.image, repository)) {
                match container.image_digest.as_deref() {
                    Some(found) if found != digest => return Err(wrong(found)),
                    Some(_) => looked += 1,
                    None => {}
                }
            }
            if looked > 0 {
                say(format!("{looked} running, of image {digest}"));
                return Ok(());
            }
            "ecs:DescribeTasks".to_owned()
        }
        Permitted::Denied(action) => action,
    };
    let arns: Vec<String> = service.current_service_revisions.iter().map(|one| one.arn.clone()).collect();
    if !arns.is_empty() {
        let aws = target.connection.aws().await?;
        if let Permitted::Seen(answer) = Permitted::of(aws.ecs.describe_service_revisions(&arns).await)? {
            let answer: DescribeServiceRevisionsAnswer = read(answer, "ecs.DescribeServiceRevisions")?;
            let images = answer.service_revisions.iter().flat_map(|revision| &revision.container_images);
            for one in images.filter(|one| is_of(&one.image, repository)) {
                if let Some(found) = one.image_digest.as_deref().filter(|found| *found != digest) {
                    return Err(wrong(found));
                }
            }
            return Ok(());
        }
    }
    say(format!("the digest of what runs was not compared: `{action}` is missing, or shows none"));
    Ok(())
}

/// Whether a container's image is of our repository.
fn is_of(image: &str, repository: &str) -> bool {
    image.strip_prefix(repository).is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', ':']))
}
