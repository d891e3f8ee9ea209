//! What was deployed, where, and how it is set up.

use serde_json::Value;

use crate::model::Service;
use crate::task_definition::TaskDefinition;

/// What was deployed, where, and how it is set up. What is empty is not known, and no text claims it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The account's number.
    pub account: String,
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The ARN of the task definition that was deployed.
    pub task_definition: String,
    /// The container that serves the price.
    pub container: String,
    /// The port that is to answer, by `haute.toml`.
    pub port: Option<u16>,
    /// The port that the load balancer asks, by the service.
    pub load_balancer_port: Option<u16>,
    /// The repository, as `account.dkr.ecr.region.amazonaws.com/name`.
    pub repository: String,
    /// The image as the task definition names it.
    pub image: String,
    /// The digest of the image that was pushed.
    pub pushed: String,
    /// The digest of the image that runs.
    pub running: String,
    /// The log group.
    pub log_group: String,
    /// The memory of the task, in MiB.
    pub memory: Option<u64>,
    /// The processor of the task: `X86_64` or `ARM64`.
    pub architecture: String,
    /// The ARN of the role that pulls the image and reads secrets.
    pub execution_role: String,
    /// The ARN of the role the container runs as.
    pub task_role: String,
    /// The command of the container's own health check, in one line.
    pub health_check: String,
}

impl Subject {
    /// A service, by the name or the ARN of its cluster and its own name.
    pub fn new(region: impl Into<String>, cluster: impl Into<String>, service: impl Into<String>) -> Self {
        let cluster = cluster.into();
        let cluster = cluster.rsplit('/').next().unwrap_or_default().to_owned();
        Self { region: region.into(), cluster, service: service.into(), ..Self::default() }
    }

    /// Adds the account, and the port that is to answer by `haute.toml`.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<String>, port: u16) -> Self {
        self.account = account.into();
        self.port = Some(port);
        self
    }

    /// Adds the repository, the digest that was pushed to it and the one that runs; what is not known is empty.
    #[must_use]
    pub fn with_images(
        mut self,
        repository: impl Into<String>,
        pushed: impl Into<String>,
        running: impl Into<String>,
    ) -> Self {
        self.repository = repository.into();
        self.pushed = pushed.into();
        self.running = running.into();
        self
    }

    /// Adds what the task definition says about the container that serves the price.
    #[must_use]
    pub fn with_task_definition(mut self, definition: &TaskDefinition, container: &str) -> Self {
        let member = |name: &str| definition.member(name);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let part = definition.container(container);
        let inside = |path: &str| part.and_then(|part| part.pointer(path));
        if let Some(arn) = definition.arn() {
            arn.clone_into(&mut self.task_definition);
        }
        container.clone_into(&mut self.container);
        definition.image(container).unwrap_or_default().clone_into(&mut self.image);
        self.log_group = text(inside("/logConfiguration/options/awslogs-group"));
        self.memory = inside("/memory").and_then(Value::as_u64).or_else(|| definition.memory());
        self.architecture =
            text(member("runtimePlatform").and_then(|platform| platform.get("cpuArchitecture")));
        self.execution_role = text(member("executionRoleArn"));
        self.task_role = text(member("taskRoleArn"));
        let command = inside("/healthCheck/command").and_then(Value::as_array);
        self.health_check =
            command.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        self
    }

    /// Adds which port the load balancer asks. Of several, the one that asks the container counts.
    #[must_use]
    pub fn with_load_balancer_of(mut self, service: &Service) -> Self {
        let asks =
            |name: Option<&str>| name.is_none_or(|name| self.container.is_empty() || name == self.container);
        let found = service.load_balancers.iter().find(|balancer| asks(balancer.container_name.as_deref()));
        self.load_balancer_port =
            found.and_then(|balancer| balancer.container_port).and_then(|port| u16::try_from(port).ok());
        self
    }
}
