//! What several commands begin with: load the project, check it, bind its target.

use std::sync::Arc;

use haute_core::diagnostic::{Diagnostic, Report, Severity};
use haute_core::pipeline::{self, Checked};
use haute_core::project::{self, LoadOptions, Project};
use haute_core::quotes::{self, TestQuote};
use haute_core::target::DeployTarget;

use super::Session;
use crate::exit::Stage;
use crate::failure::Failure;
use crate::ui::style::count;

/// A project without mistakes.
pub(crate) struct Prepared {
    pub(crate) project: Project,
    pub(crate) pipeline: Checked,
    pub(crate) quotes: Vec<TestQuote>,
    /// Warnings, and the files they are about.
    pub(crate) report: Report,
}

/// What was checked, in one line.
pub(crate) fn summary(prepared: &Prepared) -> String {
    let Prepared { pipeline, quotes, report, .. } = prepared;
    let nodes = count(pipeline.graph.nodes.len(), "node");
    let on_path = pipeline.path.nodes.len();
    let (_, warnings) = report.counts();
    let warned = if warnings == 0 { String::new() } else { format!(", {}", count(warnings, "warning")) };
    format!("{nodes}, {on_path} on the scoring path, {}{warned}", count(quotes.len(), "test quote"))
}

/// Loads the project, without looking at its pipeline.
pub(crate) fn load(session: Session<'_>) -> Result<Project, Failure> {
    let global = session.global;
    let mut options = LoadOptions::new(&global.project)
        .with_overlay(global.env.clone())
        .with_variables(session.ui.variables().clone())
        .with_frozen(global.frozen);
    if let Some(target) = &global.target {
        options = options.with_flag("deploy.target", target);
    }
    if let Some(place) = session.prove_in {
        options = options.with_flag("deploy.container.prove_in", place.as_str());
    }
    Ok(project::load(&options, session.registry)?)
}

/// Loads and checks the project: every mistake of every file at once.
pub(crate) fn check(session: Session<'_>) -> Result<Prepared, Failure> {
    let project = load(session)?;
    let mut report = project.report().clone();
    let pipeline = pipeline::check(&project, &mut report);
    let quotes = quotes::read(&project, &mut report);
    report.diagnostics.extend(target_mistakes(session, &project));
    report.finish();
    match pipeline {
        Some(pipeline) if !report.has_errors() => Ok(Prepared { project, pipeline, quotes, report }),
        _ => Err(report.into()),
    }
}

/// What the target finds in its own tables. A target this build does not carry is no mistake of the project: a project
/// for one cloud is checked with any build.
fn target_mistakes(session: Session<'_>, project: &Project) -> Vec<Diagnostic> {
    let Some(factory) = session.registry.get(&project.config().deploy.target) else { return Vec::new() };
    match factory.bind(project) {
        Ok(target) => target.validate(),
        Err(diagnostics) => diagnostics,
    }
}

/// Binds the project's target.
pub(crate) fn target(session: Session<'_>, project: &Project) -> Result<Arc<dyn DeployTarget>, Failure> {
    let name = project.config().deploy.target.as_str();
    let Some(factory) = session.registry.get(name) else {
        let known: Vec<_> = session.registry.names().collect();
        let error = Failure::usage(format!("this build of haute-cli cannot deploy to `{name}`"))
            .with_hint(format!("it can deploy to: {}; choose one with `--target NAME`", known.join(", ")));
        return Err(Failure::Error { error, stage: Stage::Prepare });
    };
    let mistakes = match factory.bind(project) {
        Ok(target) => {
            let mistakes = target.validate();
            if mistakes.iter().all(|mistake| mistake.severity != Severity::Error) {
                return Ok(target);
            }
            mistakes
        }
        Err(mistakes) => mistakes,
    };
    let mut report = project.report().clone();
    report.diagnostics.extend(mistakes);
    report.finish();
    Err(report.into())
}
