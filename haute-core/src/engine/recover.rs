//! What happens when a deployment fails: going back where the policy says so, and saying exactly what serves.

use super::apply::{outputs_of, short};
use super::policy::OnFailure;
use super::run::{Progress, Run, no_proof};
use super::{Applied, Engine};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::plan::Goal;
use crate::record::Outcome;
use crate::target::{Context, DeployTarget, Deployment, ReportRequest};

impl Engine {
    /// Turns the failure of a run into its outcome and the error to report, after going back where that is wanted.
    pub(super) async fn recover(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        run: &Run<'_>,
        progress: &mut Progress,
        error: Error,
    ) -> (Outcome, Error) {
        if error.kind() == ErrorKind::Cancelled {
            // One look, without retries: who cancels wants to leave.
            progress.deployment = target.status(context).await.unwrap_or_default();
            return (Outcome::Cancelled, error);
        }
        let before = progress.plan.as_ref().and_then(|plan| plan.serving.clone());
        let unchanged = !progress.applied.changed;
        if !unchanged {
            self.find_out(target, context, progress, &error).await;
        }
        let info = target.info();
        let go_back = !unchanged
            && run.goal != Goal::Remove
            // What no release of ours served before can only be taken down again, where the target can.
            && (before.is_some() || info.capabilities.remove)
            && !belongs_to_others(error.kind(), info.capabilities.remote)
            && self.policy.on_failure_of(&info) == OnFailure::Rollback;
        if go_back {
            return self.go_back(target, context, progress, before.as_ref(), error).await;
        }
        let status = self.call(context, None, || target.status(context)).await;
        let known = status.is_ok();
        progress.deployment = status.unwrap_or_default();
        let serving = progress.deployment.release.clone();
        if unchanged {
            return (Outcome::Failed, error);
        }
        if known && serving == before && keeps_nothing_open(error.kind()) {
            let message = match &before {
                Some(release) => format!("the deployment failed; release {} still serves", release.short()),
                None if progress.deployment.state == Deployment::nothing().state => {
                    "the deployment failed; nothing serves, as before".to_owned()
                }
                None => "the deployment failed; what served before still serves".to_owned(),
            };
            return (Outcome::Failed, wrap(ErrorKind::DeploymentFailed, message, error));
        }
        let now = if known { short(serving.as_ref()) } else { "unknown".to_owned() };
        (Outcome::Failed, error.with_context("serves now", now))
    }

    /// Asks the target what it can find out, before anything is put right.
    async fn find_out(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        progress: &mut Progress,
        error: &Error,
    ) {
        let Some(plan) = &progress.plan else { return };
        let failed = progress.applied.steps.iter().find(|step| !step.done);
        let step = failed.and_then(|failed| plan.steps.iter().find(|step| step.id == failed.id));
        let outputs = outputs_of(&progress.applied);
        let request = ReportRequest::new(plan, step, &outputs, error);
        progress.report = target.report(context, request).await;
        if let Some(report) = &progress.report {
            context.events.emit(&Event::FailureReport { report: report.clone() });
        }
    }

    async fn go_back(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        progress: &mut Progress,
        before: Option<&Digest>,
        error: Error,
    ) -> (Outcome, Error) {
        context.events.emit(&Event::RollbackStarted { to: before.cloned(), reason: error.to_string() });
        match self.restore(target, context, progress, before).await {
            Ok(()) => {
                let message = match before {
                    Some(release) => {
                        format!("the deployment failed; release {} serves again, verified", release.short())
                    }
                    None => "the deployment failed; nothing serves, as before".to_owned(),
                };
                (Outcome::FailedAndRolledBack, wrap(ErrorKind::DeploymentFailed, message, error))
            }
            Err(second) => {
                let status = target.status(context).await;
                let now = match &status {
                    Ok(deployment) => short(deployment.release.as_ref()),
                    Err(_) => "unknown".to_owned(),
                };
                progress.deployment = status.unwrap_or_default();
                let message = format!(
                    "the deployment failed, and going back to {} could not be confirmed",
                    short(before)
                );
                let mut outcome = wrap(ErrorKind::RollbackUnconfirmed, message, error)
                    .with_context("serves now", now)
                    .with_context("going back failed with", crate::error::chain(&second).join(": "));
                for hint in second.hints() {
                    outcome = outcome.with_hint(hint.clone());
                }
                (Outcome::Failed, outcome)
            }
        }
    }

    /// Brings back what served before, and verifies it.
    async fn restore(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        progress: &mut Progress,
        before: Option<&Digest>,
    ) -> Result<()> {
        let goal = match before {
            Some(release) => Goal::Rollback { to: Some(release.clone()) },
            None => Goal::Remove,
        };
        let plan = self.plan(target, context, &goal, None).await?;
        let mut applied = Applied::default();
        let done = self.apply_locked(target, context, &plan, None, Some(plan.clone()), &mut applied).await;
        for mut step in applied.steps {
            step.id = format!("rollback/{}", step.id);
            progress.applied.steps.push(step);
        }
        done?;
        if let Some(release) = before {
            let proof = self.proof(target, context, release).await?.ok_or_else(|| no_proof(release))?;
            if target.info().capabilities.serves_http {
                self.verify(target, context, &proof).await?.require()?;
            }
        }
        progress.deployment = self.call(context, None, || target.status(context)).await?;
        if progress.deployment.release.as_ref() == before {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::VerificationFailed,
            format!("{} serves, not {}", short(progress.deployment.release.as_ref()), short(before)),
        ))
    }
}

/// Whether what happens next is not for this deployment to decide: a newer one won, somebody is asked to approve, or a change
/// beyond this machine is still under way and may yet come through.
fn belongs_to_others(kind: ErrorKind, remote: bool) -> bool {
    matches!(kind, ErrorKind::Superseded | ErrorKind::WaitingForApproval)
        || (remote && kind == ErrorKind::Timeout)
}

/// Whether an error that left the old version serving may be reported as a plain failed deployment. The others say more
/// than that: nobody is signed in, a newer deployment won, the state is open.
fn keeps_nothing_open(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DeploymentFailed
            | ErrorKind::VerificationFailed
            | ErrorKind::Unavailable
            | ErrorKind::RateLimited
            // What is there was not replaced: a tag that may not change, for one.
            | ErrorKind::AlreadyExists
    )
}

/// The failure of the deployment, with what failed behind it. Causes that have an exit code of their own keep their kind.
fn wrap(kind: ErrorKind, message: String, error: Error) -> Error {
    let kind = match (kind, error.kind()) {
        (
            ErrorKind::DeploymentFailed,
            own @ (ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::Superseded
            | ErrorKind::BuildFailed),
        ) => own,
        _ => kind,
    };
    let mut outcome = Error::new(kind, message).with_operation("engine.run");
    for hint in error.hints() {
        outcome = outcome.with_hint(hint.clone());
    }
    outcome.with_source(error)
}
