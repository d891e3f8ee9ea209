//! The HTTP side.

mod api;
mod connection;
mod signature;

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::sync::watch;

use crate::call::Call;
use crate::fault::{Fault, Rule};
use crate::policy::Policy;
use crate::world::World;
use connection::{Connections, Cut};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) address: String,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    /// As it was before the last write.
    before: Option<World>,
    pub(crate) policy: Policy,
    pub(crate) rules: Vec<Rule>,
    pub(crate) calls: Vec<Call>,
    pub(crate) clock: Clock,
    pub(crate) stale_after_write: usize,
    stale_left: usize,
}

/// What moves the clock, apart from the test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    Still,
    PerDescribe(Duration),
    Real { begun: Instant, at: Duration, speed: u32 },
}

impl Shared {
    pub(crate) fn new(address: String, world: World) -> Self {
        Self {
            address,
            state: Mutex::new(State {
                world,
                before: None,
                policy: Policy::everything(),
                rules: Vec::new(),
                calls: Vec::new(),
                clock: Clock::Still,
                stale_after_write: 0,
                stale_left: 0,
            }),
        }
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
        let number = self.calls.len() + 1;
        (number, self.rules.iter_mut().find_map(|rule| rule.meet(number, action)))
    }
}

/// Serves on a thread of its own until told to stop.
pub(crate) fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let router = Router::new().fallback(api::answer).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Cut>();
    Ok(std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(connections) = Connections::new(listener) else { return };
            tokio::select! {
                _ = stopped.changed() => {}
                // It ends only with the listener.
                _ = axum::serve(connections, service) => {}
            }
        });
    }))
}
