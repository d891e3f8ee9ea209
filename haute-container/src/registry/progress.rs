//! How far a push is, as events.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use haute_core::event::Event;
use haute_core::target::Context;

/// Not more often than this.
const PACE: Duration = Duration::from_millis(100);

/// Adds the blobs of one push up.
pub(super) struct Progress<'a> {
    context: &'a Context,
    activity: String,
    state: Mutex<State>,
}

struct State {
    done: u64,
    total: u64,
    told: Option<Instant>,
}

/// One blob of a push.
pub(super) struct Part<'a> {
    whole: &'a Progress<'a>,
    at: Mutex<u64>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a Context, activity: String, total: u64) -> Self {
        Self { context, activity, state: Mutex::new(State { done: 0, total, told: None }) }
    }

    pub(super) fn part(&'a self) -> Part<'a> {
        Part { whole: self, at: Mutex::new(0) }
    }

    /// A blob, or the rest of it, that need not be sent after all.
    fn spare(&self, bytes: u64) {
        if let Ok(mut state) = self.state.lock() {
            state.total = state.total.saturating_sub(bytes);
        }
    }

    fn change(&self, before: u64, now: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        state.done = state.done.saturating_sub(before).saturating_add(now);
        let due = state.told.is_none_or(|told| told.elapsed() >= PACE) || state.done >= state.total;
        if due && state.total > 0 {
            state.told = Some(Instant::now());
            self.context.events.emit(&Event::Progress {
                activity: self.activity.clone(),
                done: state.done.min(state.total),
                total: Some(state.total),
                unit: "bytes".to_owned(),
            });
        }
    }
}

impl Part<'_> {
    /// So many bytes of it have left; fewer than before when it starts over.
    pub(super) fn at(&self, bytes: u64) {
        if let Ok(mut at) = self.at.lock() {
            let before = std::mem::replace(&mut *at, bytes);
            if before != bytes {
                self.whole.change(before, bytes);
            }
        }
    }

    /// It need not be sent.
    pub(super) fn spared(&self, bytes: u64) {
        self.at(0);
        self.whole.spare(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use haute_core::event::RecordingSink;
    use haute_core::target::Cancellation;

    use super::*;

    #[test]
    fn the_sum_is_told_at_a_bounded_pace_and_reaches_the_end() {
        let sink = Arc::new(RecordingSink::default());
        let context = Context::new(sink.clone(), Cancellation::default());
        let progress = Progress::new(&context, "push".to_owned(), 3_000);
        let (one, other, spared) = (progress.part(), progress.part(), progress.part());
        spared.spared(1_000);
        for at in 1..=1_000 {
            one.at(at);
            other.at(at / 2);
        }
        other.at(0);
        other.at(1_000);
        let events = sink.events();
        assert!(events.len() < 50, "{}", events.len());
        match events.last().unwrap() {
            Event::Progress { done, total, unit, .. } => {
                assert_eq!((*done, *total, unit.as_str()), (2_000, Some(2_000), "bytes"));
            }
            other => panic!("{other:?}"),
        }
    }
}
