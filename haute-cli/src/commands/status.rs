//! `status`: what serves, as the target itself says.

use haute_core::engine::Engine;
use haute_core::record::last_verified;
use serde_json::json;

use super::prepare;
use super::work::Work;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::{Outcome, errors, status};

pub(crate) async fn run(work: Work<'_>) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    let info = target.info();
    let look = async { target.status(&work.context).await.at(Stage::Prepare) };
    let deployment = work.stoppable(Stage::Prepare, look).await?;
    let engine = Engine::new(project.root());
    let pending = engine.pending(&info).at(Stage::Prepare)?;
    let last = last_verified(engine.store(), info.name, &info.address).at(Stage::Prepare)?;
    let resume = errors::command_line("resume", work.session.global);
    ui.field("release", &deployment.release);
    ui.field("url", &deployment.url);
    ui.field("target", &info);
    ui.field(
        "pending",
        pending.as_ref().map(|pending| json!({"since": pending.since, "plan": pending.plan})),
    );
    ui.field("last_verified", last.as_ref().map(|recorded| &recorded.id));
    ui.data("deployment", &deployment, |palette| {
        status::render(
            &info,
            &deployment,
            last.as_ref(),
            pending.as_ref().map(|one| (one.since, resume.as_str())),
            palette,
        )
    });
    Ok(Outcome::done("looked"))
}
