//! What is missing between what is there and what is wanted.

use haute_core::event::Event;
use haute_core::plan::{Action, Change, Goal, Plan, Step};
use haute_core::target::Context;
use serde_json::json;

use super::desired::Wanted;
use super::observe::{Found, Observed};
use super::{ContainerTarget, NAME};

/// The step that puts the image under the commit's tag.
pub(super) const IMAGE: &str = "image";
/// The step that lets the moving tag stand for it.
pub(super) const LATEST: &str = "latest";

/// How long an image may take: hundreds of megabytes over a slow line.
const DEADLINE_SECONDS: u64 = 2 * 60 * 60;

/// The plan from `observed` to `wanted`.
pub(super) fn plan(
    target: &ContainerTarget,
    context: &Context,
    goal: &Goal,
    observed: &Observed,
    wanted: &Wanted,
) -> Plan {
    let mut plan = Plan::new(NAME, target.config.address(), goal.clone(), observed.fingerprint())
        .with_releases(observed.release(), Some(wanted.release.clone()));
    let base = &wanted.plan.base;
    if !wanted.pinned {
        context.events.emit(&Event::Warning {
            message: format!(
                "the base image `{}` floats; this image is built on {}",
                base.name(),
                base.digest()
            ),
            help: Some(
                "`haute-cli build --write-lock` records the digest in haute.lock: commit it".to_owned(),
            ),
        });
    }
    let tag = wanted.tag.tag().unwrap_or_default();
    let has =
        |found: Option<&Found>| found.is_some_and(|found| found.image_key.as_ref() == Some(&wanted.plan.key));
    let before = |found: Option<&Found>| found.map(|found| found.digest.to_string());
    if !has(observed.tagged.as_ref()) {
        let action = if observed.tagged.is_some() { Action::Update } else { Action::Create };
        let title = if target.config.remote {
            format!("Push {}", wanted.tag.short())
        } else {
            format!("Make the image {}", wanted.tag.short())
        };
        let known = observed.previous().map_or(0, |previous| {
            wanted.plan.layers.iter().filter(|layer| previous.layer(layer.key.digest()).is_some()).count()
        });
        let layers = wanted.plan.layers.len();
        let mut step = Step::new(IMAGE, title, action)
            .with_change(Change::new(
                format!("tag {tag}"),
                before(observed.tagged.as_ref()),
                Some(format!("the image of release {}", wanted.release.short())),
            ))
            .with_change(Change::new("base", None, Some(base.pinned().to_string())))
            .with_change(Change::new(
                "layers",
                None,
                Some(format!("{} to make, {known} there already", layers - known.min(layers))),
            ))
            .with_payload(json!({"tag": tag, "base": base.digest(), "image_key": wanted.plan.key}))
            .with_deadline(DEADLINE_SECONDS);
        if !wanted.plan.left_out.is_empty() {
            let names: Vec<&str> = wanted.plan.left_out.iter().map(String::as_str).collect();
            step = step.with_change(Change::new("left out, never imported", None, Some(names.join(", "))));
        }
        plan = plan.with_step(step);
        if target.config.remote {
            plan = plan.with_note(format!(
                "layers are compressed with {}: {}",
                wanted.plan.compression.as_str(),
                wanted.compression
            ));
        }
    }
    let moving = &target.config.settings.latest_tag;
    if !moving.is_empty() && moving != tag && !has(observed.latest.as_ref()) {
        let action = if observed.latest.is_some() { Action::Update } else { Action::Create };
        let step = Step::new(LATEST, format!("Let the tag {moving} stand for it"), action)
            .with_change(Change::new(
                format!("tag {moving}"),
                before(observed.latest.as_ref()),
                Some(wanted.tag.short()),
            ))
            .with_payload(json!({"tag": tag, "latest": moving}));
        plan = plan.with_step(step);
    }
    plan
}
