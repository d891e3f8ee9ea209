//! What is wanted: the release a goal means.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::Goal;
use haute_core::target::PlanRequest;

use super::observe::Observed;

/// The release a deploy wants; `None` for a goal whose release the server tells.
pub(crate) fn deployed<'a>(request: &PlanRequest<'a>) -> Result<Option<&'a Digest>> {
    match (request.goal, request.release) {
        (Goal::Deploy, Some(proven)) => Ok(Some(proven.release.digest())),
        (Goal::Deploy, None) => {
            Err(Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof"))
        }
        _ => Ok(None),
    }
}

/// The release a goal wants the alias to stand for; `None`: there is to be no alias.
pub(crate) fn wanted(request: &PlanRequest<'_>, observed: &Observed) -> Result<Option<Digest>> {
    match request.goal {
        Goal::Deploy => Ok(deployed(request)?.cloned()),
        Goal::Rollback { to: Some(to) } => match observed.version_of(to) {
            Some(_) => Ok(Some(to.clone())),
            None => Err(none(format!("no version of the model is of release {}", to.short()))),
        },
        Goal::Rollback { to: None } => {
            let current = observed.current.as_ref().ok_or_else(|| none("nothing is deployed".to_owned()))?;
            let serving = observed.serving();
            let mut earlier = observed.versions.iter().filter(|version| version.order() < current.order());
            let found = earlier
                .find_map(|version| version.release().filter(|release| Some(release) != serving.as_ref()));
            found.map(Some).ok_or_else(|| none("there is no earlier version of another release".to_owned()))
        }
        Goal::Remove => Ok(None),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the target `mlflow` does not know the goal {other:?}"),
        )),
    }
}

fn none(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message)
        .with_operation("mlflow.plan")
        .with_hint("deploy the release that is wanted")
}
