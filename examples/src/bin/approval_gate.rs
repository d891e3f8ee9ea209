//! The way of a release, step by step, with a person's approval between plan and apply.
//!
//! The approval names the digest of the plan: what was looked at is what is applied, or nothing is.
#![expect(clippy::print_stdout, reason = "a program for a terminal; only libraries must not print")]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use haute_core::diagnostic::Report;
use haute_core::engine::{Engine, Run};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::NullSink;
use haute_core::plan::Goal;
use haute_core::project::LoadOptions;
use haute_core::python::{EnvironmentCache, InstallerChoice, PythonVersion};
use haute_core::record::Origin;
use haute_core::release::lock::Platform;
use haute_core::release::{self, BuildOptions};
use haute_core::target::{Cancellation, Context, ProvenRelease, Registry};
use haute_core::variables::Variables;
use haute_core::{pipeline, project, proof, quotes};

#[tokio::main]
async fn main() -> Result<()> {
    let root = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let context = Context::new(Arc::new(NullSink), Cancellation::default());
    let mut registry = Registry::new();
    registry.register(haute_target_local::Factory::new())?;

    // Load and check: what is wrong in the user's files is a report, not an error.
    let variables = Variables::of_process();
    let options =
        LoadOptions::new(root).with_flag("deploy.target", "local").with_variables(variables.clone());
    let project = project::load(&options, &registry).map_err(|report| refused(&report))?;
    let mut report = project.report().clone();
    let checked = pipeline::check(&project, &mut report);
    let quotes = quotes::read(&project, &mut report);
    let Some(checked) = checked.filter(|_| !report.has_errors()) else { return Err(refused(&report)) };

    // Build and prove.
    let platform = Platform::of_host()
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "no release can run on this machine"))?;
    let environments =
        EnvironmentCache::of_user(&variables, &project.state_directory(), InstallerChoice::Auto);
    let mut build = BuildOptions::new(environments.clone(), platform);
    build.any_python = true;
    let built = release::build(&context, &project, &checked, &quotes, &build, &mut report).await?;
    let version = PythonVersion::parse(&built.release.manifest().python)
        .ok_or_else(|| Error::bug("a manifest without a Python version"))?;
    let environment = environments.ensure(&context, &built.release.lock()?, version).await?;
    let proof = proof::prove(&context, &built.release, &environment.python, &variables).await?;
    for quote in &proof.quotes {
        println!("{}: {}", quote.id, serde_json::Value::Object(quote.prices.clone()));
    }
    let proven = ProvenRelease::new(built.release, proof)?;

    // Plan, ask, apply. The engine refuses the plan when the world has changed since.
    let factory = registry.get("local").ok_or_else(|| Error::bug("the target was registered above"))?;
    let target = factory
        .bind(&project)
        .map_err(|_| Error::new(ErrorKind::CheckFailed, "the target's own configuration is wrong"))?;
    let engine = Engine::new(project.root());
    let plan = engine.plan(&*target, &context, &Goal::Deploy, Some(&proven)).await?;
    for step in &plan.steps {
        println!("{}", step.title);
    }
    if !plan.is_empty() && !approved(plan.digest().short())? {
        println!("Not approved: nothing was changed.");
        return Ok(());
    }
    let origin = Origin::collect(proven.release.name(), project.root(), &variables).await;
    let recorded = engine.run(&*target, &context, Run::deploy(&proven, origin).with_plan(&plan)).await?;
    println!("{:?}, recorded as {}", recorded.record.outcome, recorded.id);
    Ok(())
}

fn approved(plan: &str) -> Result<bool> {
    let failed = |source: std::io::Error| {
        Error::new(ErrorKind::Cancelled, "nobody could be asked").with_source(source)
    };
    print!("Type {plan} to approve this very plan: ");
    std::io::stdout().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim() == plan)
}

fn refused(report: &Report) -> Error {
    let found: Vec<String> =
        report.resolved().iter().map(|one| format!("{} {}", one.code, one.message)).collect();
    Error::new(ErrorKind::CheckFailed, format!("the project has mistakes: {}", found.join("; ")))
}
