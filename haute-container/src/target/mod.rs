//! The target `container`: the release as an image in a registry, or on this machine.
//!
//! ```toml
//! [deploy]
//! target = "container"
//!
//! [deploy.container]
//! registry = "registry.example/pricing"      # empty: the image stays on this machine
//! base_image = "python:3.11.9-slim"
//! port = 8080
//! ```
//!
//! A deploy puts the image under the commit's tag, and then lets the moving tag (`latest_tag`) stand for it. Nothing is
//! served by this target: who runs the image takes it by the digest that is printed and recorded.

mod archive;
mod config;
mod desired;
mod diff;
mod local;
mod memory;
mod observe;
mod planned;
mod remembered;
mod step;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use haute_core::config::Builder;
use haute_core::diagnostic::{CodeInfo, Diagnostic};
use haute_core::error::{ErrorKind, Result};
use haute_core::plan::Plan;
use haute_core::project::Project;
use haute_core::target::{
    Capabilities, Context, DeployTarget, Deployment, Finding, FindingLevel, PlanRequest, Readiness,
    StepOutcome, StepRequest, TargetFactory, TargetInfo,
};
use haute_core::variables::Variables;
use haute_core::verify::QuoteService;

use config::CODES;
pub use config::ContainerConfig;
pub use planned::PlannedImage;

use crate::engine::Engine;
use crate::make::ImageMaker;

/// The target's name.
const NAME: &str = "container";

/// Makes [`ContainerTarget`]s from `[deploy.container]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Factory;

impl Factory {
    /// A factory.
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
        // `[deploy.container]` is Haute's, so core knows its keys.
        &[]
    }

    fn bind(&self, project: &Project) -> std::result::Result<Arc<dyn DeployTarget>, Vec<Diagnostic>> {
        let config = ContainerConfig::of(project)?;
        let variables = project.variables().clone();
        let target = ContainerTarget::new(project.root(), config, variables)
            .map_err(|error| vec![Diagnostic::error(config::VALUE, error.to_string())])?;
        Ok(Arc::new(target))
    }
}

/// Puts releases into a registry as images.
#[derive(Clone)]
pub struct ContainerTarget {
    pub(crate) root: PathBuf,
    pub(crate) config: ContainerConfig,
    pub(crate) maker: ImageMaker,
    pub(crate) variables: Variables,
    memory: memory::Memory,
}

impl ContainerTarget {
    /// A target for the project at `root`.
    ///
    /// # Errors
    /// As [`ImageMaker::new`].
    pub fn new(root: impl Into<PathBuf>, config: ContainerConfig, variables: Variables) -> Result<Self> {
        let root = root.into();
        let host = config.remote.then(|| config.repository.host().to_owned());
        let fallback = root.join(haute_core::project::STATE_DIRECTORY);
        let maker = ImageMaker::new(config.settings.clone(), variables.clone(), host.as_deref(), &fallback)?;
        Ok(Self { root, config, maker, variables, memory: memory::Memory::default() })
    }

    /// Makes images with `maker` instead of one of the settings alone.
    #[must_use]
    pub fn with_maker(mut self, maker: ImageMaker) -> Self {
        self.maker = maker;
        self
    }
}

#[async_trait]
impl DeployTarget for ContainerTarget {
    fn info(&self) -> TargetInfo {
        let capabilities = Capabilities::none();
        let (title, capabilities) = if self.config.remote {
            ("a container registry", capabilities.with_remote())
        } else {
            ("an image on this machine", capabilities)
        };
        TargetInfo::new(NAME, title, self.config.address(), capabilities)
    }

    async fn preflight(&self, _context: &Context) -> Result<Vec<Finding>> {
        let mut found = Vec::new();
        if self.config.remote {
            let subject = format!("registry {}", self.config.repository.registry());
            let may = match self.maker.client(&self.config.repository) {
                Ok(client) => client.check_push(self.config.repository.repository()).await,
                Err(error) => Err(error),
            };
            found.push(match may {
                Ok(()) => Finding::new(subject, FindingLevel::Ok, "takes a push to the repository"),
                // Credentials have an exit code of their own, so they are told as what they are.
                Err(error)
                    if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied) =>
                {
                    return Err(error);
                }
                Err(error) => {
                    let fix = error.hints().first().cloned();
                    let finding = Finding::new(subject, FindingLevel::Failed, error.to_string());
                    match fix {
                        Some(fix) => finding.with_fix(fix),
                        None => finding,
                    }
                }
            });
        }
        let prove = self.config.settings.prove_in == haute_core::config::ProveIn::Image;
        if prove || self.config.settings.builder == Builder::Engine {
            found.push(match Engine::connect(&self.variables).await {
                Ok(engine) => Finding::new(
                    "Docker engine",
                    FindingLevel::Ok,
                    format!("version {}", engine.version().engine),
                ),
                Err(error) => {
                    let fix = error.hints().first().cloned().unwrap_or_default();
                    Finding::new("Docker engine", FindingLevel::Failed, error.to_string()).with_fix(fix)
                }
            });
        }
        Ok(found)
    }

    async fn plan(&self, context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        let wanted = desired::wanted(self, &request).await?;
        let observed = observe::observe(self, &wanted.tag).await?;
        let plan = diff::plan(self, context, request.goal, &observed, &wanted);
        self.memory.planned(Arc::new(wanted), Arc::new(observed));
        Ok(plan)
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        step::apply(self, context, &request).await
    }

    async fn poll(&self, _context: &Context, _request: StepRequest<'_>) -> Result<Readiness> {
        // A registry has an image or it has not: a step that returned is done.
        Ok(Readiness::Ready)
    }

    async fn status(&self, _context: &Context) -> Result<Deployment> {
        observe::status(self).await
    }

    fn service(&self, _deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        Ok(None)
    }
}
