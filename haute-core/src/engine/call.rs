//! One call to a target, tried again where that can help.

use std::pin::Pin;

use super::policy::Backoff;
use super::{Engine, cancelled};
use crate::error::{Error, Result, Retry};
use crate::event::Event;
use crate::target::Context;

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Engine {
    /// Makes a call, and again after a wait while its error says that this can help and the attempts last.
    pub(super) async fn call<'a, T>(
        &self,
        context: &Context,
        step: Option<&str>,
        call: impl Fn() -> Call<'a, T> + Send + Sync,
    ) -> Result<T> {
        let mut backoff = Backoff::retry(&self.policy);
        let mut attempt = 1;
        loop {
            if context.cancelled.is_cancelled() {
                return Err(cancelled());
            }
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if attempt >= self.policy.attempts || error.retry() == Retry::Never {
                return Err(if attempt > 1 {
                    error.with_context("attempts", attempt.to_string())
                } else {
                    error
                });
            }
            self.wait_to_retry(context, step, attempt, &error, &mut backoff).await?;
            attempt += 1;
        }
    }

    /// Tells that an attempt failed and waits as long as the error or the policy says.
    pub(super) async fn wait_to_retry(
        &self,
        context: &Context,
        step: Option<&str>,
        attempt: u32,
        error: &Error,
        backoff: &mut Backoff,
    ) -> Result<()> {
        let wait = match error.retry() {
            Retry::After(asked) => asked.max(backoff.next()).min(self.policy.retry_wait_most),
            Retry::Soon | Retry::Never => backoff.next(),
        };
        context.events.emit(&match step {
            Some(step) => Event::StepRetried {
                step: step.to_owned(),
                attempt,
                wait_milliseconds: super::lock::milliseconds(wait),
                error: error.to_string(),
            },
            None => Event::Waiting {
                message: format!("trying again after: {error}"),
                milliseconds: super::lock::milliseconds(wait),
            },
        });
        self.sleep(context, wait).await
    }
}
