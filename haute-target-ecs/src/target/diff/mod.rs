//! What is missing between what is there and what is wanted.

mod existing;
mod moving;
mod register;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Action, Change, Goal, Plan, Step};
use haute_core::target::{Context, ProvenRelease};
use serde_json::{Value, json};

use super::definition::{self, short};
use super::desired::{self, Wanted};
use super::observe::{self, Observed, State};
use super::{EcsTarget, NAME, status};
use crate::config::{InFlight, Update};

/// The step that makes the repository.
pub(super) const REPOSITORY: &str = "repository";
/// The step of the container target that moves the moving tag.
pub(super) const LATEST: &str = "latest";
/// The step that waits for somebody else's deployment.
pub(super) const WAIT: &str = "wait";
/// The step that registers a revision.
pub(super) const REGISTER: &str = "register";
/// The step that points the service at it, and follows the rollout.
pub(super) const UPDATE: &str = "update";
/// The step that marks the revision as verified.
pub(super) const MARK: &str = "mark";

/// Plans a deploy.
pub(super) async fn deploy(target: &EcsTarget, context: &Context, release: &ProvenRelease) -> Result<Plan> {
    account(target).await?;
    if target.config.update == Update::None {
        let wanted = desired::wanted(target, context, release).await?;
        let mut plan = start(target, &Goal::Deploy, wanted.push.fingerprint.clone())
            .with_releases(wanted.push.serving.clone(), Some(wanted.release.clone()));
        plan = images(plan, &wanted);
        return Ok(plan.with_note("`update = \"none\"`: the image is pushed, and the service is not touched"));
    }
    let (wanted, observed) =
        tokio::join!(desired::wanted(target, context, release), observe::observe(target));
    let (observed, wanted) = (observed?, wanted?);
    target.url.discover(target, &observed.service).await;
    let plan = match target.config.update {
        Update::Register => register::plan(target, &wanted, &observed)?,
        Update::MovingTag => moving::plan(target, &wanted, &observed)?,
        Update::ExistingRevision => existing::plan(target, &wanted, &observed).await?,
        Update::None => return Err(Error::bug("`update = \"none\"` was planned already")),
    };
    let plan = repository(target, plan).await?;
    let serving = status::serving(target, &observed).await?;
    Ok(plan.with_releases(serving, Some(wanted.release.clone())))
}

/// An empty plan.
pub(super) fn start(target: &EcsTarget, goal: &Goal, fingerprint: haute_core::digest::Digest) -> Plan {
    Plan::new(NAME, target.config.address(), goal.clone(), fingerprint)
}

/// Refuses an account that is not the expected one.
pub(super) async fn account(target: &EcsTarget) -> Result<()> {
    let expected = &target.config.expected_account;
    if expected.is_empty() {
        return Ok(());
    }
    let identity = target.connection.aws().await?.identity().await?;
    if &identity.account == expected {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        format!(
            "these credentials are of the account {}, and `expected_account` is {expected}",
            identity.account
        ),
    )
    .with_operation("sts.GetCallerIdentity")
    .with_context("who", identity.arn)
    .with_hint(
        "use the credentials of the expected account, or correct `expected_account` under [deploy.aws-ecs]",
    ))
}

/// Puts a repository that is to be made before everything else.
async fn repository(target: &EcsTarget, mut plan: Plan) -> Result<Plan> {
    if !target.config.create_repository || !plan.steps.iter().any(|step| step.id == "image") {
        return Ok(plan);
    }
    let repository = &target.container.config().repository;
    let aws = target.connection.aws().await?;
    let account = crate::aws::RegistryHost::parse(repository.host()).map(|host| host.account);
    match aws.ecr.describe_repository(account.as_deref(), repository.repository()).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = repository.repository().to_owned();
            let step = Step::new(REPOSITORY, format!("Create the repository {name}"), Action::Create)
                .with_payload(json!({"name": name, "account": account}));
            plan.steps.insert(0, step);
            Ok(plan)
        }
        Ok(_) => Ok(plan),
        // Whoever may not look may not create either; the push says what is missing.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(plan),
        Err(error) => Err(error),
    }
}

/// Puts the steps that push the image before everything that follows.
fn images(mut plan: Plan, wanted: &Wanted) -> Plan {
    plan.steps.extend(wanted.push.steps.iter().cloned());
    plan.notes.extend(wanted.push.notes.iter().cloned());
    plan
}

/// What is done about a deployment of somebody else's that is under way.
fn in_flight(target: &EcsTarget, plan: Plan, observed: &Observed) -> Result<Plan> {
    if observed.state() != State::UnderWay {
        return Ok(plan);
    }
    let Some(primary) = observed.primary() else { return Ok(plan) };
    let since = primary.created_at.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string());
    let what = format!("{} to {}", primary.id, short(&primary.task_definition));
    match target.config.in_flight {
        InFlight::Supersede => {
            Ok(plan.with_note(format!("the deployment {what}, under way since {since}, is replaced by this one")))
        }
        InFlight::Wait => Ok(plan.with_step(
            Step::new(WAIT, format!("Wait for the deployment {what}"), Action::Update)
                .with_payload(json!({"deployment": primary.id}))
                .with_deadline(target.config.timeout),
        )),
        InFlight::Fail => Err(Error::new(
            ErrorKind::Conflict,
            format!("another deployment of the service is under way: {what}, since {since}"),
        )
        .with_operation("ecs.DescribeServices")
        .with_hint(format!("`haute-cli watch --deployment {}` follows it; run this again when it is done", primary.id))
        .with_hint("or set `in_flight = \"wait\"` or `\"supersede\"` under [deploy.aws-ecs]; in CI, a concurrency group keeps two jobs apart")),
    }
}

/// What the step `update` is planned from.
struct Pointing<'a> {
    /// For people: what the service is pointed at.
    title: String,
    /// The revision, where it is known already.
    definition: Option<&'a str>,
    /// Whether tasks are replaced though the task definition stays.
    force: bool,
    /// Whether our own deployment of that is under way already, and is only followed.
    follow: bool,
    /// The image the tasks are to run.
    image: Option<String>,
}

/// The step that points the service at a revision and follows the rollout.
fn update(target: &EcsTarget, observed: &Observed, pointing: Pointing<'_>) -> Step {
    let before = short(observed.wanted_definition()).to_owned();
    let after =
        pointing.definition.map_or_else(|| "the new revision".to_owned(), |arn| short(arn).to_owned());
    let mut step = Step::new(UPDATE, pointing.title, Action::Update);
    if before != after {
        step = step.with_change(Change::new("taskDefinition", Some(before), Some(after)));
    }
    if pointing.force {
        let started = "every task is started anew".to_owned();
        step = step.with_change(Change::new("tasks", None, Some(started)));
    }
    step.with_payload(json!({
        "task_definition": pointing.definition,
        "primary": observed.primary_id(),
        "baseline": observed.wanted_definition(),
        "force": pointing.force,
        "follow": pointing.follow,
        "image": pointing.image,
    }))
    .with_deadline(target.config.timeout)
}

/// The step that marks a revision once what it serves has been verified. Where prices cannot be asked, the mark does not say
/// that they were.
pub(super) fn mark(target: &EcsTarget, definition: Option<&str>) -> Step {
    let which = definition.map_or("the new revision", short);
    let (tag, word) = match target.url.known(&target.config) {
        Some(_) => (definition::VERIFIED, "verified"),
        None => (definition::SERVED, "served"),
    };
    Step::new(MARK, format!("Mark {which} as {word}"), Action::Update)
        .with_change(Change::new(format!("tags[{tag}]"), None, Some("now".to_owned())))
        .with_payload(json!({"task_definition": definition, "tag": tag}))
        .after_verification()
}

/// What is said of the image in a plan.
fn shown(wanted: &Wanted) -> String {
    wanted.by_digest().unwrap_or_else(|| {
        format!("{} of release {}, by its digest", wanted.image.name.short(), wanted.release.short())
    })
}

/// The part of a fingerprint that is not of ECS.
fn of_images(wanted: &Wanted) -> Value {
    json!(wanted.push.fingerprint)
}
