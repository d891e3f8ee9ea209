//! What both targets put into the steps of a plan, and read out of them again.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Action, Step};
use haute_core::target::StepRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A step of `target` that does `payload`.
pub(crate) fn step(
    target: &str,
    id: &str,
    title: String,
    action: Action,
    payload: &impl Serialize,
) -> Result<Step> {
    let payload = serde_json::to_value(payload).map_err(|error| {
        Error::bug(format!("a step of the target `{target}` cannot be written")).with_source(error)
    })?;
    Ok(Step::new(id, title, action).with_payload(payload))
}

/// What `step` does, as `target` says it.
pub(crate) fn of<P: DeserializeOwned>(target: &str, step: &Step) -> Result<P> {
    serde_json::from_value(step.payload.clone()).map_err(|error| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the step `{}` is none of the target `{target}`", step.id),
        )
        .with_source(error)
    })
}

/// The release a step is for.
pub(crate) fn release_of<'a>(request: &StepRequest<'a>) -> Result<&'a Digest> {
    request.plan.release.as_ref().ok_or_else(|| Error::bug("the plan names no release"))
}
