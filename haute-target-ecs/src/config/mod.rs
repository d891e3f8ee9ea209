//! `[deploy.aws-ecs]`.

mod check;
mod codes;

use haute_core::config::Config;
use haute_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

pub(crate) use codes::{CODES, VALUE};

/// The keys of `[deploy.aws-ecs]`: Haute's three, and this project's.
pub(crate) const KEYS: &[&str] = &[
    "region",
    "cluster",
    "service",
    "container",
    "update",
    "task_definition",
    "moving_tag",
    "timeout",
    "on_failure",
    "expected_account",
    "in_flight",
    "verify_url",
    "role_arn",
    "create_repository",
    "max_failed_tasks",
];

/// `[deploy.aws-ecs]`.
///
/// `region`, `cluster` and `service` are Haute's. The others are this project's own; Haute refuses keys it does not know, so
/// they usually live in an overlay, `haute.<env>.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EcsConfig {
    /// The AWS region.
    pub region: String,
    /// The cluster, by name or ARN.
    pub cluster: String,
    /// The service, by name.
    pub service: String,
    /// The container that serves the price; empty: the only one, or the one whose image is of our repository.
    pub container: String,
    /// How the service comes to run the new image.
    pub update: Update,
    /// The task definition `existing-revision` points the service at: `family` (its latest revision) or `family:revision`.
    pub task_definition: String,
    /// The tag that moves in `moving-tag`; empty: `latest_tag` of `[deploy.container]`.
    pub moving_tag: String,
    /// How long a rollout may take, in seconds.
    pub timeout: u64,
    /// What is done when a deployment failed.
    pub on_failure: FailureAction,
    /// The account that must be the one these credentials belong to, twelve digits; empty: any.
    pub expected_account: String,
    /// What is done when another deployment of the service is under way.
    pub in_flight: InFlight,
    /// Where the service answers, such as `https://prices.example`; empty: its load balancer, where that can be found.
    pub verify_url: String,
    /// A role to call AWS as; empty: the credentials as they are.
    pub role_arn: String,
    /// Whether a repository that does not exist is made.
    pub create_repository: bool,
    /// After how many failed tasks a rollout without a circuit breaker is given up.
    pub max_failed_tasks: u32,
    /// `deploy.model_name`.
    #[serde(skip)]
    pub model_name: String,
    /// `deploy.container.port`.
    #[serde(skip)]
    pub port: u16,
}

/// How the service comes to run the new image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Update {
    /// A new revision of its task definition, with the image by digest.
    #[default]
    Register,
    /// The same task definition, which names a tag that moves: needs no right to read or register task definitions.
    MovingTag,
    /// A revision somebody else registered, such as Terraform.
    ExistingRevision,
    /// Not at all: the image is pushed, as Haute itself does.
    None,
}

impl Update {
    /// As it is written in `haute.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::MovingTag => "moving-tag",
            Self::ExistingRevision => "existing-revision",
            Self::None => "none",
        }
    }
}

/// What is done when a deployment failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FailureAction {
    /// Everything stays as it is, and the report says what serves.
    #[default]
    Report,
    /// What served before is brought back and verified.
    Rollback,
}

/// What is done when another deployment of the service is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum InFlight {
    /// It is waited for.
    Wait,
    /// Nothing is changed.
    #[default]
    Fail,
    /// Ours replaces it.
    Supersede,
}

impl Default for EcsConfig {
    fn default() -> Self {
        Self {
            region: "eu-west-1".to_owned(),
            cluster: String::new(),
            service: String::new(),
            container: String::new(),
            update: Update::default(),
            task_definition: String::new(),
            moving_tag: String::new(),
            timeout: 1200,
            on_failure: FailureAction::default(),
            expected_account: String::new(),
            in_flight: InFlight::default(),
            verify_url: String::new(),
            role_arn: String::new(),
            create_repository: false,
            max_failed_tasks: 3,
            model_name: String::new(),
            port: 8080,
        }
    }
}

impl EcsConfig {
    /// The service `service` of `cluster` in `region`, with every other key at its default.
    pub fn new(region: impl Into<String>, cluster: impl Into<String>, service: impl Into<String>) -> Self {
        Self { region: region.into(), cluster: cluster.into(), service: service.into(), ..Self::default() }
    }

    /// Sets the model's name and the port its server listens on.
    #[must_use]
    pub fn with_model(mut self, name: impl Into<String>, port: u16) -> Self {
        self.model_name = name.into();
        self.port = port;
        self
    }

    /// Sets how the service comes to run the new image.
    #[must_use]
    pub fn with_update(mut self, update: Update) -> Self {
        self.update = update;
        self
    }

    /// Sets where the service answers.
    #[must_use]
    pub fn with_verify_url(mut self, url: impl Into<String>) -> Self {
        self.verify_url = url.into();
        self
    }

    /// Sets what is done when another deployment is under way.
    #[must_use]
    pub fn with_in_flight(mut self, in_flight: InFlight) -> Self {
        self.in_flight = in_flight;
        self
    }

    /// Sets what is done when a deployment failed.
    #[must_use]
    pub fn with_on_failure(mut self, action: FailureAction) -> Self {
        self.on_failure = action;
        self
    }

    /// Sets how long a rollout may take, in seconds.
    #[must_use]
    pub fn with_timeout(mut self, seconds: u64) -> Self {
        self.timeout = seconds;
        self
    }

    /// Reads the project's tables.
    ///
    /// # Errors
    /// Every mistake, at its place.
    pub fn of(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let own: Self = config.table("deploy.aws-ecs")?;
        let own = own.with_model(config.deploy.model_name.clone(), config.deploy.container.port);
        let mut found = own.validate(config);
        if config.deploy.container.registry.is_empty() {
            let diagnostic =
                Diagnostic::error(VALUE, "`registry` is not set, and ECS takes images from a registry");
            let help = "set it under [deploy.container]: `registry = \"123456789012.dkr.ecr.eu-west-1.amazonaws.com\"`";
            found.push(config.point(diagnostic.help(help), "deploy.container.registry", "here"));
        }
        if found.is_empty() { Ok(own) } else { Err(found) }
    }

    /// The tag that moves in the mode `moving-tag`.
    pub(crate) fn tag_that_moves<'a>(&'a self, latest: &'a str) -> &'a str {
        if self.moving_tag.is_empty() { latest } else { &self.moving_tag }
    }

    /// What records and journals are kept under.
    pub(crate) fn address(&self) -> String {
        let cluster = self.cluster.rsplit('/').next().unwrap_or(&self.cluster);
        format!("{}/{cluster}/{}", self.region, self.service)
    }

    /// Where a person looks at the service.
    pub(crate) fn console(&self) -> String {
        let cluster = self.cluster.rsplit('/').next().unwrap_or(&self.cluster);
        let (region, service) = (&self.region, &self.service);
        let host = if region.starts_with("cn-") { "console.amazonaws.cn" } else { "console.aws.amazon.com" };
        format!("https://{host}/ecs/v2/clusters/{cluster}/services/{service}/deployments?region={region}")
    }
}
