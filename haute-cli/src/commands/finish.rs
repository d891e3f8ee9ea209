//! What every command that changes a target does around the change.

use std::sync::Arc;

use haute_core::engine::{Engine, Run};
use haute_core::project::Project;
use haute_core::record::{Origin, Outcome as Ended, Recorded};
use haute_core::target::{DeployTarget, Finding, FindingLevel};
use haute_core::{Error, ErrorKind};
use serde_json::json;

use super::make;
use super::work::Work;
use crate::environment;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::premiums::{self, Premium};
use crate::ui::style::count;
use crate::ui::{Outcome, curl};

/// Refuses to change a remote target from somebody's own machine unless that is said to be meant.
pub(crate) fn permitted(work: &Work<'_>, target: &dyn DeployTarget) -> Result<(), Failure> {
    let session = work.session;
    let info = target.info();
    if !info.capabilities.remote || session.global.yes || environment::is_ci(session.ui.variables()) {
        return Ok(());
    }
    let error =
        Failure::usage(format!("this would change {} ({}) from outside CI", info.title, info.address))
            .with_hint("add `--yes` if that is meant; CI jobs need no flag");
    Err(error).at(Stage::Prepare)
}

/// Looks at the outside world before anything is built on it. What is not as it should be is told.
pub(crate) async fn preflight(work: &Work<'_>, target: &dyn DeployTarget) -> Result<(), Failure> {
    let looked = look(work, target).await?;
    for finding in &looked {
        if finding.level == FindingLevel::Warn {
            let message = format!("{}: {}", finding.subject, finding.detail);
            let help = finding.fix.clone();
            work.context.events.emit(&haute_core::event::Event::Warning { message, help });
        }
    }
    let skipped: Vec<&str> = looked
        .iter()
        .filter(|finding| finding.level == FindingLevel::Skipped)
        .map(|finding| finding.subject.as_str())
        .collect();
    if !skipped.is_empty() {
        // One line: a policy that is narrow on purpose is no reason for a warning in every run.
        work.session.ui.note(&format!(
            "not looked at, for want of a permission: {} (`haute-cli preflight` names each)",
            skipped.join(", ")
        ));
    }
    fit(target, &looked)
}

/// Every finding of the target about the outside world.
pub(crate) async fn look(work: &Work<'_>, target: &dyn DeployTarget) -> Result<Vec<Finding>, Failure> {
    let looked =
        work.stoppable(Stage::Plan, async { target.preflight(&work.context).await.at(Stage::Plan) }).await?;
    work.session.ui.field("preflight", &looked);
    Ok(looked)
}

/// Refuses a world a deploy would fail in.
pub(crate) fn fit(target: &dyn DeployTarget, looked: &[Finding]) -> Result<(), Failure> {
    let mut failed = Vec::new();
    let mut fixes = Vec::new();
    for finding in looked.iter().filter(|finding| finding.level == FindingLevel::Failed) {
        failed.push(format!("{}: {}", finding.subject, finding.detail));
        fixes.extend(finding.fix.clone());
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("{} cannot be deployed to as things are", target.info().title);
    let mut error = Error::new(ErrorKind::DeploymentFailed, message).with_operation("preflight");
    error = error.with_context("found", failed.join("\n"));
    for fix in fixes {
        error = error.with_hint(fix);
    }
    Err(error).at(Stage::Plan)
}

/// Carries out a run of the engine and shows what it came to.
pub(crate) async fn carry_out<'r>(
    work: &Work<'_>,
    project: &Project,
    target: &Arc<dyn DeployTarget>,
    run: impl FnOnce(Origin) -> Run<'r>,
) -> Result<Outcome, Failure> {
    let origin = work.origin(project).await;
    let engine = Engine::new(project.root());
    // Read before the run: afterwards the last record is the one just written.
    let earlier = make::earlier(engine.store(), &target.info()).at(Stage::Plan)?;
    let run = run(origin).with_timings(work.timings());
    let recorded = engine.run(target.as_ref(), &work.context, run).await.at(Stage::Apply)?;
    let proof = match &recorded.record.release {
        Some(release) => engine.store().proof(release).at(Stage::Apply)?,
        None => None,
    };
    let quotes = proof.as_ref().map(|proof| proof.quotes.as_slice()).unwrap_or_default();
    let premiums = premiums::compare(quotes, earlier.as_ref());
    let example =
        recorded.record.url.as_deref().zip(quotes.first()).map(|(url, quote)| curl::line(url, &quote.input));
    show(work, &recorded, &premiums, example.as_deref());
    Ok(Outcome::done(word(recorded.record.outcome)))
}

fn show(work: &Work<'_>, recorded: &Recorded, premiums: &[Premium], example: Option<&str>) {
    let ui = work.session.ui;
    let record = &recorded.record;
    ui.field("release", &record.release);
    ui.field("target", &record.target);
    ui.field("address", &record.address);
    ui.field("record", &recorded.id);
    ui.field("before", &record.before);
    ui.field("details", &record.details);
    let verification = record.verification.as_ref();
    ui.field("verification", verification.map(|it| json!({"passed": it.passed, "checks": it.checks.len()})));
    ui.field("example", example);
    if record.release.is_some() {
        ui.data("premiums", premiums, |palette| premiums::render(premiums, palette) + "\n");
    }
    ui.data("url", &record.url, |palette| {
        let sentence = palette.good(&sentence(recorded, premiums.len()));
        let example = example.map(|line| format!("\n{line}\n")).unwrap_or_default();
        format!("{sentence}\n{example}")
    });
}

/// What serves now, in one sentence.
fn sentence(recorded: &Recorded, quotes: usize) -> String {
    let record = &recorded.record;
    let Some(release) = &record.release else {
        return match &record.before {
            Some(before) => {
                format!("Release {} serves no more; nothing serves at {}.", before.short(), record.address)
            }
            None => format!("Nothing served at {}, and nothing does.", record.address),
        };
    };
    if let (None, Some(image)) = (&record.url, record.details.get("image")) {
        let verb = if record.outcome == Ended::Unchanged { "is already" } else { "is" };
        return format!("Release {} {verb} the image {image}.", release.short());
    }
    let verb = match record.outcome {
        Ended::Unchanged => "serves already",
        Ended::RolledBack => "serves again",
        Ended::CanaryServes => "serves as a canary",
        Ended::Promoted | Ended::Aborted => "serves everything",
        _ => "serves",
    };
    let place = record.url.as_deref().unwrap_or(&record.address);
    let verified = match &record.verification {
        Some(verification) if verification.passed => {
            format!(", verified with {}", count(quotes, "test quote"))
        }
        _ => String::new(),
    };
    let changed = if record.outcome == Ended::Unchanged { "; nothing was changed" } else { "" };
    format!("Release {} {verb} at {place}{verified}{changed}.", release.short())
}

const fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Deployed => "deployed",
        Ended::Unchanged => "unchanged",
        Ended::RolledBack => "rolled_back",
        Ended::Removed => "removed",
        Ended::CanaryServes => "canary_serves",
        Ended::Promoted => "promoted",
        Ended::Aborted => "aborted",
        // `Engine::run` returns these as errors.
        _ => "failed",
    }
}
