//! `watch`: follows a deployment by the target's own id until it has come through, and verifies what serves.

use haute_core::engine::Engine;
use haute_core::event::Phase;
use haute_core::store::Store;
use haute_core::{Error, ErrorKind};
use serde_json::json;

use super::work::Work;
use super::{deploy, prepare};
use crate::args::WatchArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
use crate::ui::style::count;

pub(crate) async fn run(work: Work<'_>, arguments: &WatchArguments) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    let given = arguments.proof.as_deref().map(deploy::read_proof).transpose().at(Stage::Prepare)?;
    let engine = Engine::new(project.root());
    let id = arguments.deployment.as_str();
    ui.field("deployment", id);
    work.phase(Phase::Apply, async {
        engine.watch(target.as_ref(), &work.context, id).await.at(Stage::Apply)?;
        Ok(((), format!("{id} has come through")))
    })
    .await?;
    let serving = target.status(&work.context).await.at(Stage::Apply)?;
    ui.field("release", &serving.release);
    ui.field("url", &serving.url);
    ui.field("details", &serving.details);
    let proof = match (given, &serving.release) {
        (Some(proof), _) => Some(proof),
        (None, Some(release)) => match Store::new(project.root()).proof(release).at(Stage::Apply)? {
            Some(proof) => Some(proof),
            None => target.proof(&work.context, release).await.at(Stage::Apply)?,
        },
        (None, None) => None,
    };
    let Some(proof) = proof.filter(|_| target.info().capabilities.serves_http) else {
        let error = Error::new(
            ErrorKind::VerificationFailed,
            format!("deployment `{id}` has come through, and its prices could not be checked: there is no proof to hold them against"),
        )
        .with_operation("watch")
        .with_hint("give the proof that `haute-cli prove --out FILE` wrote with `--proof FILE`");
        return Err(error).at(Stage::Ask);
    };
    let verification = engine.verify(target.as_ref(), &work.context, &proof).await.at(Stage::Apply)?;
    ui.field("verification", json!({"passed": verification.passed, "checks": verification.checks.len()}));
    verification.require().at(Stage::Apply)?;
    ui.note(&format!(
        "Release {} serves at {}, verified with {}.",
        proof.release.short(),
        serving.url.as_deref().unwrap_or(&target.info().address),
        count(proof.quotes.len(), "test quote"),
    ));
    Ok(Outcome::done("deployed"))
}
