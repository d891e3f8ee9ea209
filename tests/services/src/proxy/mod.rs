//! A proxy between a client and a registry that fails where it is told to, and remembers everything that was asked.
//!
//! It speaks HTTP/1.1 by hand, because what it has to do is what an HTTP server must not: break off in the middle, say a wrong
//! length, close by a reset. The registry behind it is a plain one.

mod answer;
mod connection;
mod fault;
mod gate;
mod log;
mod message;
mod rule;
mod token;
mod upstream;

pub use answer::Answer;
pub use fault::{Fault, Moment};
pub use gate::Gate;
pub use log::Exchange;
pub use rule::Rule;
pub use token::Tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use haute_core::error::{Error, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::blocking::failed;
use crate::registry::Registry;

/// A running proxy on a free port of the loopback interface; gone when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What the connections of one proxy share.
#[derive(Debug)]
struct Shared {
    address: String,
    upstream: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    tokens: Option<Tokens>,
    exchanges: Vec<Exchange>,
    /// Uploads that broke off and of which the beginning was kept: by path, the answer that says so.
    kept: HashMap<String, Answer>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultProxy {
    /// Stands before `registry`, which must be a plain one, and fails by `rules`: the first one that fits and is not used up.
    ///
    /// # Errors
    /// When no port can be listened at.
    pub fn start(registry: &Registry, rules: Vec<Rule>) -> Result<Self> {
        Self::start_with(registry, rules, None)
    }

    /// The same, and asks for bearer tokens, which it issues itself.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(registry: &Registry, rules: Vec<Rule>, tokens: Option<Tokens>) -> Result<Self> {
        let wrong = "the fault proxy cannot be started";
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(failed(wrong))?;
        listener.set_nonblocking(true).map_err(failed(wrong))?;
        let address = listener.local_addr().map_err(failed(wrong))?.to_string();
        let shared = Arc::new(Shared {
            address: address.clone(),
            upstream: registry.address().to_owned(),
            state: Mutex::new(State { rules, tokens, exchanges: Vec::new(), kept: HashMap::new() }),
        });
        let (stop, mut stopped) = watch::channel(false);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed(wrong))?;
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped.changed() => {}
                        () = accept(listener, shared) => {}
                    }
                });
            }
        });
        Ok(Self { address, shared, stop, thread: Some(thread) })
    }

    /// Host and port: `127.0.0.1:38127`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The whole address: `http://127.0.0.1:38127`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked so far, in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.state().exchanges.clone()
    }

    /// The exchanges that fit a method (`*` for any) and a pattern of the target, as a rule has it.
    pub fn exchanges_of(&self, method: &str, pattern: &str) -> Vec<Exchange> {
        let fits = |exchange: &Exchange| rule::fits(method, pattern, &exchange.method, &exchange.target);
        self.exchanges().into_iter().filter(fits).collect()
    }

    /// Forgets what was asked, and fails by other rules from now on.
    pub fn restart(&self, rules: Vec<Rule>) {
        let mut state = self.shared.state();
        state.rules = rules;
        state.exchanges.clear();
    }

    /// How often a rule's fault was used, by the rule's place in the list.
    ///
    /// # Errors
    /// When there is no such rule.
    pub fn used(&self, rule: usize) -> Result<u32> {
        let state = self.shared.state();
        let rule =
            state.rules.get(rule).ok_or_else(|| Error::bug("a test asks for a rule it did not give"))?;
        Ok(rule.used())
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        drop(tokio::spawn(connection::serve(stream, Arc::clone(&shared))));
    }
}
