//! Going back: to a revision that served before, found by the tags of the family's revisions alone.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Action, Change, Goal, Plan, Step};
use haute_core::record;
use haute_core::store::Store;
use serde_json::{Value, json};

use super::definition::{identity, release_of, short};
use super::diff::{UPDATE, mark, start};
use super::history::revisions;
use super::observe::{self, Observed, State};
use super::{EcsTarget, NAME, status};
use crate::config::Update;
use crate::task_definition::TaskDefinition;

/// How many revisions are looked through.
const MOST: usize = 100;

/// A revision to go back to.
struct Earlier {
    arn: String,
    release: Digest,
    image: Option<String>,
    marked: bool,
    /// Whether it has tags of ours, so that it can be marked.
    tagged: bool,
}

/// Plans going back to `to`, or to the last verified release before the one that serves.
pub(super) async fn plan(target: &EcsTarget, goal: &Goal, to: Option<&Digest>) -> Result<Plan> {
    if matches!(target.config.update, Update::MovingTag | Update::None) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "with `update = \"{}\"` the service has no revision per release to go back to",
                target.config.update.as_str()
            ),
        )
        .with_hint("check out the earlier commit and deploy it: its image is in the registry already"));
    }
    super::diff::account(target).await?;
    let observed = observe::observe(target).await?;
    target.url.discover(target, &observed.service).await;
    let serving = status::serving(target, &observed).await?;
    let earlier = match find(target, &observed, to, serving.as_ref()).await? {
        Some(earlier) => earlier,
        None => recorded(target, to)?.ok_or_else(|| nothing(to))?,
    };
    let plan = start(target, goal, observed.fingerprint(&json!(earlier.arn)))
        .with_releases(serving, Some(earlier.release.clone()));
    let there = observed.wanted_definition() == earlier.arn;
    let (force, follow) = match (there, observed.state()) {
        (true, State::Settled) => return Ok(marked(target, plan, &earlier)),
        (true, State::UnderWay) => (false, true),
        (true, State::Failed) => (true, false),
        (false, _) => (false, false),
    };
    let before = short(observed.wanted_definition()).to_owned();
    let title = if follow {
        format!("Follow the deployment of {} that is under way", short(&earlier.arn))
    } else {
        format!("Let the service {} run {} again", target.config.service, short(&earlier.arn))
    };
    let mut step = Step::new(UPDATE, title, Action::Update)
        .with_payload(json!({
            "task_definition": earlier.arn,
            "primary": observed.primary_id(),
            "baseline": observed.wanted_definition(),
            "force": force,
            "follow": follow,
            "image": earlier.image,
        }))
        .with_deadline(target.config.timeout);
    if !there {
        step = step.with_change(Change::new(
            "taskDefinition",
            Some(before),
            Some(short(&earlier.arn).to_owned()),
        ));
    }
    Ok(marked(target, plan.with_step(step), &earlier))
}

/// Adds the mark, where the revision has none and can have one.
fn marked(target: &EcsTarget, plan: Plan, earlier: &Earlier) -> Plan {
    if earlier.marked || !earlier.tagged { plan } else { plan.with_step(mark(target, Some(&earlier.arn))) }
}

/// Looks through the family's revisions, newest first.
async fn find(
    target: &EcsTarget,
    observed: &Observed,
    to: Option<&Digest>,
    serving: Option<&Digest>,
) -> Result<Option<Earlier>> {
    let mut unverified = None;
    for definition in revisions(target, observed, MOST).await? {
        if !definition.is_active() {
            continue;
        }
        let Some(release) = release_of(&definition) else { continue };
        let fits = match to {
            Some(to) => &release == to,
            None => Some(&release) != serving,
        };
        if !fits {
            continue;
        }
        let Some(found) = earlier(target, &definition, release) else { continue };
        if found.marked {
            return Ok(Some(found));
        }
        // Asked for by name, a release is gone back to even if nobody marked it: the verification that follows decides.
        if to.is_some() && unverified.is_none() {
            unverified = Some(found);
        }
    }
    Ok(unverified)
}

fn earlier(target: &EcsTarget, definition: &TaskDefinition, release: Digest) -> Option<Earlier> {
    let container = super::desired::container(target, definition).ok()?;
    let asks = target.url.known(&target.config).is_some();
    Some(Earlier {
        arn: definition.arn()?.to_owned(),
        release,
        image: definition.image(&container).map(str::to_owned),
        marked: identity(definition).is_some_and(|identity| identity.is_marked(asks)),
        tagged: true,
    })
}

/// What a record on this machine knows, where the tags say nothing.
fn recorded(target: &EcsTarget, to: Option<&Digest>) -> Result<Option<Earlier>> {
    let Some(to) = to else { return Ok(None) };
    let store = Store::new(&target.root);
    let address = target.config.address();
    let found = record::history(&store, Some(NAME))?.into_iter().find_map(|one| {
        let record = one.record;
        if record.address != address || record.release.as_ref() != Some(to) || !record.outcome.succeeded() {
            return None;
        }
        let step = record.steps.into_iter().find(|step| step.id == UPDATE)?;
        let text = |key: &str| step.outputs.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Earlier {
            arn: text("task_definition")?,
            release: to.clone(),
            image: text("image"),
            marked: false,
            tagged: false,
        })
    });
    Ok(found)
}

fn nothing(to: Option<&Digest>) -> Error {
    let what = match to {
        Some(to) => format!("no revision of the service's task definition serves release {}", to.short()),
        None => "no earlier revision of the service's task definition is marked as verified".to_owned(),
    };
    Error::new(ErrorKind::NotFound, what)
        .with_operation("ecs.DescribeTaskDefinition")
        .with_hint("`haute-cli history` lists the releases there are; deploying the earlier commit again makes a revision of it")
}
