//! `resume`: goes on where a deployment was cut off.

use haute_core::engine::{Engine, Run};
use haute_core::plan::Goal;
use haute_core::{Error, ErrorKind};

use super::work::Work;
use super::{deploy, finish, prepare};
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::{Outcome, status};

pub(crate) async fn run(work: Work<'_>) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    let info = target.info();
    let Some(pending) = Engine::new(project.root()).pending(&info).at(Stage::Plan)? else {
        ui.note(&format!("Nothing to resume: no deployment to {} was cut off.", info.address));
        return Ok(Outcome::done("nothing_to_resume"));
    };
    finish::permitted(&work, target.as_ref())?;
    ui.field("release", &pending.plan.release);
    ui.note(&format!("Going on with what began at {}.", status::time(pending.since)));
    match &pending.plan.goal {
        Goal::Deploy | Goal::Canary { .. } => {
            let digest = pending.plan.release.as_ref();
            let release = digest.ok_or_else(|| Error::bug("the journal names no release")).at(Stage::Plan)?;
            let release = deploy::kept(&project, release).at(Stage::Plan)?;
            let goal = pending.plan.goal.clone();
            let run = |origin| match goal {
                Goal::Canary { percent } => Run::canary(&release, percent, origin),
                _ => Run::deploy(&release, origin),
            };
            finish::carry_out(&work, &project, &target, run).await
        }
        Goal::Rollback { to } => {
            let to = to.clone().or_else(|| pending.plan.release.clone());
            finish::carry_out(&work, &project, &target, |origin| Run::rollback(to, origin)).await
        }
        Goal::Promote => finish::carry_out(&work, &project, &target, Run::promote).await,
        Goal::Abort => finish::carry_out(&work, &project, &target, Run::abort).await,
        Goal::Remove => finish::carry_out(&work, &project, &target, Run::remove).await,
        _ => Err(Error::new(ErrorKind::Unsupported, "a newer version of haute-cli began this deployment"))
            .at(Stage::Prepare),
    }
}
