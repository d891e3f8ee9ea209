//! One release to two regions in order, with a person's approval between them.
//!
//! ```text
//! two_regions PROJECT RELEASE PROOF ireland virginia
//! ```
//!
//! `RELEASE` and `PROOF` are what `haute-cli build` and `haute-cli prove` left; each further argument names an overlay,
//! `haute.<name>.toml`, with the region, cluster, service and registry of one region. The second region is touched only after
//! the first serves the proven prices and somebody has approved the very plan for the second.
#![expect(clippy::print_stdout, reason = "a program for a terminal; only libraries must not print")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haute_core::engine::{Engine, Run};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::{Event, EventSink};
use haute_core::plan::Goal;
use haute_core::project::{self, LoadOptions, Project};
use haute_core::record::Origin;
use haute_core::release::Release;
use haute_core::store::read_json;
use haute_core::target::{Cancellation, Context, DeployTarget, FindingLevel, ProvenRelease, Registry};
use haute_core::variables::Variables;

/// Tells what the services say of themselves, and what failed.
struct Lines;

impl EventSink for Lines {
    fn emit(&self, event: &Event) {
        match event {
            Event::ServiceEvent { message, .. } | Event::StepWaiting { message, .. } => {
                println!("  {message}");
            }
            Event::FailureReport { report } => println!("{report:#?}"),
            _ => {}
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| {
        arguments.next().ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("which {what}?")))
    };
    let (root, release, proof) =
        (PathBuf::from(next("project")?), next("release")?, PathBuf::from(next("proof")?));
    let proof =
        read_json(&proof)?.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such proof"))?;
    let proven = ProvenRelease::new(Release::open(release)?, proof)?;
    for (number, overlay) in arguments.enumerate() {
        println!("{overlay}:");
        if !deploy(&root, &overlay, &proven, number > 0).await? {
            println!("Not approved: the regions from {overlay} on were not touched.");
            break;
        }
    }
    Ok(())
}

/// Deploys to the region of one overlay; `false` where nobody approved it.
async fn deploy(root: &Path, overlay: &str, proven: &ProvenRelease, asks: bool) -> Result<bool> {
    let context = Context::new(Arc::new(Lines), Cancellation::default());
    let project = load(root, overlay)?;
    let target = bind(&project)?;
    for finding in target.preflight(&context).await? {
        if matches!(finding.level, FindingLevel::Failed | FindingLevel::Warn) {
            println!(
                "  {}: {} {}",
                finding.subject,
                finding.detail,
                finding.fix.as_deref().unwrap_or_default()
            );
        }
    }
    let engine = Engine::new(project.root());
    let plan = engine.plan(&*target, &context, &Goal::Deploy, Some(proven)).await?;
    for step in &plan.steps {
        println!("  {}", step.title);
    }
    if asks && !plan.is_empty() && !approved(plan.digest().short())? {
        return Ok(false);
    }
    let origin = Origin::collect(proven.release.name(), project.root(), project.variables()).await;
    let run = Run::deploy(proven, origin).with_plan(&plan);
    let recorded = engine.run(&*target, &context, run).await?;
    println!("  {:?}, recorded as {}", recorded.record.outcome, recorded.id);
    Ok(true)
}

fn load(root: &Path, overlay: &str) -> Result<Project> {
    let mut registry = Registry::new();
    registry.register(haute_target_ecs::Factory::new())?;
    let options = LoadOptions::new(root)
        .with_overlay(Some(overlay.to_owned()))
        .with_flag("deploy.target", "aws-ecs")
        .with_variables(Variables::of_process());
    project::load(&options, &registry).map_err(|report| {
        let found: Vec<String> = report.resolved().iter().map(|one| one.message.clone()).collect();
        Error::new(ErrorKind::CheckFailed, format!("`haute.{overlay}.toml`: {}", found.join("; ")))
    })
}

fn bind(project: &Project) -> Result<Arc<dyn DeployTarget>> {
    use haute_core::target::TargetFactory as _;
    haute_target_ecs::Factory::new().bind(project).map_err(|found| {
        let found: Vec<String> = found.iter().map(|one| one.message.clone()).collect();
        Error::new(ErrorKind::CheckFailed, found.join("; "))
    })
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
