//! `stop`: nothing serves any more.

use haute_core::engine::Run;

use super::work::Work;
use super::{finish, prepare};
use crate::failure::Failure;
use crate::ui::Outcome;

pub(crate) async fn run(work: Work<'_>) -> Result<Outcome, Failure> {
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    finish::permitted(&work, target.as_ref())?;
    finish::carry_out(&work, &project, &target, Run::remove).await
}
