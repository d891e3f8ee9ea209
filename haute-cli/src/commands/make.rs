//! From a project to a release and its proof: what `build`, `prove`, `plan` and `deploy` share.

use haute_core::config::{Architecture, Installer};
use haute_core::event::Phase;
use haute_core::project::Project;
use haute_core::proof::{self, Proof};
use haute_core::python::{EnvironmentCache, InstallerChoice, PythonVersion};
use haute_core::release::lock::Platform;
use haute_core::release::{self, BuildOptions, Built, Release};
use haute_core::store::Store;
use haute_core::target::ProvenRelease;
use haute_core::{Error, ErrorKind, Result};

use super::prepare::{self, Prepared};
use super::work::Work;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::premiums::{self, Earlier, Premium};
use crate::ui::style::count;

/// How many failed checks are spelled out.
const FAILURES_SHOWN: usize = 20;

/// Checks the project, as a phase.
pub(crate) async fn checked(work: &Work<'_>) -> Result<Prepared, Failure> {
    work.phase(Phase::Check, async {
        let prepared = prepare::check(work.session)?;
        let summary = prepare::summary(&prepared);
        Ok((prepared, summary))
    })
    .await
}

/// Builds the release of a checked project, as a phase. Warnings are shown once it is built.
pub(crate) async fn built(work: &Work<'_>, prepared: &mut Prepared) -> Result<Built, Failure> {
    let options = options(work, &prepared.project).at(Stage::Build)?;
    let built = work
        .phase(Phase::Build, async {
            let Prepared { project, pipeline, quotes, report } = prepared;
            let build = Box::pin(release::build(&work.context, project, pipeline, quotes, &options, report));
            let built = match work.stoppable(Stage::Build, async { Ok(build.await) }).await? {
                Ok(built) => built,
                Err(error) if error.kind() == ErrorKind::CheckFailed && report.has_errors() => {
                    report.finish();
                    return Err(std::mem::take(report).into());
                }
                Err(error) => return Err(error).at(Stage::Build),
            };
            let files = count(built.release.manifest().files.len(), "file");
            let what = if built.unchanged { "as before" } else { "new" };
            let summary = format!("release {} ({what}, {files})", built.release.digest().short());
            Ok((built, summary))
        })
        .await?;
    prepared.report.finish();
    work.session.ui.report(&prepared.report);
    work.session.ui.field("release", built.release.digest());
    Ok(built)
}

/// Proves a release in an environment made from its lock, as a phase, and keeps the proof. A proof that did not pass is
/// a failure.
pub(crate) async fn proven(work: &Work<'_>, project: &Project, release: &Release) -> Result<Proof, Failure> {
    let proof = work
        .phase(Phase::Prove, async {
            let proof = work.stoppable(Stage::Prove, prove(work, project, release)).await?;
            let failed = proof.failures().count();
            let quotes = count(proof.quotes.len(), "test quote");
            let summary = match failed {
                0 => format!("{quotes}, every check passed"),
                _ => format!("{quotes}, {} failed", count(failed, "check")),
            };
            Ok((proof, summary))
        })
        .await?;
    Store::new(project.root()).save_proof(&proof).at(Stage::Prove)?;
    if proof.passed { Ok(proof) } else { Err(refuted(&proof)).at(Stage::Prove) }
}

async fn prove(work: &Work<'_>, project: &Project, release: &Release) -> Result<Proof, Failure> {
    let environments = environments(project);
    let version = &release.manifest().python;
    let version = PythonVersion::parse(version)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the release is for Python `{version}`, which is no version"),
            )
        })
        .at(Stage::Prove)?;
    let lock =
        release::host_lock(&work.context, project, release, installer(project)).await.at(Stage::Build)?;
    let environment = environments.ensure(&work.context, &lock.text, version).await.at(Stage::Build)?;
    proof::prove(&work.context, release, &environment.python, project.variables()).await.at(Stage::Prove)
}

/// Check, build and prove: everything before the world is looked at.
pub(crate) async fn release(work: &Work<'_>, prepared: &mut Prepared) -> Result<ProvenRelease, Failure> {
    let built = Box::pin(built(work, prepared)).await?;
    let proof = proven(work, &prepared.project, &built.release).await?;
    ProvenRelease::new(built.release, proof).at(Stage::Prove)
}

/// The premiums of a proof beside those of the last verified deployment of the project's target.
pub(crate) fn premiums(work: &Work<'_>, project: &Project, proof: &Proof) -> Result<Vec<Premium>, Failure> {
    let earlier = match prepare::target(work.session, project) {
        Ok(target) => earlier(&Store::new(project.root()), &target.info()).at(Stage::Plan)?,
        // A build without the project's target has no deployment of it to compare with.
        Err(_) => None,
    };
    Ok(premiums::compare(&proof.quotes, earlier.as_ref()))
}

/// The premiums on the last verified record of a target's address.
pub(crate) fn earlier(store: &Store, info: &haute_core::target::TargetInfo) -> Result<Option<Earlier>> {
    let last = haute_core::record::last_verified(store, info.name, &info.address)?;
    let proof = last.and_then(|recorded| recorded.record.proof);
    Ok(proof.map(|proof| proof.quotes.into_iter().map(|quote| (quote.id, quote.prices)).collect()))
}

/// The error of a proof that did not pass: each failed check with the quote it belongs to.
fn refuted(proof: &Proof) -> Error {
    let lines: Vec<String> = proof
        .failures()
        .map(|(quote, check)| {
            let quote = quote.map_or_else(String::new, |quote| format!("{}: ", quote.id));
            let detail = if check.detail.is_empty() { String::new() } else { format!(": {}", check.detail) };
            format!("{quote}{}{detail}", check.name)
        })
        .collect();
    let mut shown: Vec<&str> = lines.iter().take(FAILURES_SHOWN).map(String::as_str).collect();
    let more = format!("… and {} more", lines.len().saturating_sub(FAILURES_SHOWN));
    if lines.len() > FAILURES_SHOWN {
        shown.push(&more);
    }
    Error::new(
        ErrorKind::ProofFailed,
        format!("release {} does not price its test quotes as it should", proof.release.short()),
    )
    .with_operation("prove")
    .with_context("failed", shown.join("\n"))
    .with_hint("mend the pipeline, or the `expected` values of the test quotes where the new price is meant")
}

fn environments(project: &Project) -> EnvironmentCache {
    EnvironmentCache::of_user(project.variables(), &project.state_directory(), installer(project))
}

fn installer(project: &Project) -> InstallerChoice {
    match project.config().deploy.build.installer {
        Installer::Uv => InstallerChoice::Uv,
        Installer::Pip => InstallerChoice::Pip,
        _ => InstallerChoice::Auto,
    }
}

/// How the project's release is built: for this machine where its target is here, else for Linux.
fn options(work: &Work<'_>, project: &Project) -> Result<BuildOptions> {
    let section = &project.config().deploy.build;
    let local = prepare::target(work.session, project).is_ok_and(|target| !target.info().capabilities.remote);
    let architecture = section.architecture.unwrap_or(Architecture::host());
    let host = Platform::of_host().filter(|_| local && architecture == Architecture::host());
    let platform = host.or_else(|| Platform::parse(&format!("linux/{}", architecture.as_str())));
    let platform = platform.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("no release can be built for `{}`", architecture.as_str()))
    })?;
    let mut options = BuildOptions::new(environments(project), platform);
    options.installer = installer(project);
    options.python =
        match &section.python {
            Some(text) => Some(PythonVersion::parse(text).ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, format!("`{text}` is no Python version"))
            })?),
            None => None,
        };
    options.any_python = local;
    options.frozen = work.session.global.frozen;
    Ok(options)
}
