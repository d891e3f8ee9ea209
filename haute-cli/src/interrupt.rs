//! Ctrl-C: the first stops cleanly, the second at once.

use std::future::Future;
use std::sync::Arc;

use haute_core::target::Cancellation;
use haute_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use crate::ui::Ui;

/// Whether somebody asked to stop, in the two forms the code below needs it.
#[derive(Clone)]
pub(crate) struct Interrupt {
    cancellation: Cancellation,
    raised: Arc<watch::Sender<bool>>,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        Self { cancellation: Cancellation::default(), raised: Arc::new(watch::Sender::new(false)) }
    }

    /// The flag the engine and the targets look at.
    pub(crate) fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }

    fn raise(&self) {
        self.cancellation.cancel();
        self.raised.send_replace(true);
    }

    /// Runs `work` until it ends or a stop is asked for. For work that changes nothing outside this machine, so that
    /// dropping it half way is safe; what changes the world stops by itself between two steps.
    pub(crate) async fn stops<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut raised = self.raised.subscribe();
        tokio::select! {
            biased;
            _ = raised.wait_for(|raised| *raised) => Err(Error::new(ErrorKind::Cancelled, "stopped before anything was changed")),
            result = work => result,
        }
    }

    /// Watches for Ctrl-C, and for the SIGTERM that CI runners send a few seconds later, as long as the runtime lives.
    pub(crate) async fn watch(self, ui: Arc<Ui>) {
        // Without handlers the system's own stay: the process ends at the first signal.
        let Ok(mut signals) = Signals::listen() else { return };
        signals.next().await;
        self.raise();
        ui.note("Stopping cleanly after what is in hand. Press Ctrl-C again to stop at once.");
        signals.next().await;
        let exit = ui.finish_at_once();
        #[expect(
            clippy::disallowed_methods,
            clippy::exit,
            reason = "the second signal asks for exactly this; the journal is written before each step"
        )]
        std::process::exit(i32::from(exit.code()));
    }
}

/// The two signals, listened to from one moment on, so that none between two waits is lost.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    async fn next(&mut self) {
        let _: Option<()> = self.0.recv().await;
    }
}
