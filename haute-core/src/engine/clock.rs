//! Time, injected: the engine sleeps on a [`Clock`], so tests run in virtual time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

/// The time, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock: goes into journals and records.
    fn now(&self) -> Timestamp;

    /// Time since some moment that never changes: measures durations and deadlines.
    fn elapsed(&self) -> Duration;

    /// Waits. Cancel-safe: dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts measuring now.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that jumps: a sleep returns at once and moves the time. For tests.
#[derive(Debug, Default)]
pub struct VirtualClock {
    elapsed: Mutex<Duration>,
}

impl VirtualClock {
    /// Starts at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time.
    pub fn advance(&self, duration: Duration) {
        if let Ok(mut elapsed) = self.elapsed.lock() {
            *elapsed += duration;
        }
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        /// 2026-01-01T00:00:00Z in seconds of the Unix epoch.
        const START: i64 = 1_767_225_600;
        let start = Timestamp::from_second(START).unwrap_or(Timestamp::UNIX_EPOCH);
        start
            .saturating_add(jiff::SignedDuration::try_from(self.elapsed()).unwrap_or_default())
            .unwrap_or(start)
    }

    fn elapsed(&self) -> Duration {
        self.elapsed.lock().map(|elapsed| *elapsed).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        // Others on the same executor get their turn, as in a real sleep.
        tokio::task::yield_now().await;
    }
}
