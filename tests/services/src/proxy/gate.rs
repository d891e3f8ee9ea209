//! A place where a request waits until the test lets it go.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared between a test and the fault that waits at it.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<Progress>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Nobody,
    Waiting,
    Open,
}

impl Gate {
    /// A closed gate nobody waits at.
    pub fn closed() -> Self {
        Self(Arc::new(watch::channel(Progress::Nobody).0))
    }

    /// Waits until a request stands before the gate. Cancel-safe.
    pub async fn reached(&self) {
        // The sender is in `self`, so the channel never closes.
        drop(self.0.subscribe().wait_for(|progress| *progress != Progress::Nobody).await);
    }

    /// Lets everybody pass, from now on.
    pub fn open(&self) {
        self.0.send_replace(Progress::Open);
    }

    /// Waits until the gate is open.
    pub(super) async fn pass(&self) {
        self.0.send_if_modified(|progress| {
            let first = *progress == Progress::Nobody;
            if first {
                *progress = Progress::Waiting;
            }
            first
        });
        drop(self.0.subscribe().wait_for(|progress| *progress == Progress::Open).await);
    }
}
