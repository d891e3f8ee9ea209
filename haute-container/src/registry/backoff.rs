//! How often and how soon a request is made again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use haute_core::error::{Error, Result, Retry};

use super::options::ClientOptions;

/// Counts the attempts of one request.
pub(super) struct Backoff {
    left: u32,
    attempts: u32,
    next: Duration,
    longest: Duration,
}

/// The longest wait a registry did not ask for.
const OWN_LONGEST: Duration = Duration::from_secs(5);

impl Backoff {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Self {
            left: options.attempts.saturating_sub(1),
            attempts: options.attempts,
            next: options.first_wait,
            longest: options.longest_wait,
        }
    }

    /// Starts to count anew: the last attempt got further than the one before.
    pub(super) fn renew(&mut self, options: &ClientOptions) {
        *self = Self::new(options);
    }

    /// Waits before the next attempt; gives `error` back when there is to be none.
    pub(super) async fn wait(&mut self, error: Error) -> Result<()> {
        let asked = match error.retry() {
            Retry::Never => return Err(error),
            Retry::Soon => None,
            Retry::After(wait) => Some(wait),
        };
        if self.left == 0 || asked.is_some_and(|wait| wait > self.longest) {
            let attempts = (self.attempts - self.left).to_string();
            return Err(error.with_context("attempts", attempts));
        }
        self.left -= 1;
        let wait = asked.unwrap_or(self.next).max(self.next);
        self.next = self.next.saturating_mul(2).min(OWN_LONGEST).min(self.longest);
        tokio::time::sleep(jitter(wait)).await;
        Ok(())
    }
}

/// Up to a half more, so that uploads that were refused together do not come back together.
fn jitter(wait: Duration) -> Duration {
    // The standard library seeds each of these anew; its hash of nothing is as random as jitter needs.
    let random = RandomState::new().hash_one(0_u8) % 1024;
    wait + wait.saturating_mul(u32::try_from(random).unwrap_or(0)) / 2048
}

#[cfg(test)]
mod tests {
    use haute_core::error::ErrorKind;

    use super::*;

    fn error(retry: Retry) -> Error {
        Error::new(ErrorKind::Unavailable, "gone").with_retry(retry)
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_waits_grow() {
        let options = ClientOptions::default().with_attempts(4);
        let mut backoff = Backoff::new(&options);
        let began = tokio::time::Instant::now();
        for _ in 0..3 {
            backoff.wait(error(Retry::Soon)).await.unwrap();
        }
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(250 + 500 + 1000), "{waited:?}");
        assert!(waited <= Duration::from_millis((250 + 500 + 1000) * 3 / 2 + 50), "{waited:?}");
        let last = backoff.wait(error(Retry::Soon)).await.unwrap_err();
        assert_eq!(last.context(), [("attempts", "4".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_asked_for_is_kept_or_refused() {
        let mut backoff = Backoff::new(&ClientOptions::default());
        let began = tokio::time::Instant::now();
        backoff.wait(error(Retry::After(Duration::from_secs(30)))).await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(30));
        assert!(backoff.wait(error(Retry::After(Duration::from_hours(1)))).await.is_err());
        assert!(backoff.wait(error(Retry::Never)).await.is_err());
    }
}
