//! `update = "existing-revision"`: the service is pointed at a revision somebody else registered.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Goal, Plan};

use super::super::EcsTarget;
use super::super::desired::{Wanted, container};
use super::super::observe::{self, Observed, State};
use super::{Pointing, images, in_flight, of_images, start, update};
use crate::aws::error::Permitted;

pub(super) async fn plan(target: &EcsTarget, wanted: &Wanted, observed: &Observed) -> Result<Plan> {
    let named = target.config.task_definition.as_str();
    let mut plan = start(target, &Goal::Deploy, observed.fingerprint(&of_images(wanted)));
    let seen = Permitted::of(observe::definition(target, named).await)?;
    let revision = match &seen {
        Permitted::Seen(definition) => {
            let name = container(target, definition)?;
            let image = definition.image(&name).unwrap_or_default();
            let right = wanted.is_in(definition, &name) || image == wanted.image.name.to_string();
            if !right {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("`{named}` runs `{image}`, which is not the image of this release"),
                )
                .with_context("wanted", wanted.by_digest().unwrap_or_else(|| wanted.image.name.to_string()))
                .with_hint("push the image first (`update = \"none\"`), register the revision with it, and deploy then"));
            }
            definition.arn().unwrap_or(named).to_owned()
        }
        Permitted::Denied(action) => {
            plan = plan.with_note(format!("`{named}` cannot be read here ({action} is missing): what it runs is known only once it serves"));
            named.to_owned()
        }
    };
    let there = observed.wanted_definition() == revision;
    let pointing = |title: String, force: bool, follow: bool| Pointing {
        title,
        definition: Some(&revision),
        force,
        follow,
        image: wanted.by_digest(),
    };
    match (there, observed.state()) {
        (true, State::Settled) => Ok(plan),
        (true, State::UnderWay) => {
            let title = format!("Follow the deployment of {named} that is under way");
            Ok(plan.with_step(update(target, observed, pointing(title, false, true))))
        }
        (true, State::Failed) => {
            let title = format!("Start {named} again, whose last deployment failed");
            Ok(plan.with_step(update(target, observed, pointing(title, true, false))))
        }
        (false, _) => {
            let plan = in_flight(target, images(plan, wanted), observed)?;
            let title = format!("Let the service {} run {named}", target.config.service);
            Ok(plan.with_step(update(target, observed, pointing(title, false, false))))
        }
    }
}
