//! Verification by the engine: with patience for a service that is still coming up, and none for a wrong price.

use super::lock::milliseconds;
use super::policy::Backoff;
use super::{Engine, cancelled};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::event::{Event, Phase};
use crate::proof::Proof;
use crate::target::{Context, DeployTarget};
use crate::verify::{self, Verification};

impl Engine {
    /// Asks what serves for its health and every quote of `proof`, and compares with the proven answers. Waits, as long as
    /// the policy says, while nothing answers; a wrong answer counts at once.
    ///
    /// Cancel-safe: it reads only.
    ///
    /// # Errors
    /// What the target reports, [`ErrorKind::Unsupported`] when it has no address to ask. An answer that differs, or no
    /// answer in time, is not an error but a verification that did not pass.
    pub async fn verify(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        proof: &Proof,
    ) -> Result<Verification> {
        self.phase(context, Phase::Verify, async {
            let found = self.verify_quietly(target, context, proof).await?;
            let summary = match (found.passed, proof.quotes.len()) {
                (false, _) => "what serves is not what was proven".to_owned(),
                (true, 1) => "1 quote gives the proven premium".to_owned(),
                (true, count) => format!("{count} quotes give the proven premiums"),
            };
            Ok((found, summary))
        })
        .await
    }

    async fn verify_quietly(
        &self,
        target: &dyn DeployTarget,
        context: &Context,
        proof: &Proof,
    ) -> Result<Verification> {
        let started = self.clock.elapsed();
        let mut waits = Backoff::poll(&self.policy, &target.info());
        loop {
            if context.cancelled.is_cancelled() {
                return Err(cancelled());
            }
            let error = match verify_once(target, context, proof).await {
                Ok(verification) => return Ok(verification),
                Err(error) => error,
            };
            let transient = error.retry() != Retry::Never
                || matches!(
                    error.kind(),
                    ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Timeout
                );
            if !transient {
                return Err(error);
            }
            let waited = self.clock.elapsed().saturating_sub(started);
            if waited >= self.policy.verify_deadline {
                let reason = crate::error::chain(&error).join(": ");
                return Ok(Verification::failed(
                    "health",
                    format!("no answer in {} s: {reason}", waited.as_secs()),
                ));
            }
            context.events.emit(&Event::Waiting {
                message: format!("the service does not answer yet: {error}"),
                milliseconds: milliseconds(waited),
            });
            self.sleep(context, waits.next()).await?;
        }
    }
}

async fn verify_once(target: &dyn DeployTarget, context: &Context, proof: &Proof) -> Result<Verification> {
    let deployment = target.status(context).await?;
    let Some(service) = target.service_of(&deployment, &proof.release)? else {
        let info = target.info();
        if info.capabilities.serves_http {
            return Ok(Verification::failed("health", format!("nothing serves at `{}`", info.address)));
        }
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the target `{}` has no address quotes can be sent to", info.name),
        ));
    };
    verify::verify(service.as_ref(), proof).await
}
