//! `plan`: what a deploy would change. Nothing is changed.

use haute_core::engine::Engine;
use haute_core::plan::Goal;
use haute_core::{Error, ErrorKind};

use super::work::Work;
use super::{finish, make, prepare};
use crate::args::PlanArguments;
use crate::exit::{Exit, Stage};
use crate::failure::{At as _, Failure};
use crate::ui::{Outcome, errors, plan_table, premiums};

pub(crate) async fn run(work: Work<'_>, arguments: &PlanArguments) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let mut prepared = make::checked(&work).await?;
    let target = prepare::target(work.session, &prepared.project)?;
    let release = Box::pin(make::release(&work, &mut prepared)).await?;
    let premiums = make::premiums(&work, &prepared.project, &release.proof)?;
    finish::preflight(&work, target.as_ref()).await?;
    let engine = Engine::new(prepared.project.root());
    let plan = work
        .stoppable(Stage::Plan, async {
            engine.plan(target.as_ref(), &work.context, &Goal::Deploy, Some(&release)).await.at(Stage::Plan)
        })
        .await?;
    if let Some(path) = &arguments.out {
        let bytes = serde_json::to_vec_pretty(&plan)
            .map_err(|source| Error::bug("the plan cannot be written").with_source(source))
            .at(Stage::Plan)?;
        std::fs::write(path, bytes)
            .map_err(|source| {
                Error::new(ErrorKind::InvalidInput, format!("cannot write `{}`", path.display()))
                    .with_source(source)
            })
            .at(Stage::Plan)?;
        let apply = errors::command_line("deploy", work.session.global);
        ui.note(&format!(
            "Apply exactly this plan with `{apply} --plan {}`",
            errors::quoted(&path.to_string_lossy())
        ));
    }
    ui.field("plan_digest", plan.digest());
    ui.data("premiums", &premiums, |palette| premiums::render(&premiums, palette) + "\n");
    ui.data("plan", &plan, |palette| plan_table::render(&plan, palette));
    if plan.is_empty() {
        return Ok(Outcome::done("no_changes"));
    }
    let exit = if arguments.exit_code { Exit::Changes } else { Exit::Done };
    Ok(Outcome { word: "changes", exit })
}
