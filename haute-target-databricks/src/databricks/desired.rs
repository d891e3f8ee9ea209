//! What is wanted: the release a goal means.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::Goal;
use haute_core::target::PlanRequest;

use super::observe::Observed;

/// The release a deploy wants; `None` for a goal whose release the workspace tells.
pub(crate) fn deployed<'a>(request: &PlanRequest<'a>) -> Result<Option<&'a Digest>> {
    match (request.goal, request.release) {
        (Goal::Deploy, Some(proven)) => Ok(Some(proven.release.digest())),
        (Goal::Deploy, None) => {
            Err(Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof"))
        }
        _ => Ok(None),
    }
}

/// The release a goal wants to serve.
pub(crate) fn wanted(request: &PlanRequest<'_>, observed: &Observed, has_endpoint: bool) -> Result<Digest> {
    match request.goal {
        Goal::Deploy => {
            deployed(request)?.cloned().ok_or_else(|| Error::bug("a deploy without a release was planned"))
        }
        Goal::Rollback { to: Some(to) } => match observed.version_of(to) {
            Some(_) => Ok(to.clone()),
            None => Err(none(format!("no version of the model is of release {}", to.short()))),
        },
        Goal::Rollback { to: None } => earlier(observed, has_endpoint),
        Goal::Remove => Err(Error::new(
            ErrorKind::Unsupported,
            "an endpoint of Databricks is never deleted by this program",
        )
        .with_operation("databricks.plan")
        .with_hint("whoever owns it can delete it in the workspace")),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the target `databricks` does not know the goal {other:?}"),
        )),
    }
}

/// The newest version before the one that serves that is of another release.
fn earlier(observed: &Observed, has_endpoint: bool) -> Result<Digest> {
    let (number, release) = if has_endpoint {
        (observed.served_version().and_then(|number| number.parse().ok()), observed.served.clone())
    } else {
        let alias = observed.alias.as_ref();
        (alias.map(crate::registry::Version::order), alias.and_then(crate::registry::Version::release))
    };
    let number: u64 = number.ok_or_else(|| none("no single version serves".to_owned()))?;
    observed
        .versions
        .iter()
        .filter(|version| version.order() < number)
        .find_map(|version| version.release().filter(|found| Some(found) != release.as_ref()))
        .ok_or_else(|| none("there is no earlier version of another release".to_owned()))
}

fn none(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
        .with_operation("databricks.plan")
        .with_hint("deploy the release that is wanted")
}
