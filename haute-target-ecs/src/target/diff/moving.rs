//! `update = "moving-tag"`: the same task definition, which names a tag that moves. Needs no right to read or register task
//! definitions; what runs is then known by the service's own answers only.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Goal, Plan};

use super::super::EcsTarget;
use super::super::desired::{Wanted, container};
use super::super::observe::{Observed, State};
use super::super::remembered;
use super::{Pointing, images, in_flight, of_images, start, update};

pub(super) fn plan(target: &EcsTarget, wanted: &Wanted, observed: &Observed) -> Result<Plan> {
    let tag = target.container.config().settings.latest_tag.clone();
    if tag.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "`update = \"moving-tag\"` has no tag to move")
            .with_hint("set `moving_tag` under [deploy.aws-ecs]"));
    }
    let named = target.container.config().repository.with_tag(&tag)?.to_string();
    let mut plan = start(target, &Goal::Deploy, observed.fingerprint(&of_images(wanted)));
    if let Some(definition) = observed.definition.as_seen() {
        let name = container(target, definition)?;
        let image = definition.image(&name).unwrap_or_default();
        if image != named {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the container `{name}` runs `{image}`, so moving the tag `{tag}` changes nothing"),
            )
            .with_context("task definition", definition.family().to_owned())
            .with_hint(format!(
                "register a revision whose image is `{named}` once, or set `update = \"register\"`"
            )));
        }
    } else {
        plan =
            plan.with_note(format!("the task definition cannot be read here: its image must be `{named}`"));
    }
    let last = remembered::read(target)?;
    let ours = last.is_some_and(|last| {
        last.deployment == observed.primary_id()
            && last.release == wanted.release
            && last.image_key.as_ref() == Some(&wanted.image.image_key)
    });
    let pointing = |title: String, force: bool, follow: bool| Pointing {
        title,
        definition: Some(observed.wanted_definition()),
        force,
        follow,
        image: wanted.by_digest(),
    };
    match (ours, observed.state()) {
        (true, State::Settled) => Ok(plan),
        (true, State::UnderWay) => {
            let title = "Follow the deployment that is under way".to_owned();
            Ok(plan.with_step(update(target, observed, pointing(title, false, true))))
        }
        _ => {
            let plan = in_flight(target, images(plan, wanted), observed)?;
            let title = format!("Start the tasks of {} anew, which take `{tag}`", target.config.service);
            Ok(plan
                .with_step(update(target, observed, pointing(title, true, false)))
                .with_note("in this mode a rollback needs the earlier image under the moving tag again: deploy the earlier commit"))
        }
    }
}
