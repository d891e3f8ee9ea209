//! How patient the engine is, and what it does when a deployment fails.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::target::TargetInfo;

/// What to do when a deployment fails after the world was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Leave everything as it is and say what serves.
    Report,
    /// Go back to what served before, verify that, and say what serves.
    Rollback,
}

/// How patient the engine is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// How often a call is made before its error counts.
    pub attempts: u32,
    /// The first wait between two attempts; doubles each time.
    pub retry_wait: Duration,
    /// The longest wait between two attempts, also when the other side asks for more.
    pub retry_wait_most: Duration,
    /// The first wait between two looks at the world; grows by half each time.
    pub poll_wait: Duration,
    /// The longest wait between two looks at the world.
    pub poll_wait_most: Duration,
    /// How long the world may take to catch up with a step that names no deadline of its own.
    pub step_deadline: Duration,
    /// How long a verification may find the service unavailable.
    pub verify_deadline: Duration,
    /// How long to wait for another deployment of the same address to end.
    pub lock_wait: Duration,
    /// What to do when a deployment fails; `None`: what the target's configuration says, and where that is silent,
    /// [`OnFailure::Rollback`] for a target on this machine that can, [`OnFailure::Report`] for the others.
    pub on_failure: Option<OnFailure>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 6,
            retry_wait: Duration::from_millis(250),
            retry_wait_most: Duration::from_secs(20),
            poll_wait: Duration::from_millis(25),
            poll_wait_most: Duration::from_secs(5),
            step_deadline: Duration::from_mins(15),
            verify_deadline: Duration::from_mins(1),
            lock_wait: Duration::from_secs(30),
            on_failure: None,
        }
    }
}

impl Policy {
    /// Sets what to do when a deployment fails.
    #[must_use]
    pub fn with_on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = Some(on_failure);
        self
    }

    /// Sets how long to wait for another deployment of the same address.
    #[must_use]
    pub fn with_lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Sets how long the world may take to catch up with a step.
    #[must_use]
    pub fn with_step_deadline(mut self, deadline: Duration) -> Self {
        self.step_deadline = deadline;
        self
    }

    /// Sets how long a verification may find the service unavailable.
    #[must_use]
    pub fn with_verify_deadline(mut self, deadline: Duration) -> Self {
        self.verify_deadline = deadline;
        self
    }

    pub(super) fn on_failure_of(&self, info: &TargetInfo) -> OnFailure {
        let capabilities = info.capabilities;
        let default = if capabilities.rollback && !capabilities.remote {
            OnFailure::Rollback
        } else {
            OnFailure::Report
        };
        self.on_failure.or(info.on_failure).unwrap_or(default)
    }
}

/// Waits that grow, each shortened by up to a quarter at random, so that many deployers do not call in step.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    most: Duration,
    factor: f64,
    random: RandomState,
    count: u64,
}

impl Backoff {
    pub(super) fn retry(policy: &Policy) -> Self {
        Self::new(policy.retry_wait, policy.retry_wait_most, 2.0)
    }

    pub(super) fn poll(policy: &Policy, info: &TargetInfo) -> Self {
        let (first, most) = info.poll_waits.unwrap_or((policy.poll_wait, policy.poll_wait_most));
        Self::new(first, most, 1.5)
    }

    fn new(first: Duration, most: Duration, factor: f64) -> Self {
        Self { next: first.min(most), most, factor, random: RandomState::new(), count: 0 }
    }

    /// The next wait.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.mul_f64(self.factor).min(self.most);
        self.count += 1;
        let noise = u32::try_from(self.random.hash_one(self.count) % 1000).unwrap_or(0);
        wait.mul_f64(1.0 - f64::from(noise) / 4000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Capabilities;

    #[test]
    fn waits_grow_to_a_bound() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), 2.0);
        let waits: Vec<_> = (0..8).map(|_| backoff.next()).collect();
        for (index, wait) in waits.iter().enumerate() {
            let full = Duration::from_millis(100 * (1 << index.min(4))).min(Duration::from_secs(1));
            assert!(*wait <= full && *wait >= full.mul_f64(0.75), "wait {index} is {wait:?}");
        }
    }

    #[test]
    fn only_a_target_on_this_machine_is_rolled_back_unasked() {
        let policy = Policy::default();
        let capabilities = Capabilities::none().with_rollback();
        let local = TargetInfo::new("local", "this machine", "a", capabilities);
        let remote = TargetInfo::new("cloud", "a cloud", "a", capabilities.with_remote());
        assert_eq!(policy.on_failure_of(&local), OnFailure::Rollback);
        assert_eq!(policy.on_failure_of(&remote), OnFailure::Report);
        let asked = remote.clone().with_on_failure(OnFailure::Rollback);
        assert_eq!(policy.on_failure_of(&asked), OnFailure::Rollback);
        let policy = policy.with_on_failure(OnFailure::Report);
        assert_eq!(policy.on_failure_of(&asked), OnFailure::Report);
    }
}
