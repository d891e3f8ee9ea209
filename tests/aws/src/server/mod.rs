//! The HTTP side.

mod api;
mod connection;
mod forward;
mod registry;
mod signature;

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use haute_container::engine::Engine;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::call::Call;
use crate::fault::{Fault, Rule};
use crate::policy::Policy;
use crate::running;
use crate::world::World;
use connection::{Connections, Cut};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) address: String,
    /// The plain registry behind this one.
    pub(crate) upstream: OnceLock<String>,
    pub(crate) client: reqwest::Client,
    /// The engine that runs tasks, and what runs them.
    pub(crate) engine: OnceLock<(Engine, AbortHandle)>,
    /// Whether the fake is about to end.
    pub(crate) ending: AtomicBool,
    state: Mutex<State>,
    /// Told after every call.
    pub(crate) called: Condvar,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    /// As it was before the last write.
    before: Option<World>,
    pub(crate) policy: Policy,
    pub(crate) rules: Vec<Rule>,
    pub(crate) calls: Vec<Call>,
    /// The number of the last call.
    pub(crate) met: usize,
    /// How many calls have been carried out, or were not to be.
    pub(crate) carried_out: usize,
    pub(crate) clock: Clock,
    pub(crate) stale_after_write: usize,
    stale_left: usize,
    /// The images that were pulled for tasks, by the names the engine has them under.
    pub(crate) pulled: BTreeSet<String>,
    /// How long a container may take to become healthy, in real time.
    pub(crate) patience: Duration,
}

/// What moves the clock, apart from the test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    Still,
    PerDescribe(Duration),
    Real { begun: Instant, at: Duration, speed: u32 },
}

impl Shared {
    pub(crate) fn new(address: String, world: World, client: reqwest::Client) -> Self {
        Self {
            address,
            upstream: OnceLock::new(),
            client,
            engine: OnceLock::new(),
            ending: AtomicBool::new(false),
            state: Mutex::new(State {
                world,
                before: None,
                policy: Policy::everything(),
                rules: Vec::new(),
                calls: Vec::new(),
                met: 0,
                carried_out: 0,
                clock: Clock::Still,
                stale_after_write: 0,
                stale_left: 0,
                pulled: BTreeSet::new(),
                patience: Duration::from_mins(1),
            }),
            called: Condvar::new(),
        }
    }

    /// Waits until as many calls have been carried out; `false` when `limit` is over before.
    pub(crate) fn wait(&self, calls: usize, limit: Duration) -> bool {
        let waited = self.called.wait_timeout_while(self.state(), limit, |state| state.carried_out < calls);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.carried_out >= calls
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets the world catch up with a clock that moves by itself.
    pub(crate) fn keep_time(&mut self) {
        if let Clock::Real { begun, at, speed } = self.clock {
            self.world.run_until(at + begun.elapsed() * speed);
        }
    }

    /// The number of the next call, and what is to go wrong with it.
    fn meet(&mut self, action: &str) -> (usize, Option<Fault>) {
        self.met += 1;
        let number = self.met;
        (number, self.rules.iter_mut().find_map(|rule| rule.meet(number, action)))
    }
}

pub(crate) use api::plain;
pub(crate) use forward::forward;

/// Serves on a thread of its own until told to stop; what else is to run there can be given to the handle.
pub(crate) fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<(Handle, JoinHandle<()>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let router = Router::new().fallback(api::answer).with_state(Arc::clone(&shared));
    let service = router.into_make_service_with_connect_info::<Cut>();
    let thread = std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(connections) = Connections::new(listener) else { return };
            tokio::select! {
                _ = stopped.changed() => {}
                // It ends only with the listener.
                _ = axum::serve(connections, service) => {}
            }
            let engine = shared.engine.get().cloned();
            if let Some((engine, runner)) = engine {
                // First what uses the images: containers go with it.
                shared.ending.store(true, Ordering::Relaxed);
                while !runner.is_finished() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                running::forget_images(&shared, &engine).await;
            }
        });
    });
    Ok((handle, thread))
}
