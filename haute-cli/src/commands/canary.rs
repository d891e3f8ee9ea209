//! `promote` and `abort`: how a canary ends.

use haute_core::engine::Run;

use super::work::Work;
use super::{finish, prepare};
use crate::failure::Failure;
use crate::ui::Outcome;

/// The canary serves everything.
pub(crate) async fn promote(work: Work<'_>) -> Result<Outcome, Failure> {
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    finish::permitted(&work, target.as_ref())?;
    finish::carry_out(&work, &project, &target, Run::promote).await
}

/// The canary serves nothing any more.
pub(crate) async fn abort(work: Work<'_>) -> Result<Outcome, Failure> {
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    finish::permitted(&work, target.as_ref())?;
    finish::carry_out(&work, &project, &target, Run::abort).await
}
