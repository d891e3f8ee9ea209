//! The target `aws-ecs`: a release as the tasks of a service of Amazon ECS.
//!
//! ```toml
//! [deploy]
//! target = "aws-ecs"
//! model_name = "motor-pricing"
//!
//! [deploy.container]
//! registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
//! port = 8080
//!
//! [deploy.aws-ecs]
//! region = "eu-west-1"
//! cluster = "pricing"
//! service = "motor"
//! ```
//!
//! A deploy puts the image into the registry, registers a revision of the service's own task definition with that image by
//! digest and nothing else touched, points the service at it, and follows its own deployment until the service runs it and
//! nothing else. What the service then answers is verified by quotes, and only then the revision is marked as verified.
//! Nothing is ever deregistered.

mod definition;
mod desired;
mod diff;
mod follow;
mod going_back;
mod history;
mod logs;
pub(crate) mod observe;
mod proof;
mod remembered;
mod report;
mod running;
mod status;
mod step;
mod url;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use haute_container::make::ImageMaker;
use haute_container::registry::DockerCredentials;
use haute_container::{ContainerConfig, ContainerTarget};
use haute_core::config::Config;
use haute_core::diagnostic::{CodeInfo, Diagnostic};
use haute_core::digest::Digest;
use haute_core::engine::OnFailure;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Goal, Plan};
use haute_core::project::Project;
use haute_core::proof::Proof;
use haute_core::report::FailureReport;
use haute_core::target::{
    Capabilities, Context, DeployTarget, Deployment, Finding, PastRelease, PlanRequest, Readiness,
    ReportRequest, StepOutcome, StepRequest, TargetFactory, TargetInfo,
};
use haute_core::variables::Variables;
use haute_core::verify::QuoteService;

use crate::aws::{AwsOptions, Connection, EcrCredentials};
use crate::config::{CODES, EcsConfig, FailureAction, KEYS, Update, VALUE};
use crate::preflight;

pub(crate) use desired::{container as container_of, platform_of};
pub(crate) use logs::LogPlace;

/// The target's name.
pub(crate) const NAME: &str = "aws-ecs";

/// The first and the longest wait between two looks at a rollout: ECS shares one bucket of calls among everybody in the
/// account and region.
const POLL_WAITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));

/// Makes [`EcsTarget`]s from `[deploy.aws-ecs]` and `[deploy.container]`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Factory;

impl Factory {
    /// The factory.
    pub fn new() -> Self {
        Self
    }

    /// The diagnostic codes of this target.
    pub fn codes() -> &'static [CodeInfo] {
        CODES
    }
}

impl TargetFactory for Factory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tables(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[(NAME, KEYS)]
    }

    fn bind(&self, project: &Project) -> std::result::Result<Arc<dyn DeployTarget>, Vec<Diagnostic>> {
        let own = EcsConfig::of(project.config());
        let container = ContainerConfig::of(project);
        let (own, container) = match (own, container) {
            (Ok(own), Ok(container)) => (own, container),
            (own, container) => {
                let mut found = own.err().unwrap_or_default();
                found.extend(container.err().unwrap_or_default());
                return Err(found);
            }
        };
        let target = EcsTarget::new(project.root(), own, container, project.variables().clone())
            .map_err(|error| vec![Diagnostic::error(VALUE, error.to_string())])?;
        Ok(Arc::new(target))
    }
}

/// Serves releases as a service of Amazon ECS. Clones share connections and what was learnt.
#[derive(Clone)]
pub struct EcsTarget {
    pub(crate) root: PathBuf,
    pub(crate) config: EcsConfig,
    pub(crate) container: ContainerTarget,
    pub(crate) connection: Connection,
    pub(crate) variables: Variables,
    pub(crate) follower: follow::Follower,
    pub(crate) url: url::Found,
}

impl EcsTarget {
    /// A target for the project at `root`: the service of `config`, with images as `container` says. `variables` hold the
    /// credentials of AWS, or lead to them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the image has no registry, or a variable names something unusable.
    pub fn new(
        root: &Path,
        config: EcsConfig,
        mut container: ContainerConfig,
        variables: Variables,
    ) -> Result<Self> {
        if !container.remote {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "ECS takes images from a registry, and none is configured",
            )
            .with_hint("set `registry` under [deploy.container]"));
        }
        if config.update == Update::MovingTag {
            let tag = config.tag_that_moves(&container.settings.latest_tag).to_owned();
            container.settings.latest_tag = tag;
        }
        let target = Self {
            root: root.to_owned(),
            container: ContainerTarget::new(root, container, variables.clone())?,
            connection: Connection::new(
                &config.region,
                Some(config.role_arn.as_str()).filter(|role| !role.is_empty()),
                variables.clone(),
                AwsOptions::default(),
            ),
            config,
            variables,
            follower: follow::Follower::default(),
            url: url::Found::default(),
        };
        target.signed_in()
    }

    /// Calls AWS as `options` say.
    ///
    /// # Errors
    /// As [`EcsTarget::new`].
    pub fn with_options(mut self, options: AwsOptions) -> Result<Self> {
        let role = Some(self.config.role_arn.as_str()).filter(|role| !role.is_empty());
        self.connection = Connection::new(&self.config.region, role, self.variables.clone(), options);
        self.signed_in()
    }

    /// Lets the container target sign in to ECR through the connection.
    fn signed_in(mut self) -> Result<Self> {
        let repository = &self.container.config().repository;
        let host = repository.host().to_owned();
        let docker = DockerCredentials::new(self.variables.clone()).with_variables_for(host.clone());
        let credentials = EcrCredentials::new(self.connection.clone(), host.clone(), Arc::new(docker));
        let settings = self.container.config().settings.clone();
        let fallback = self.root.join(haute_core::project::STATE_DIRECTORY);
        let maker = ImageMaker::new(settings, self.variables.clone(), Some(&host), &fallback)?
            .with_credentials(Arc::new(credentials));
        self.container = self.container.with_maker(maker);
        Ok(self)
    }

    /// The repository images go to, without tag or digest, as task definitions name it.
    pub(crate) fn repository(&self) -> String {
        self.container.config().repository.to_string()
    }
}

#[async_trait]
impl DeployTarget for EcsTarget {
    fn info(&self) -> TargetInfo {
        let mut capabilities = Capabilities::none().with_remote();
        if matches!(self.config.update, Update::Register | Update::ExistingRevision) {
            capabilities = capabilities.with_rollback();
        }
        // An image that is only pushed serves nothing yet.
        if self.config.update != Update::None && self.url.known(&self.config).is_some() {
            capabilities = capabilities.with_http();
        }
        let on_failure = match self.config.on_failure {
            FailureAction::Report => OnFailure::Report,
            FailureAction::Rollback => OnFailure::Rollback,
        };
        TargetInfo::new(NAME, "AWS ECS", self.config.address(), capabilities)
            .with_on_failure(on_failure)
            .with_poll_waits(POLL_WAITS.0, POLL_WAITS.1)
    }

    fn validate(&self) -> Vec<Diagnostic> {
        self.config.validate(&Config::default())
    }

    async fn preflight(&self, context: &Context) -> Result<Vec<Finding>> {
        preflight::look(self, context).await
    }

    async fn plan(&self, context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        match (request.goal, request.release) {
            (Goal::Deploy, Some(release)) => Box::pin(diff::deploy(self, context, release)).await,
            (Goal::Deploy, None) => {
                Err(Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof"))
            }
            (Goal::Rollback { to }, _) => going_back::plan(self, request.goal, to.as_ref()).await,
            (other, _) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the target `{NAME}` does not know the goal {other:?}: the service belongs to whoever made it"
                ),
            )),
        }
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        step::apply(self, context, &request).await
    }

    async fn poll(&self, context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        step::poll(self, context, request).await
    }

    async fn status(&self, context: &Context) -> Result<Deployment> {
        status::status(self, context).await
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        url::service(deployment)
    }

    async fn proof(&self, _context: &Context, release: &Digest) -> Result<Option<Proof>> {
        proof::proof(self, release).await
    }

    async fn watch(&self, context: &Context, deployment: &str) -> Result<Readiness> {
        follow::watch(self, context, deployment).await
    }

    async fn history(&self, _context: &Context, limit: usize) -> Result<Option<Vec<PastRelease>>> {
        history::history(self, limit).await
    }

    async fn report(&self, context: &Context, request: ReportRequest<'_>) -> Option<FailureReport> {
        report::report(self, context, &request).await
    }

    async fn logs(&self, _context: &Context, lines: usize) -> Result<Vec<String>> {
        logs::logs(self, lines).await
    }
}
