//! A container of an image, run as an untrusted platform would: read-only, without rights, and gone at the end whatever happens.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, HealthConfig, HealthStatusEnum, HostConfig,
    HostConfigLogConfig, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use haute_core::error::{Error, ErrorKind, Result};

use super::command::Command;
use super::connect::Engine;
use super::error;
use super::store::LocalImage;

/// The user no image of ours needs to be more than: numeric, so that no `passwd` is needed.
const USER: &str = "65532:65532";
/// Marks what this crate started.
const LABEL: &str = "dev.haute.proof";
/// How long removing a container may take when its owner is dropped.
const LAST_WORD: Duration = Duration::from_secs(15);

/// How often, and how far apart, a container is looked for that the engine was asked for and may yet make.
const UNMADE_ATTEMPTS: u32 = 10;
const UNMADE_PAUSE: Duration = Duration::from_millis(100);

/// What to do about an image that does not start where it is for another processor.
const FOREIGN: &str = "the image is for another processor than this engine's: prove it on one of its own kind, or install emulation (`binfmt`)";

/// How a container is run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContainerOptions {
    /// In bytes; `None`: as much as there is.
    pub memory: Option<i64>,
    /// Variables beside those of the image, `NAME=value`.
    pub env: Vec<String>,
}

impl ContainerOptions {
    /// No limit of memory, the variables of the image.
    pub fn new() -> Self {
        Self { memory: None, env: Vec::new() }
    }

    /// Limits the memory, in bytes.
    #[must_use]
    pub fn with_memory(mut self, bytes: i64) -> Self {
        self.memory = Some(bytes);
        self
    }
}

impl Default for ContainerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A container that runs, or ran. It is killed and removed when this is dropped.
#[derive(Debug)]
pub struct Container {
    engine: Engine,
    id: String,
    url: String,
    /// Whether the image is for another processor than the engine's.
    foreign: bool,
    /// Whether the engine has answered that it made it.
    made: bool,
    removed: bool,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainerEnd {
    /// Its exit code.
    pub code: i64,
    /// Whether it was ended for using more memory than there was.
    pub out_of_memory: bool,
    /// What the engine adds.
    pub error: String,
}

impl ContainerEnd {
    /// In words.
    pub fn explain(&self) -> String {
        let code = self.code;
        let words = match code {
            _ if self.out_of_memory => format!("it needed more memory than it was given (exit code {code})"),
            137 => {
                "it was killed (exit code 137): by hand, or because the machine ran out of memory".to_owned()
            }
            139 => "it crashed (exit code 139, a segmentation fault)".to_owned(),
            132 => "it crashed (exit code 132): a library uses instructions this processor does not have"
                .to_owned(),
            126 | 127 => format!("its command cannot be run (exit code {code})"),
            code => format!("it ended with exit code {code}"),
        };
        if self.error.is_empty() { words } else { format!("{words}: {}", error::one_line(&self.error)) }
    }
}

impl Engine {
    /// Starts a container of `image`: read-only root, user 65532, no capabilities, no way to new privileges, a private `/tmp`.
    ///
    /// Its port is published on this machine's loopback address where the engine has its bridge network; without one it
    /// shares the machine's network, on a free port, with the image's command changed accordingly. Dropping the future
    /// removes what was begun.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when the image's command names no port, or the engine offers no network to reach it by;
    /// [`ErrorKind::ProofFailed`] when the container cannot be started.
    pub async fn start(&self, image: &LocalImage, options: &ContainerOptions) -> Result<Container> {
        let command = Command::of(&image.config)?;
        let bridge = self.docker().inspect_network("bridge", None).await.is_ok();
        let mut host = host_config(options);
        let mut body = ContainerCreateBody {
            image: Some(image.id.clone()),
            user: Some(USER.to_owned()),
            env: Some(options.env.clone()).filter(|env| !env.is_empty()),
            labels: Some([(LABEL.to_owned(), "1".to_owned())].into()),
            // Asked every second instead of as seldom as in production: the proof waits for the answer.
            healthcheck: image
                .config
                .healthcheck
                .as_ref()
                .map(|_| HealthConfig { interval: Some(1_000_000_000), ..HealthConfig::default() }),
            ..ContainerCreateBody::default()
        };
        let mut shared_port = None;
        if bridge {
            let port = format!("{}/tcp", command.port());
            let address = if self.address().is_here() { "127.0.0.1" } else { "" };
            let binding = PortBinding { host_ip: Some(address.to_owned()), host_port: Some(String::new()) };
            host.port_bindings = Some([(port.clone(), Some(vec![binding]))].into());
            body.exposed_ports = Some(vec![port]);
        } else if self.address().is_here() {
            let port = free_port()?;
            body.cmd = Some(command.on("127.0.0.1", port));
            if let Some(check) = body.healthcheck.as_mut() {
                check.test =
                    image.config.healthcheck.as_ref().map(|check| command.healthcheck_on(&check.test, port));
            }
            host.network_mode = Some("host".to_owned());
            shared_port = Some(port);
        } else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the Docker engine runs on another machine and has no bridge network: nothing that runs in it can be asked",
            )
            .with_operation("engine.run")
            .with_hint("leave out `--prove-in image`, or use an engine on this machine"));
        }
        body.host_config = Some(host);
        let name = unique_name();
        let create = CreateContainerOptionsBuilder::default().name(&name).build();
        // From here on dropping removes it, under its name: the id may be on its way when the caller gives up.
        let foreign = image.platform() != self.version().platform;
        let mut container = Container {
            engine: self.clone(),
            id: name.clone(),
            url: String::new(),
            foreign,
            made: false,
            removed: false,
        };
        let cannot = |source| {
            let error = error::failed("engine.run", "start a container of the image", source);
            let error = Error::new(ErrorKind::ProofFailed, error.message().to_owned())
                .with_operation("engine.run")
                .with_context("image", image.id.clone());
            if foreign { error.with_hint(FOREIGN) } else { error }
        };
        container.id = self.docker().create_container(Some(create), body).await.map_err(cannot)?.id;
        container.made = true;
        self.docker().start_container(&container.id, None).await.map_err(cannot)?;
        let port = match shared_port {
            Some(port) => port,
            None => self.published_port(&container.id, command.port()).await?,
        };
        let host = self.address().host();
        container.url = if host.contains(':') {
            format!("http://[{host}]:{port}")
        } else {
            format!("http://{host}:{port}")
        };
        Ok(container)
    }

    async fn published_port(&self, id: &str, port: u16) -> Result<u16> {
        let found = inspect(self, id).await?;
        let published = found
            .network_settings
            .and_then(|network| network.ports)
            .and_then(|ports| ports.get(&format!("{port}/tcp"))?.clone())
            .and_then(|bindings| bindings.into_iter().find_map(|binding| binding.host_port?.parse().ok()));
        match published {
            Some(port) => Ok(port),
            // It ended before it could be looked at: what its owner finds out next says why.
            None if found.state.and_then(|state| state.running) == Some(false) => Ok(port),
            None => {
                Err(Error::new(ErrorKind::ProofFailed, "the engine has not published the container's port")
                    .with_operation("engine.run"))
            }
        }
    }
}

fn host_config(options: &ContainerOptions) -> HostConfig {
    HostConfig {
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        tmpfs: Some([("/tmp".to_owned(), "rw,nosuid,nodev,mode=1777".to_owned())].into()),
        memory: options.memory,
        // Without swap, or the limit is none.
        memory_swap: options.memory,
        // The engine's own choice may be one that cannot be read back.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::new()),
        }),
        ..HostConfig::default()
    }
}

async fn inspect(engine: &Engine, id: &str) -> Result<ContainerInspectResponse> {
    engine
        .docker()
        .inspect_container(id, None)
        .await
        .map_err(|source| error::failed("engine.run", "look at the container", source))
}

/// A port nothing listens on now. Should something take it before the container does, the container ends and says so.
fn free_port() -> Result<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| {
            Error::new(ErrorKind::Unavailable, "this machine has no free port")
                .with_operation("engine.run")
                .with_source(source)
        })
}

fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("haute-proof-{}-{now:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Container {
    /// The engine's id of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What to do when it does not run and is for another processor than the engine's.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        self.foreign.then_some(FOREIGN)
    }

    /// Where it answers: `http://127.0.0.1:49153`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How it ended; `None` while it runs. Cancel-safe: it asks only.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn end(&self) -> Result<Option<ContainerEnd>> {
        let state = inspect(&self.engine, &self.id).await?.state.unwrap_or_default();
        if state.running == Some(true) {
            return Ok(None);
        }
        Ok(Some(ContainerEnd {
            code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            error: state.error.unwrap_or_default(),
        }))
    }

    /// What the image's own health check came to: `None` while it is not known, else whether it is well, and its last words.
    /// Cancel-safe: it asks only.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn health(&self) -> Result<Option<(bool, String)>> {
        let health = inspect(&self.engine, &self.id).await?.state.and_then(|state| state.health);
        let Some(health) = health else { return Ok(None) };
        let words = health
            .log
            .as_ref()
            .and_then(|log| log.last())
            .and_then(|last| last.output.as_deref())
            .map(error::one_line)
            .unwrap_or_default();
        Ok(match health.status {
            Some(HealthStatusEnum::HEALTHY) => Some((true, words)),
            Some(HealthStatusEnum::UNHEALTHY) => Some((false, words)),
            _ => None,
        })
    }

    /// The last `lines` lines it wrote, oldest first. Cancel-safe: it reads only.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn logs(&self, lines: usize) -> Result<Vec<String>> {
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let mut stream = self.engine.docker().logs(&self.id, Some(options));
        let mut text = String::new();
        while let Some(part) = stream.next().await {
            let part =
                part.map_err(|source| error::failed("engine.run", "read the container's log", source))?;
            text.push_str(&String::from_utf8_lossy(&part.into_bytes()));
        }
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Asks it to end (with the image's stop signal) and waits for at most `limit`; then the engine kills it. Gives how
    /// long it took and how it ended.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn stop(&self, limit: Duration) -> Result<(Duration, ContainerEnd)> {
        let seconds = i32::try_from(limit.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let started = Instant::now();
        let docker = self.engine.docker().clone().with_timeout(limit + Duration::from_mins(1));
        docker
            .stop_container(&self.id, Some(options))
            .await
            .map_err(|source| error::failed("engine.run", "stop the container", source))?;
        let took = started.elapsed();
        let end = self.end().await?.ok_or_else(|| {
            Error::new(ErrorKind::ProofFailed, "the container runs on after it was stopped")
                .with_operation("engine.run")
        })?;
        Ok((took, end))
    }

    /// Kills and removes it. Dropping does the same, but blocks while it does.
    ///
    /// # Errors
    /// When the engine does not answer; one that is gone already is fine.
    pub async fn remove(mut self) -> Result<()> {
        let result = remove(&self.engine, &self.id).await;
        self.removed = result.is_ok();
        result
    }
}

async fn remove(engine: &Engine, id: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match engine.docker().remove_container(id, Some(options)).await {
        Ok(()) => Ok(()),
        Err(source) => {
            let error =
                error::failed("engine.run", "remove the container", source).with_context("container", id);
            // 409: its removal is under way already.
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) {
                Ok(())
            } else {
                Err(error)
            }
        }
    }
}

/// Removes a container whose owner is gone, and waits for one that the engine may yet make: nobody else would know of it.
async fn remove_at_last(engine: &Engine, id: &str, made: bool) -> Result<()> {
    let mut looks = if made { 0 } else { UNMADE_ATTEMPTS };
    while looks > 0 && engine.docker().inspect_container(id, None).await.is_err() {
        tokio::time::sleep(UNMADE_PAUSE).await;
        looks -= 1;
    }
    remove(engine, id).await
}

impl Drop for Container {
    /// Removes it before going on: the caller was cancelled or panics, and its runtime may end with it.
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        let (engine, id, made) = (self.engine.clone(), self.id.clone(), self.made);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(async {
                    let _removed = tokio::time::timeout(LAST_WORD, remove_at_last(&engine, &id, made)).await;
                });
            }
        });
        let _joined = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_explained() {
        let end = |code, out_of_memory| ContainerEnd { code, out_of_memory, error: String::new() }.explain();
        assert!(end(137, true).contains("more memory"));
        assert!(end(137, false).contains("killed"));
        assert!(end(139, false).contains("segmentation"));
        assert_eq!(end(1, false), "it ended with exit code 1");
    }
}
