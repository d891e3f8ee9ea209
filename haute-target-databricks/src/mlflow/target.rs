//! The target.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use haute_core::config::Config;
use haute_core::diagnostic::{CodeInfo, Diagnostic};
use haute_core::error::Result;
use haute_core::plan::Plan;
use haute_core::project::Project;
use haute_core::record::Origin;
use haute_core::target::{
    Capabilities, Context, DeployTarget, Deployment, Finding, FindingLevel, PastRelease, PlanRequest,
    Readiness, StepOutcome, StepRequest, TargetFactory, TargetInfo,
};
use haute_core::variables::Variables;
use haute_core::verify::QuoteService;

use super::config::{CODES, KEYS, MlflowConfig};
use super::observe::observe;
use super::{desired, diff, step};
use crate::http::{ApiClient, Once};
use crate::registry::Registry;

/// The target's name.
pub(crate) const NAME: &str = "mlflow";

/// Makes [`MlflowTarget`]s from `[deploy.mlflow]`.
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
        let config: MlflowConfig = project.config().table("deploy.mlflow")?;
        let model = &project.config().deploy.model_name;
        let found = config.validate(model, project.config());
        if !found.is_empty() {
            return Err(found);
        }
        let target = MlflowTarget::new(project.root(), model, config);
        Ok(Arc::new(target.with_variables(project.variables().clone())))
    }
}

/// Registers releases on an open MLflow server.
#[derive(Clone, Debug)]
pub struct MlflowTarget {
    root: PathBuf,
    pub(crate) model: String,
    pub(crate) config: MlflowConfig,
    variables: Variables,
    client: Once,
}

impl MlflowTarget {
    /// A target for the registered model `model` of the project at `project_root`.
    pub fn new(project_root: &Path, model: impl Into<String>, config: MlflowConfig) -> Self {
        Self {
            root: project_root.to_owned(),
            model: model.into(),
            config,
            variables: Variables::empty(),
            client: Once::default(),
        }
    }

    /// Sets the variables the server's address and the credentials are read from.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self.client = Once::default();
        self
    }

    pub(crate) fn client(&self) -> Result<ApiClient> {
        self.client.get(|| self.config.client(&self.variables))
    }

    pub(crate) fn experiment(&self) -> String {
        self.config.experiment(&self.model)
    }

    pub(crate) async fn commit(&self) -> Option<String> {
        Origin::collect("", &self.root, &self.variables).await.revision()
    }
}

#[async_trait]
impl DeployTarget for MlflowTarget {
    fn info(&self) -> TargetInfo {
        let capabilities = Capabilities::none().with_remote().with_rollback().with_remove();
        let server = self.config.address(&self.variables).unwrap_or_default();
        let server = server.split_once("://").map_or(server.as_str(), |(_, rest)| rest);
        let address = format!("{server}/{}@{}", self.model, self.config.alias);
        TargetInfo::new(NAME, "an MLflow server", address, capabilities)
    }

    fn validate(&self) -> Vec<Diagnostic> {
        self.config.validate(&self.model, &Config::default())
    }

    async fn preflight(&self, _context: &Context) -> Result<Vec<Finding>> {
        let client = self.client()?;
        let subject = format!("registered model `{}`", self.model);
        let finding = match Registry::open(&client).has_model(&self.model).await {
            Ok(true) => Finding::new(subject, FindingLevel::Ok, "there"),
            Ok(false) => Finding::new(subject, FindingLevel::Ok, "will be made"),
            Err(error) => Finding::new(subject, FindingLevel::Failed, error.to_string())
                .with_fix("check MLFLOW_TRACKING_URI and the credentials, and that the server runs"),
        };
        Ok(vec![finding])
    }

    async fn plan(&self, _context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        let client = self.client()?;
        let observed = observe(self, &client, desired::deployed(&request)?).await?;
        let wanted = desired::wanted(&request, &observed)?;
        let info = self.info();
        let plan = Plan::new(info.name, info.address, request.goal.clone(), observed.fingerprint())
            .with_releases(observed.serving(), wanted.clone());
        let experiment = self.experiment();
        let names = diff::Names { experiment: &experiment, model: &self.model, alias: &self.config.alias };
        diff::steps(plan, &observed, wanted.as_ref(), &names)
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        step::apply(self, context, &request).await
    }

    async fn poll(&self, _context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        step::poll(self, &request).await
    }

    async fn status(&self, _context: &Context) -> Result<Deployment> {
        let client = self.client()?;
        let registry = Registry::open(&client);
        if !registry.has_model(&self.model).await? {
            return Ok(Deployment::nothing());
        }
        let Some(version) = registry.alias(&self.model, &self.config.alias).await? else {
            return Ok(Deployment::nothing());
        };
        Ok(Deployment::serving(version.release(), None)
            .with_state("registered")
            .with_detail("model", format!("models:/{}@{}", self.model, self.config.alias))
            .with_detail("version", version.number)
            .with_detail("run", version.run_id)
            .with_detail("server", client.base()))
    }

    async fn history(&self, _context: &Context, limit: usize) -> Result<Option<Vec<PastRelease>>> {
        let client = self.client()?;
        let registry = Registry::open(&client);
        if !registry.has_model(&self.model).await? {
            return Ok(Some(Vec::new()));
        }
        let alias = registry.alias(&self.model, &self.config.alias).await?;
        let serving = alias.as_ref().map(|version| version.number.as_str());
        let versions = registry.versions(&self.model).await?;
        Ok(Some(versions.iter().take(limit).map(|version| version.past(&self.model, serving)).collect()))
    }

    fn service(&self, _deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        // A registry keeps models; it serves none.
        Ok(None)
    }
}
