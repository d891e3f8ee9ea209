//! The fake, and what a test does with it.

mod clock;
mod look;
mod with;

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use std::sync::Arc;

use haute_core::error::{Error, ErrorKind, Result};
use haute_test_services::Registry;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::ecr::TOKEN_LIFE;
use crate::fault::Rule;
use crate::names::{Identifiers, Names};
use crate::policy::Policy;
use crate::rollout::{Behaviour, Happening, Script, step};
use crate::server::{self, Shared};
use crate::setup::AwsOptions;
use crate::world::{Ground, World};

/// A part of AWS on a free port of the loopback interface; gone when dropped.
#[derive(Debug)]
pub struct AwsFake {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    runtime: Handle,
    registry: Option<Registry>,
}

impl AwsFake {
    /// Starts one as [`AwsOptions::usual`] has it, without a cluster, with everything allowed, and a clock that stands still.
    ///
    /// # Errors
    /// When no port can be listened at.
    pub fn start() -> Result<Self> {
        Self::start_with(AwsOptions::usual())
    }

    /// Starts one.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(options: AwsOptions) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(cannot_start)?;
        listener.set_nonblocking(true).map_err(cannot_start)?;
        let address = listener.local_addr().map_err(cannot_start)?.to_string();
        let now =
            options.begin.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let world = World {
            ground: Ground {
                names: Names { account: options.account, region: options.region },
                now,
                identifiers: Identifiers::default(),
                families: BTreeMap::new(),
                repositories: BTreeMap::new(),
                registry: address.clone(),
                logs: crate::logs::Logs::default(),
                scripts: Vec::new(),
                timings: options.timings,
                token_life: TOKEN_LIFE,
                engine: false,
            },
            clusters: BTreeSet::new(),
            services: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            balancers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            sessions: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        // Nothing is trusted: it asks services of this machine only.
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build();
        let client = client.map_err(|source| {
            Error::new(ErrorKind::Unavailable, "there is no HTTP client").with_source(source)
        })?;
        let shared = Arc::new(Shared::new(address, world, client));
        let (stop, stopped) = watch::channel(false);
        let (runtime, thread) = server::run(listener, Arc::clone(&shared), stopped).map_err(cannot_start)?;
        Ok(Self { shared, stop, thread: Some(thread), runtime, registry: None })
    }

    /// The address of all its services: `http://127.0.0.1:38127`, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The host of its registry: `127.0.0.1:38127`. Images are named `<registry>/<repository>`.
    pub fn registry(&self) -> &str {
        &self.shared.address
    }

    /// The region requests must be signed for.
    pub fn region(&self) -> String {
        self.shared.state().world.ground.names.region.clone()
    }

    /// The account.
    pub fn account(&self) -> String {
        self.shared.state().world.ground.names.account.clone()
    }

    /// What a client needs in its environment to reach it, and nothing else: address, region, and credentials.
    pub fn variables(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", self.region()),
            ("AWS_DEFAULT_REGION", self.region()),
            ("AWS_ACCESS_KEY_ID", "AKIAFAKEDEPLOYER0001".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "fake-secret-of-the-deployer".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// With a policy for the caller, from now on; see [`set_policy`](Self::set_policy).
    #[must_use]
    pub fn with_policy(self, policy: impl Into<Policy>) -> Self {
        self.set_policy(policy);
        self
    }

    /// Gives the caller another policy.
    pub fn set_policy(&self, policy: impl Into<Policy>) {
        self.shared.state().policy = policy.into();
    }

    /// With a script for deployments to come; see [`script`](Self::script).
    #[must_use]
    pub fn with_script(self, script: Script, behaviour: Behaviour) -> Self {
        self.script(script, behaviour);
        self
    }

    /// Says how the tasks of deployments fare that begin from now on.
    pub fn script(&self, script: Script, behaviour: Behaviour) {
        self.shared.state().world.ground.scripts.push((script, behaviour));
    }

    /// With a fault; see [`fault`](Self::fault).
    #[must_use]
    pub fn with_fault(self, rule: Rule) -> Self {
        self.fault(rule);
        self
    }

    /// Lets calls go wrong; of all rules that fit, the first has its way.
    pub fn fault(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Lets nothing go wrong any more.
    pub fn clear_faults(&self) {
        self.shared.state().rules.clear();
    }

    /// After each write, answers the next `reads` reads as before it.
    pub fn set_stale_reads(&self, reads: usize) {
        self.shared.state().stale_after_write = reads;
    }

    /// Lets something happen to a service now; nothing, where there is no such service.
    pub fn happen(&self, cluster: &str, service: &str, happening: Happening) {
        let mut state = self.shared.state();
        let world = &mut state.world;
        let key = (cluster.to_owned(), service.to_owned());
        if let Some(mut service) = world.services.remove(&key)
            && step::happen(&mut service, &mut world.ground, happening)
        {
            world.services.insert(key, service);
        }
    }

    /// Lets something happen to a service so many seconds after its next deployment begins.
    pub fn happen_after_update(&self, cluster: &str, service: &str, seconds: u64, happening: Happening) {
        let key = (cluster.to_owned(), service.to_owned());
        if let Some(service) = self.shared.state().world.services.get_mut(&key) {
            service.upcoming.push((Duration::from_secs(seconds), happening));
        }
    }
}

impl Drop for AwsFake {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn cannot_start(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the fake of AWS cannot be started")
        .with_operation("aws-fake.start")
        .with_source(source)
}
