//! What is wanted: the release a goal means.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::Goal;
use haute_core::target::PlanRequest;

use super::observe::Observed;

/// The release a deploy wants; `None` for a goal whose release the workspace tells.
pub(crate) fn deployed<'a>(request: &PlanRequest<'a>) -> Result<Option<&'a Digest>> {
    match request.release {
        _ if !request.goal.needs_release() => Ok(None),
        Some(proven) => Ok(Some(proven.release.digest())),
        None => Err(Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof")),
    }
}

/// The release a goal wants to serve.
pub(crate) fn wanted(request: &PlanRequest<'_>, observed: &Observed, has_endpoint: bool) -> Result<Digest> {
    match request.goal {
        Goal::Deploy | Goal::Canary { .. } => {
            deployed(request)?.cloned().ok_or_else(|| Error::bug("a deploy without a release was planned"))
        }
        Goal::Rollback { to: Some(to) } => match observed.version_of(to) {
            Some(_) => Ok(to.clone()),
            None => Err(none(format!("no version of the model is of release {}", to.short()))),
        },
        Goal::Rollback { to: None } => earlier(observed, has_endpoint),
        Goal::Promote => promoted(observed),
        Goal::Abort => observed.served.clone().ok_or_else(|| none("no release of ours serves".to_owned())),
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

/// The canary; where a promotion was cut off before the alias was moved, what serves alone by now.
fn promoted(observed: &Observed) -> Result<Digest> {
    let version = observed.main().map(|entity| entity.version.as_str());
    let left = observed.canary.is_none() && version.is_some() && version != observed.alias_version();
    let found = if left { observed.served.clone() } else { observed.canary.clone() };
    found.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "there is no canary to promote")
            .with_operation("databricks.plan")
            .with_hint("`haute-cli deploy --canary 10` brings one")
    })
}

/// The newest version before the one that serves that is of another release: one that was verified, where there is one.
fn earlier(observed: &Observed, has_endpoint: bool) -> Result<Digest> {
    let (number, release) = if has_endpoint {
        (observed.main().and_then(|entity| entity.version.parse().ok()), observed.served.clone())
    } else {
        let alias = observed.alias.as_ref();
        (alias.map(crate::registry::Version::order), alias.and_then(crate::registry::Version::release))
    };
    let number: u64 = number.ok_or_else(|| none("no version serves".to_owned()))?;
    let earlier = observed.versions.iter().filter(|version| version.order() < number);
    let mut earlier = earlier.filter(|version| version.release() != release);
    let verified = earlier.clone().find(|version| version.is_verified());
    verified
        .or_else(|| earlier.next())
        .and_then(crate::registry::Version::release)
        .ok_or_else(|| none("there is no earlier version of another release".to_owned()))
}

fn none(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
        .with_operation("databricks.plan")
        .with_hint("deploy the release that is wanted")
}
