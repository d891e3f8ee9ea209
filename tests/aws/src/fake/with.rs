//! What there is: services, repositories, load balancers, and the real parts behind them.

use std::sync::Arc;
use std::time::Duration;

use haute_container::engine::{Address, Engine};
use haute_core::error::{Error, ErrorKind, Result};
use haute_test_services::{Registry, RegistryOptions};

use super::{AwsFake, cannot_start};
use crate::ecr::Repository;
use crate::running;
use crate::setup::ServiceSetup;
use crate::world::Timings;

/// How long a Docker engine may take to answer.
const CONNECT: Duration = Duration::from_secs(30);

impl AwsFake {
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
            state.world.ground.engine = true;
            state.world.ground.timings = Timings::quick();
            state.world.ground.timings.pause = Duration::from_secs(1);
        }
        let runner = self.runtime.spawn(running::run(Arc::clone(&self.shared), engine.clone()));
        drop(self.shared.engine.set((engine, runner.abort_handle())));
        Ok(self.with_real_clock(1))
    }

    /// How long tokens of the registry are good for that are handed out from now on; twelve hours unless told otherwise.
    #[must_use]
    pub fn with_token_life(self, life: Duration) -> Self {
        self.shared.state().world.ground.token_life = life;
        self
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
}
