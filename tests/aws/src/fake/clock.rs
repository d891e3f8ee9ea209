//! The fake's time.

use std::time::Duration;

use super::AwsFake;
use crate::server::Clock;

impl AwsFake {
    /// Moves the clock by `seconds`, and lets happen what is due.
    pub fn advance(&self, seconds: u64) {
        let mut state = self.shared.state();
        let until = state.world.ground.now + Duration::from_secs(seconds);
        state.world.run_until(until);
    }

    /// The clock moves by `seconds` with each call of `DescribeServices`, before it is answered.
    #[must_use]
    pub fn with_clock_per_describe(self, seconds: u64) -> Self {
        self.shared.state().clock = Clock::PerDescribe(Duration::from_secs(seconds));
        self
    }

    /// The clock goes on as the real one does, `speed` times as fast.
    #[must_use]
    pub fn with_real_clock(self, speed: u32) -> Self {
        {
            let mut state = self.shared.state();
            let begun = (std::time::Instant::now(), state.world.ground.now);
            state.clock = Clock::Real { begun: begun.0, at: begun.1, speed };
        }
        self
    }

    /// What the fake's clock says, since the Unix epoch.
    pub fn now(&self) -> Duration {
        let mut state = self.shared.state();
        state.keep_time();
        state.world.ground.now
    }
}
