//! `update = "register"`: a new revision of the service's own task definition.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Action, Change, Goal, Plan, Step};
use serde_json::json;

use super::super::EcsTarget;
use super::super::definition::{identity, short};
use super::super::desired::{Wanted, container, fits};
use super::super::observe::{Observed, State};
use super::super::remembered::{self, LastDeployment};
use super::{Pointing, REGISTER, images, in_flight, mark, of_images, shown, start, update};
use crate::aws::error::Permitted;
use crate::task_definition::TaskDefinition;

pub(super) fn plan(target: &EcsTarget, wanted: &Wanted, observed: &Observed) -> Result<Plan> {
    let definition = match &observed.definition {
        Permitted::Seen(definition) => definition,
        Permitted::Denied(action) => return Err(unreadable(action)),
    };
    let name = container(target, definition)?;
    fits(wanted, definition)?;
    let plan = start(target, &Goal::Deploy, observed.fingerprint(&of_images(wanted)));
    let arn = definition.arn().unwrap_or_else(|| observed.wanted_definition());
    let last = remembered_here(target, wanted, observed)?;
    let own = wanted.is_in(definition, &name) || last.is_some();
    if !own {
        return replace(target, plan, wanted, observed, definition, &name);
    }
    let said = identity(definition);
    let told = said.as_ref().and_then(|said| said.tags.image_tag.as_deref());
    let told = told.or_else(|| last.as_ref().and_then(|last| last.image_tag.as_deref()));
    let pushed = told == Some(wanted.tag());
    let mut plan = if pushed || wanted.push.is_empty() { plan } else { images(plan, wanted) };
    let pointing = |title: String, force: bool, follow: bool| Pointing {
        title,
        definition: Some(arn),
        force,
        follow,
        image: definition.image(&name).map(str::to_owned),
    };
    match observed.state() {
        State::Settled => {}
        State::UnderWay => {
            let title = format!("Follow the deployment of {} that is under way", short(arn));
            plan = plan.with_step(update(target, observed, pointing(title, false, true)));
        }
        State::Failed => {
            let title = format!("Start {} again, whose last deployment failed", short(arn));
            plan = plan.with_step(update(target, observed, pointing(title, true, false)));
        }
    }
    // Revisions without tags of ours cannot be marked: these credentials may not tag.
    let (unmarked, tagged) = match &said {
        Some(said) => (!said.is_marked(target.url.known(&target.config).is_some()), true),
        None => (false, false),
    };
    Ok(if unmarked || tagged && plan.steps.iter().any(|step| step.id == super::UPDATE) {
        plan.with_step(mark(target, Some(arn)))
    } else {
        plan
    })
}

/// The last deployment that was begun from here, if the service still has it and it was for this very image.
fn remembered_here(
    target: &EcsTarget,
    wanted: &Wanted,
    observed: &Observed,
) -> Result<Option<LastDeployment>> {
    let same = |last: &LastDeployment| {
        last.release == wanted.release
            && last.image_key.as_ref() == Some(&wanted.image.image_key)
            && last.task_definition == observed.wanted_definition()
    };
    Ok(remembered::read(target)?.filter(same))
}

fn replace(
    target: &EcsTarget,
    plan: Plan,
    wanted: &Wanted,
    observed: &Observed,
    definition: &TaskDefinition,
    name: &str,
) -> Result<Plan> {
    let plan = in_flight(target, images(plan, wanted), observed)?;
    let image = shown(wanted);
    let after = definition.with_image(name, &image)?;
    after.check()?;
    let mut step = Step::new(
        REGISTER,
        format!("Register a revision of {} with it", definition.family()),
        Action::Create,
    );
    for change in definition.changes_to(&after) {
        step = step.with_change(change);
    }
    let before = identity(definition).and_then(|said| said.tags.release);
    step = step.with_change(Change::new(
        "tags[haute:release]",
        before.map(|release| release.to_string()),
        Some(wanted.release.to_string()),
    ));
    let step = step.with_payload(json!({
        "baseline": observed.wanted_definition(),
        "container": name,
        "image": wanted.by_digest(),
        "image_key": wanted.image.image_key,
        "image_tag": wanted.tag(),
        "commit": wanted.image.revision,
    }));
    let pointing = Pointing {
        title: format!("Let the service {} run it", target.config.service),
        definition: None,
        force: false,
        follow: false,
        image: wanted.by_digest(),
    };
    let plan = plan.with_step(step).with_step(update(target, observed, pointing));
    Ok(notes(plan, definition, observed).with_step(mark(target, None)))
}

/// What a reader of the plan should know of the task definition.
fn notes(plan: Plan, definition: &TaskDefinition, observed: &Observed) -> Plan {
    let breaker = &observed.service.deployment_configuration.circuit_breaker;
    let plan = match (breaker.enable, breaker.rollback) {
        (true, true) => plan,
        (true, false) => plan.with_note("the service's circuit breaker is on and does not go back by itself"),
        (false, _) => plan.with_note(
            "the service has no circuit breaker: tasks that fail are started again and again until this gives up",
        ),
    };
    if definition.is_active() {
        plan
    } else {
        plan.with_note(format!("{} was deregistered; its content is taken all the same", definition.family()))
    }
}

/// Nothing is decided in secret: another mode is the user's to choose.
fn unreadable(action: &str) -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        "these AWS credentials may not read the service's task definition, and `update = \"register\"` makes a revision of it",
    )
    .with_operation("ecs.DescribeTaskDefinition")
    .with_context("action", action.to_owned())
    .with_hint(format!(
        "allow it: {{\"Effect\":\"Allow\",\"Action\":[\"{action}\",\"ecs:RegisterTaskDefinition\",\"ecs:TagResource\"],\"Resource\":\"*\"}}, and iam:PassRole on the task's two roles"
    ))
    .with_hint("or set `update = \"moving-tag\"` under [deploy.aws-ecs], where the task definition names a tag such as `latest`: that needs ecs:UpdateService and ecs:DescribeServices only")
}
