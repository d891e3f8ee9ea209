//! `deploy`: the whole way, and what serves at its end.

use std::path::Path;
use std::sync::Arc;

use haute_core::digest::Digest;
use haute_core::engine::Run;
use haute_core::plan::{Goal, PLAN_SCHEMA, Plan};
use haute_core::project::Project;
use haute_core::proof::{PROOF_SCHEMA, Proof};
use haute_core::record::Origin;
use haute_core::release::Release;
use haute_core::store::Store;
use haute_core::target::{DeployTarget, ProvenRelease};
use haute_core::{Error, ErrorKind, Result};

use super::work::Work;
use super::{finish, make, prepare};
use crate::args::DeployArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;

pub(crate) async fn run(work: Work<'_>, arguments: &DeployArguments) -> Result<Outcome, Failure> {
    if let Some(path) = &arguments.plan {
        return apply(&work, path).await;
    }
    if let Some(directory) = &arguments.release {
        return hand_over(&work, arguments, directory).await;
    }
    let mut prepared = make::checked(&work).await?;
    let target = prepare::target(work.session, &prepared.project)?;
    finish::permitted(&work, target.as_ref())?;
    finish::preflight(&work, target.as_ref()).await?;
    let release = Box::pin(make::release(&work, &mut prepared)).await?;
    finish::carry_out(&work, &prepared.project, &target, |origin| wanted(arguments, &release, origin)).await
}

/// All of the traffic, or a share of it.
fn wanted<'r>(arguments: &DeployArguments, release: &'r ProvenRelease, origin: Origin) -> Run<'r> {
    match arguments.canary {
        Some(percent) => Run::canary(release, percent, origin),
        None => Run::deploy(release, origin),
    }
}

/// Applies a plan that was made, looked at and perhaps approved before: nothing is built, so nothing can differ.
async fn apply(work: &Work<'_>, path: &Path) -> Result<Outcome, Failure> {
    let plan = read(path).at(Stage::Prepare)?;
    work.session.ui.field("release", &plan.release);
    work.session.ui.field("plan_digest", plan.digest());
    let project = prepare::load(work.session)?;
    let target: Arc<dyn DeployTarget> = prepare::target(work.session, &project)?;
    finish::permitted(work, target.as_ref())?;
    let Some(digest) = plan.release.as_ref().filter(|_| plan.goal == Goal::Deploy) else {
        let error = Failure::usage(format!("`{}` is not the plan of a deploy", path.display()));
        return Err(error).at(Stage::Prepare);
    };
    let release = kept(&project, digest).at(Stage::Prepare)?;
    finish::carry_out(work, &project, &target, |origin| Run::deploy(&release, origin).with_plan(&plan)).await
}

/// Deploys a release that was built elsewhere, perhaps proven there too.
async fn hand_over(
    work: &Work<'_>,
    arguments: &DeployArguments,
    directory: &Path,
) -> Result<Outcome, Failure> {
    let release = Release::open(directory).at(Stage::Prepare)?;
    work.session.ui.field("release", release.digest());
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    finish::permitted(work, target.as_ref())?;
    // Nothing is built here: the state of the project at the end is the one at the beginning.
    work.ask_origin(&project);
    finish::preflight(work, target.as_ref()).await?;
    let given = match arguments.proof.as_deref() {
        Some(path) => Some(read_proof(path).at(Stage::Prepare)?),
        None => Store::new(project.root()).proof(release.digest()).at(Stage::Prepare)?,
    };
    let proof = match given {
        Some(proof) => proof,
        None => make::proven(work, &project, &release).await?,
    };
    let release = ProvenRelease::new(release, proof).at(Stage::Prove)?;
    finish::carry_out(work, &project, &target, |origin| wanted(arguments, &release, origin)).await
}

pub(crate) fn read_proof(path: &Path) -> Result<Proof> {
    let bytes = std::fs::read(path).map_err(|source| {
        Failure::usage(format!("cannot read the proof `{}`", path.display())).with_source(source)
    })?;
    let proof: Proof = serde_json::from_slice(&bytes).map_err(|source| {
        Failure::usage(format!("`{}` is not a proof", path.display()))
            .with_source(source)
            .with_hint("write one with `haute-cli prove --out FILE`")
    })?;
    if proof.schema == PROOF_SCHEMA {
        return Ok(proof);
    }
    Err(Failure::usage(format!(
        "`{}` is a `{}`, this version reads `{PROOF_SCHEMA}`",
        path.display(),
        proof.schema
    )))
}

fn read(path: &Path) -> Result<Plan> {
    let bytes = std::fs::read(path).map_err(|source| {
        Failure::usage(format!("cannot read the plan `{}`", path.display())).with_source(source)
    })?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|source| {
        Failure::usage(format!("`{}` is not a plan", path.display()))
            .with_source(source)
            .with_hint("write one with `haute-cli plan --out FILE`")
    })?;
    if plan.schema == PLAN_SCHEMA {
        return Ok(plan);
    }
    Err(Failure::usage(format!(
        "`{}` is a `{}`, this version reads `{PLAN_SCHEMA}`",
        path.display(),
        plan.schema
    )))
}

/// A release that was built and proven here before.
pub(crate) fn kept(project: &Project, digest: &Digest) -> Result<ProvenRelease> {
    let missing = |what: &str| {
        Error::new(ErrorKind::NotFound, format!("{what} release {} is not kept here", digest.short()))
            .with_context("directory", project.state_directory().display().to_string())
            .with_hint("plan and deploy from the same project directory, or build and deploy anew")
    };
    let store = Store::new(project.root());
    let release = Release::open(store.releases().join(digest.hex()))
        .map_err(|error| if error.kind() == ErrorKind::NotFound { missing("the") } else { error })?;
    if release.digest() != digest {
        return Err(Error::new(
            ErrorKind::VerificationFailed,
            format!("the directory of release {} holds release {}", digest.short(), release.digest().short()),
        ));
    }
    let proof = store.proof(digest)?.ok_or_else(|| missing("the proof of"))?;
    ProvenRelease::new(release, proof)
}
