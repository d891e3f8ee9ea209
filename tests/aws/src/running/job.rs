//! One task: its image is pulled, its container started, asked for its health, and stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use haute_container::engine::{Container, ContainerEnd, ContainerOptions, Credentials, Engine, LocalImage};
use haute_container::reference::ImageReference;
use haute_core::error::{Error, ErrorKind};
use serde_json::Value;

use super::{Place, context};
use crate::ecr::execution_password;
use crate::rollout::{Change, Status, Task};
use crate::server::Shared;

/// How often a container is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long one question for its health may take.
const QUESTION: Duration = Duration::from_secs(2);
/// How long a container may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(20);
/// How often a container is started whose port somebody else takes: all share the ports of the machine, as tasks do not.
const ATTEMPTS: u32 = 3;
/// What a program says whose port is taken.
const TAKEN: &str = "address already in use";
/// The most lines of a log that are read.
const LINES: usize = 10_000;

/// Runs a task to its end.
pub(super) async fn run(shared: Arc<Shared>, engine: Engine, place: Place) {
    let job = Job { shared, engine, place };
    let Some(what) = job.what() else { return };
    job.tell(Change::Pending);
    for attempt in 1..=ATTEMPTS {
        let (container, reachable) = match job.start(&what).await {
            Ok(started) => started,
            Err(reason) => {
                job.tell(Change::NoStart { reason: reason.clone(), container: Some(reason) });
                return;
            }
        };
        let done = job.serve(&what, &container, reachable, attempt < ATTEMPTS).await;
        drop(container.remove().await);
        if done {
            return;
        }
    }
}

struct Job {
    shared: Arc<Shared>,
    engine: Engine,
    place: Place,
}

/// What a task is made of.
struct What {
    image: String,
    digest: Option<String>,
    env: Vec<String>,
    /// In bytes.
    memory: Option<i64>,
    platform: &'static str,
    /// Where the load balancer asks, and at which port.
    health: String,
    port: Option<u64>,
    /// How long it may take to become healthy.
    patience: Duration,
}

impl Job {
    /// What is to run; `None` when the task is gone.
    fn what(&self) -> Option<What> {
        let state = self.shared.state();
        let key = (self.place.cluster.clone(), self.place.service.clone());
        let service = state.world.services.get(&key)?;
        let task = service.tasks.iter().find(|task| task.id == self.place.task)?;
        let first = task.containers.iter().find(|container| container.essential)?;
        let definition = state.world.ground.definition(&task.definition)?;
        let containers = definition.containers();
        let container =
            containers.iter().find(|one| one.get("name").and_then(Value::as_str) == Some(&first.name))?;
        let variables = container.get("environment").and_then(Value::as_array).into_iter().flatten();
        let env = variables
            .filter_map(|one| Some(format!("{}={}", one.get("name")?.as_str()?, one.get("value")?.as_str()?)))
            .collect();
        let memory = container.get("memory").and_then(Value::as_i64).or_else(|| definition.memory());
        let group = service.target_group().and_then(|arn| state.world.target_groups.get(&arn).cloned());
        let path = group.as_ref().and_then(|group| group.get("HealthCheckPath")?.as_str().map(str::to_owned));
        Some(What {
            image: first.image.clone(),
            digest: first.digest.clone(),
            env,
            memory: memory.map(|mebibytes| mebibytes * 1024 * 1024),
            platform: if definition.is_arm() { "linux/arm64" } else { "linux/amd64" },
            health: path.unwrap_or_else(|| "/health".to_owned()),
            port: container.pointer("/portMappings/0/containerPort").and_then(Value::as_u64),
            patience: state.patience,
        })
    }

    /// Pulls the image and starts a container of it; why not, in the words of ECS. And whether the port the service is
    /// reached by is the one the container listens at.
    async fn start(&self, what: &What) -> Result<(Container, bool), String> {
        let cannot_pull = |error: &Error| format!("CannotPullContainerError: {}", words(error));
        // By digest, as a service pins its deployment to what its tag led to when it began.
        let pinned = match (&what.digest, what.image.contains('@')) {
            (Some(digest), false) => {
                let name = what
                    .image
                    .rsplit_once('/')
                    .map_or((String::new(), what.image.as_str()), |(host, name)| (format!("{host}/"), name));
                let plain = name.1.split(':').next().unwrap_or_default();
                format!("{}{plain}@{digest}", name.0)
            }
            _ => what.image.clone(),
        };
        let reference: ImageReference = pinned.parse().map_err(|error| cannot_pull(&error))?;
        let credentials = Credentials::new("AWS", execution_password());
        let image = self.engine.fetch(&context(), &reference, what.platform, Some(&credentials)).await;
        let image = image.map_err(|error| match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Conflict => format!(
                "CannotPullContainerError: image Manifest does not contain descriptor matching platform '{}'",
                what.platform
            ),
            _ => cannot_pull(&error),
        })?;
        self.shared.state().pulled.insert(pinned);
        let mut options = ContainerOptions::new();
        options.env.clone_from(&what.env);
        options.memory = what.memory;
        let container = self
            .engine
            .start(&image, &options)
            .await
            .map_err(|error| format!("CannotStartContainerError: {}", words(&error)))?;
        Ok((container, reachable(&image, what.port)))
    }

    /// Looks after a running container until it has ended or was stopped; `false` when it has to be started again, and may be,
    /// because somebody else took its port first.
    async fn serve(&self, what: &What, container: &Container, reachable: bool, again: bool) -> bool {
        self.tell(Change::Running);
        let address = container.url().trim_start_matches("http://").to_owned();
        self.with_task(|task| task.address = Some(address));
        let begun = Instant::now();
        let (mut healthy, mut missed, mut written) = (false, 0_u32, 0_usize);
        loop {
            if let Ok(Some(end)) = container.end().await {
                let log = self.news(container, &mut written).await;
                if again && !healthy && log.iter().any(|line| line.to_lowercase().contains(TAKEN)) {
                    return false;
                }
                self.tell(Change::Exit { code: end.code, reason: reason(&end), log });
                return true;
            }
            if self.is_to_stop() {
                self.stop(container, &mut written).await;
                return true;
            }
            let asked = if reachable {
                self.ask(container, &what.health).await
            } else {
                Err("Request timed out".to_owned())
            };
            match asked {
                Ok(()) => {
                    missed = 0;
                    if !healthy {
                        healthy = true;
                        let log = self.news(container, &mut written).await;
                        self.write(&log);
                        self.tell(Change::Healthy);
                    }
                }
                Err(why) => {
                    missed += 1;
                    // At first it has its time; later a few questions may go without an answer.
                    let given_up = if healthy { missed >= 10 } else { begun.elapsed() >= what.patience };
                    if given_up {
                        let log = self.news(container, &mut written).await;
                        self.write(&log);
                        self.tell(Change::Unhealthy(Some(why)));
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn stop(&self, container: &Container, written: &mut usize) {
        let code = container.stop(STOP).await.ok().map(|(_, end)| end.code);
        let log = self.news(container, written).await;
        self.write(&log);
        self.tell(Change::Stopped(code));
    }

    /// Asks for the health as a load balancer does; why it is not well.
    async fn ask(&self, container: &Container, path: &str) -> Result<(), String> {
        let request = self.shared.client.get(format!("{}{path}", container.url())).timeout(QUESTION);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                Err(format!("Health checks failed with these codes: [{}]", answer.status().as_u16()))
            }
            Err(_) => Err("Request timed out".to_owned()),
        }
    }

    /// The lines of the log that were not read before.
    async fn news(&self, container: &Container, written: &mut usize) -> Vec<String> {
        let lines = container.logs(LINES).await.unwrap_or_default();
        let news = lines.iter().skip(*written).cloned().collect();
        *written = lines.len();
        news
    }

    fn write(&self, lines: &[String]) {
        let mut state = self.shared.state();
        let key = (self.place.cluster.clone(), self.place.service.clone());
        let services = &state.world.services;
        let task =
            services.get(&key).and_then(|one| one.tasks.iter().find(|task| task.id == self.place.task));
        if let Some(task) = task.cloned() {
            state.world.ground.write_log(&task, lines);
        }
    }

    /// Lets a change of the task happen now.
    fn tell(&self, change: Change) {
        let now = self.shared.state().world.ground.now;
        self.with_task(|task| task.course.push_back((now, change)));
        self.shared.state().world.settle();
    }

    fn with_task(&self, change: impl FnOnce(&mut Task)) {
        let mut state = self.shared.state();
        let key = (self.place.cluster.clone(), self.place.service.clone());
        let service = state.world.services.get_mut(&key);
        if let Some(task) =
            service.and_then(|service| service.tasks.iter_mut().find(|task| task.id == self.place.task))
        {
            change(task);
        }
    }

    /// Whether the task was told to stop, or is gone with its service.
    fn is_to_stop(&self) -> bool {
        let state = self.shared.state();
        let key = (self.place.cluster.clone(), self.place.service.clone());
        let task = state
            .world
            .services
            .get(&key)
            .and_then(|service| service.tasks.iter().find(|task| task.id == self.place.task));
        task.is_none_or(|task| matches!(task.status, Status::Stopping | Status::Stopped))
    }
}

/// Whether a container listens at the port it is reached by. Where its command names none, nobody knows.
fn reachable(image: &LocalImage, port: Option<u64>) -> bool {
    let words = image.config.cmd.as_deref().unwrap_or_default();
    let named = words.iter().position(|word| word == "--port").and_then(|at| words.get(at + 1));
    let named: Option<u64> = named.and_then(|port| port.parse().ok());
    named.is_none() || port.is_none() || named == port
}

fn reason(end: &ContainerEnd) -> Option<String> {
    if end.out_of_memory {
        return Some("OutOfMemoryError: Container killed due to memory usage".to_owned());
    }
    (!end.error.is_empty()).then(|| end.error.clone())
}

fn words(error: &Error) -> String {
    error.message().to_owned()
}
