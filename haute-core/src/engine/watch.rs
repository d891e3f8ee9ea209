//! Watching a deployment that was begun elsewhere, until it has come through.

use super::policy::Backoff;
use super::{Engine, lock::milliseconds};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::event::Event;
use crate::target::{Context, DeployTarget, Readiness};

impl Engine {
    /// Waits until a deployment the target knows by `deployment` has come through, for as long as the policy gives a step.
    /// Nothing is changed, and nothing verified: [`verify`](Self::verify) comes after.
    ///
    /// Cancel-safe: it reads only.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] when it has not come through in time; [`ErrorKind::Cancelled`]; what the target reports,
    /// such as a deployment that failed, or was replaced.
    pub async fn watch(&self, target: &dyn DeployTarget, context: &Context, deployment: &str) -> Result<()> {
        let started = self.clock.elapsed();
        let mut looks = Backoff::poll(&self.policy, &target.info());
        let mut retries = Backoff::retry(&self.policy);
        let mut failures = 0;
        loop {
            let waited = self.clock.elapsed().saturating_sub(started);
            match target.watch(context, deployment).await {
                Ok(Readiness::Ready) => return Ok(()),
                Ok(Readiness::Pending { message }) if waited >= self.policy.step_deadline => {
                    return Err(Error::new(
                        ErrorKind::Timeout,
                        format!(
                            "deployment `{deployment}` has not come through after {} s: {message}",
                            waited.as_secs()
                        ),
                    )
                    .with_operation("engine.watch"));
                }
                Ok(Readiness::Pending { message }) => {
                    failures = 0;
                    context.events.emit(&Event::Waiting { message, milliseconds: milliseconds(waited) });
                    self.sleep(context, looks.next()).await?;
                }
                Err(error) => {
                    failures += 1;
                    if failures >= self.policy.attempts || error.retry() == Retry::Never {
                        return Err(error);
                    }
                    self.wait_to_retry(context, None, failures, &error, &mut retries).await?;
                }
            }
        }
    }
}
