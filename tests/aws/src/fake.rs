//! The fake, and what a test does with it.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use std::sync::Arc;

use haute_container::engine::{Address, Engine};
use haute_core::error::{Error, ErrorKind, Result};
use haute_test_services::{Registry, RegistryOptions};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::call::Call;
use crate::ecr::Repository;
use crate::fault::Rule;
use crate::look::ServiceView;
use crate::names::{Identifiers, Names};
use crate::policy::Policy;
use crate::rollout::{Behaviour, Happening, Script, step};
use crate::running;
use crate::server::{self, Clock, Shared};
use crate::setup::{AwsOptions, ServiceSetup};
use crate::world::{Ground, Timings, World};

/// How long a Docker engine may take to answer.
const CONNECT: Duration = Duration::from_secs(30);

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
            },
            clusters: BTreeSet::new(),
            services: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            balancers: BTreeMap::new(),
            listeners: BTreeMap::new(),
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

    /// With a cluster nothing runs in.
    #[must_use]
    pub fn with_cluster(self, name: impl Into<String>) -> Self {
        self.shared.state().world.clusters.insert(name.into());
        self
    }

    /// With a service, and its cluster and task definition; see [`add_service`](Self::add_service).
    ///
    /// # Errors
    /// When its task definition would not be accepted.
    pub fn with_service(self, setup: ServiceSetup) -> Result<Self> {
        self.add_service(setup)?;
        Ok(self)
    }

    /// Adds a service, its cluster and its task definition. It is steady at once, whatever scripts there are.
    ///
    /// # Errors
    /// When its task definition would not be accepted.
    pub fn add_service(&self, setup: ServiceSetup) -> Result<()> {
        setup.place(&mut self.shared.state().world)
    }

    /// With a real registry behind its own, so that images can be pushed and pulled; see [`Registry`].
    ///
    /// # Errors
    /// When `docker-registry` is not installed or does not start.
    pub fn with_registry(mut self) -> Result<Self> {
        let registry = Registry::start(RegistryOptions::plain())?;
        // Set once: a second registry would lose what the first one holds.
        if self.shared.upstream.set(registry.address().to_owned()).is_ok() {
            self.registry = Some(registry);
        }
        Ok(self)
    }

    /// With a Docker engine, such as `unix:///run/docker.sock`, that runs the tasks of services made
    /// [`by_engine`](ServiceSetup::by_engine): pulls the image by its digest, starts it, asks for its health, stops it. The clock
    /// goes on as the real one does, and nothing takes longer than it takes.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn with_engine(self, address: &str) -> Result<Self> {
        let address = Address::parse(address)?;
        let (send, receive) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            // Nobody listens any more where the fake is gone.
            drop(send.send(Engine::connect_to(address).await));
        });
        let engine = receive.recv_timeout(CONNECT).map_err(|source| {
            Error::new(ErrorKind::Unavailable, "the Docker engine does not answer").with_source(source)
        })??;
        {
            let mut state = self.shared.state();
            state.world.ground.timings = Timings::quick();
            state.world.ground.timings.pause = Duration::from_secs(1);
        }
        let runner = self.runtime.spawn(running::run(Arc::clone(&self.shared), engine.clone()));
        drop(self.shared.engine.set((engine, runner.abort_handle())));
        Ok(self.with_real_clock(1))
    }

    /// How long a container may take to become healthy, in real time; a minute unless told otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        self.shared.state().patience = patience;
        self
    }

    /// The address of a load balancer before a service's tasks, `http://127.0.0.1:38128`: it answers by what is healthy, first of
    /// all by the deployment that is primary, and with 503 where nothing is.
    ///
    /// # Errors
    /// When no port can be listened at.
    pub fn front(&self, cluster: &str, service: &str) -> Result<String> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(cannot_start)?;
        listener.set_nonblocking(true).map_err(cannot_start)?;
        let address = listener.local_addr().map_err(cannot_start)?;
        let key = (cluster.to_owned(), service.to_owned());
        drop(self.runtime.spawn(running::serve_front(listener, Arc::clone(&self.shared), key)));
        Ok(format!("http://{address}"))
    }

    /// The registry behind its own, for a look at what it holds.
    pub fn registry_behind(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// With an image repository; a tag of an immutable one cannot be moved. Tasks whose image is in a repository that is there
    /// start only if the image is, too.
    #[must_use]
    pub fn with_repository(self, name: impl Into<String>, immutable: bool) -> Self {
        {
            let mut state = self.shared.state();
            let repository = Repository::new(immutable, state.world.ground.now);
            state.world.ground.repositories.insert(name.into(), repository);
        }
        self
    }

    /// With a target group no load balancer sends anything to, and its ARN; `health_path` such as `/health`.
    #[must_use]
    pub fn with_target_group(self, name: &str, port: u16, health_path: &str) -> (Self, String) {
        let arn = self.shared.state().world.add_target_group(name, port, health_path);
        (self, arn)
    }

    /// With a load balancer before a service that is added afterwards with [`ServiceSetup::with_target_group`], and the ARN of
    /// its target group. It really answers, as [`front`](Self::front) does, by the DNS name and the port of its listener.
    ///
    /// # Errors
    /// As [`front`](Self::front).
    pub fn with_load_balancer(
        self,
        cluster: &str,
        service: &str,
        port: u16,
        health_path: &str,
    ) -> Result<(Self, String)> {
        let front = self.front(cluster, service)?;
        let listens = front.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
        let arn = {
            let mut state = self.shared.state();
            let arn = state.world.add_target_group(service, port, health_path);
            state.world.add_load_balancer(service, &arn, listens);
            arn
        };
        Ok((self, arn))
    }

    /// With a role that trusts a service, `ecs-tasks.amazonaws.com` for those of tasks. The roles of a service's task definition
    /// are there already.
    #[must_use]
    pub fn with_role(self, name: impl Into<String>, trusts: impl Into<String>) -> Self {
        self.shared.state().world.roles.insert(name.into(), trusts.into());
        self
    }

    /// Without this role.
    #[must_use]
    pub fn without_role(self, name: &str) -> Self {
        self.shared.state().world.roles.remove(name);
        self
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

    /// A service as it is; `None` when there is none.
    pub fn service(&self, cluster: &str, service: &str) -> Option<ServiceView> {
        let mut state = self.shared.state();
        state.keep_time();
        state.world.services.get(&(cluster.to_owned(), service.to_owned())).map(ServiceView::of)
    }

    /// The revisions of a family as they are described, oldest first, each with its `tags` inside.
    pub fn task_definitions(&self, family: &str) -> Vec<Value> {
        let state = self.shared.state();
        let ground = &state.world.ground;
        let revisions = ground.families.get(family).into_iter().flatten();
        revisions
            .map(|revision| {
                let mut whole = revision.describe(&ground.names.caller());
                if let Some(whole) = whole.as_object_mut() {
                    whole.insert("tags".to_owned(), json!(revision.tags));
                }
                whole
            })
            .collect()
    }

    /// Registers a task definition as somebody else would; gives its ARN.
    ///
    /// # Errors
    /// When it is not accepted.
    pub fn register(&self, definition: &Value) -> Result<String> {
        let registered = self.shared.state().world.ground.register(definition);
        registered.map(|definition| definition.arn).map_err(|failure| {
            Error::new(ErrorKind::InvalidInput, failure.message).with_operation("aws-fake.register")
        })
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The calls of one action.
    pub fn calls_of(&self, action: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.action == action).collect()
    }

    /// How many calls changed something, pushes to the registry among them.
    pub fn writes(&self) -> usize {
        self.calls().iter().filter(|call| call.wrote).count()
    }

    /// Forgets the calls so far; the next one is number one.
    pub fn forget_calls(&self) {
        let mut state = self.shared.state();
        state.calls.clear();
        state.met = 0;
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
