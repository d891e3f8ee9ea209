//! What is wanted: the release a goal means, and where it is on disk.

use std::path::{Path, PathBuf};

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::Goal;
use haute_core::release::Release;
use haute_core::store::Store;
use haute_core::target::PlanRequest;

use crate::observe::Observed;

/// The release a goal wants to serve; `None`: nothing is to serve.
pub(crate) fn wanted(request: &PlanRequest<'_>, observed: &Observed, root: &Path) -> Result<Option<Digest>> {
    match request.goal {
        Goal::Deploy => {
            let release = request.release.ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof")
            })?;
            Ok(Some(release.release.digest().clone()))
        }
        Goal::Rollback { to: Some(to) } => {
            find(to, observed, root)?;
            Ok(Some(to.clone()))
        }
        Goal::Rollback { to: None } => {
            let serving = observed.serving().map(|instance| &instance.release);
            let mut earlier = observed.served.iter().rev().map(|one| &one.release);
            let to = earlier.find(|release| Some(*release) != serving).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "no other release has served at this address")
                    .with_operation("local.plan")
                    .with_hint("deploy the release that is to serve")
            })?;
            find(to, observed, root)?;
            Ok(Some(to.clone()))
        }
        Goal::Remove => Ok(None),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the target `local` does not know the goal {other:?}"),
        )),
    }
}

/// The directory of a release that is not handed over: where it served from before, else below the project.
pub(crate) fn find(release: &Digest, observed: &Observed, root: &Path) -> Result<Release> {
    let served = observed.served.iter().rev().filter(|one| &one.release == release);
    let directories: Vec<PathBuf> = served
        .map(|one| one.directory.clone())
        .chain([Store::new(root).releases().join(release.hex())])
        .collect();
    for directory in directories {
        if let Ok(found) = Release::open_unverified(directory)
            && found.digest() == release
        {
            return Ok(found);
        }
    }
    Err(Error::new(
        ErrorKind::NotFound,
        format!("release {} is not on this machine any more", release.short()),
    )
    .with_operation("local.plan")
    .with_hint("build it again from its commit and deploy that"))
}
