//! The target.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use haute_core::config::Config;
use haute_core::diagnostic::{CodeInfo, Diagnostic};
use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::plan::Plan;
use haute_core::project::Project;
use haute_core::proof::Proof;
use haute_core::record::Origin;
use haute_core::report::FailureReport;
use haute_core::target::{
    Capabilities, Context, DeployTarget, Deployment, Finding, PastRelease, PlanRequest, Readiness,
    ReportRequest, StepOutcome, StepRequest, TargetFactory, TargetInfo,
};
use haute_core::variables::Variables;
use haute_core::verify::QuoteService;

use super::config::{CODES, DatabricksConfig, KEYS};
use super::credentials::{Space, require};
use super::observe::{observe, releases_of};
use super::{desired, diff, endpoint, history, preflight, register, step};
use crate::http::{ApiClient, Once};
use crate::invocations::InvocationsService;
use crate::registry::{Registry, Version};

/// The target's name.
pub(crate) const NAME: &str = "databricks";
/// How long to wait before an endpoint is looked at again: it takes minutes, and the workspace counts requests.
const FIRST_LOOK: Duration = Duration::from_secs(2);
const LATER_LOOKS: Duration = Duration::from_secs(15);
/// What a [`Deployment`] calls the release that has a share of the traffic, and who answers for which.
const CANARY: &str = "canary";
const CANARY_ENTITY: &str = "canary entity";
const ENTITY: &str = "entity";
/// Sets `endpoint_suffix` for one run.
const SUFFIX: &str = "HAUTE_ENDPOINT_SUFFIX";

/// Makes [`DatabricksTarget`]s from `[deploy.databricks]`.
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
        let mut config: DatabricksConfig = project.config().table("deploy.databricks")?;
        let deploy = &project.config().deploy;
        config = config.with_names(&deploy.model_name, deploy.endpoint_name.as_deref());
        if let Some(suffix) = project.variables().get(SUFFIX) {
            config = config.with_suffix(suffix);
        }
        let found = config.validate(project.config());
        if !found.is_empty() {
            return Err(found);
        }
        let target = DatabricksTarget::new(project.root(), config);
        Ok(Arc::new(target.with_variables(project.variables().clone())))
    }
}

/// Registers releases in Unity Catalog and serves them on serving endpoints.
#[derive(Clone, Debug)]
pub struct DatabricksTarget {
    root: PathBuf,
    config: DatabricksConfig,
    variables: Variables,
    mlflow: Once,
    rating: Once,
}

impl DatabricksTarget {
    /// A target for the project at `project_root`.
    pub fn new(project_root: &Path, config: DatabricksConfig) -> Self {
        let (mlflow, rating) = (Once::default(), Once::default());
        Self { root: project_root.to_owned(), config, variables: Variables::empty(), mlflow, rating }
    }

    /// Sets the variables that name the workspace and who asks.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        (self.mlflow, self.rating) = (Once::default(), Once::default());
        self
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn config(&self) -> &DatabricksConfig {
        &self.config
    }

    pub(crate) fn model(&self) -> String {
        self.config.model()
    }

    pub(crate) fn experiment(&self) -> String {
        self.config.experiment()
    }

    pub(crate) fn alias(&self) -> &str {
        &self.config.alias
    }

    pub(crate) fn endpoint_name(&self) -> Option<String> {
        self.config.endpoint()
    }

    /// The workspace where models are logged and registered.
    pub(crate) fn mlflow(&self) -> Result<ApiClient> {
        require(self.spaces(), &self.variables)?;
        self.mlflow.get(|| Space::Mlflow.client(&self.variables))
    }

    /// The workspace where endpoints serve.
    pub(crate) fn rating(&self) -> Result<ApiClient> {
        require(self.spaces(), &self.variables)?;
        self.rating.get(|| Space::Rating.client(&self.variables))
    }

    fn spaces(&self) -> &'static [Space] {
        if self.endpoint_name().is_some() { &[Space::Mlflow, Space::Rating] } else { &[Space::Mlflow] }
    }

    pub(crate) async fn commit(&self) -> Option<String> {
        Origin::collect("", &self.root, &self.variables).await.revision()
    }

    /// The way to ask the endpoint for quotes, or the one entity of it that is named.
    pub(crate) fn quote_service(
        &self,
        entity: Option<&str>,
        release: Option<Digest>,
    ) -> Result<InvocationsService> {
        let name = self.endpoint_name().unwrap_or_default();
        let entity = entity.map(|entity| format!("served-models/{entity}/")).unwrap_or_default();
        let path = format!("serving-endpoints/{name}/{entity}invocations");
        Ok(InvocationsService::at(self.rating()?, path, release))
    }

    fn url(&self) -> Option<String> {
        let host = Space::Rating.host(&self.variables)?;
        Some(format!("{host}/serving-endpoints/{}/invocations", self.endpoint_name()?))
    }
}

#[async_trait]
impl DeployTarget for DatabricksTarget {
    fn info(&self) -> TargetInfo {
        let mut capabilities = Capabilities::none().with_remote().with_rollback();
        let space = match self.endpoint_name() {
            Some(_) => {
                capabilities = capabilities.with_http().with_canary();
                Space::Rating
            }
            None => Space::Mlflow,
        };
        let host = space.host(&self.variables).unwrap_or_default();
        let host = host.split_once("://").map_or(host.as_str(), |(_, rest)| rest);
        let what = self.endpoint_name().unwrap_or_else(|| format!("{}@{}", self.model(), self.alias()));
        let mut info = TargetInfo::new(NAME, "Databricks", format!("{host}/{what}"), capabilities);
        if let Some(on_failure) = self.config.on_failure {
            info = info.with_on_failure(on_failure);
        }
        if self.endpoint_name().is_some() { info.with_poll_waits(FIRST_LOOK, LATER_LOOKS) } else { info }
    }

    fn validate(&self) -> Vec<Diagnostic> {
        self.config.validate(&Config::default())
    }

    async fn preflight(&self, _context: &Context) -> Result<Vec<Finding>> {
        preflight::look(self).await
    }

    async fn plan(&self, _context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        require(self.spaces(), &self.variables)?;
        let observed = observe(self, desired::deployed(&request)?).await?;
        let has_endpoint = self.endpoint_name().is_some();
        let wanted = desired::wanted(&request, &observed, has_endpoint)?;
        let serving = if has_endpoint {
            observed.served.clone()
        } else {
            observed.alias.as_ref().and_then(Version::release)
        };
        let info = self.info();
        let plan = Plan::new(info.name, info.address, request.goal.clone(), observed.fingerprint())
            .with_releases(serving, Some(wanted.clone()));
        diff::steps(plan, &observed, &wanted, &self.config)
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        step::apply(self, context, &request).await
    }

    async fn poll(&self, _context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        step::poll(self, &request).await
    }

    async fn status(&self, _context: &Context) -> Result<Deployment> {
        let mlflow = self.mlflow()?;
        let registry = Registry::unity_catalog(&mlflow);
        let Some(name) = self.endpoint_name() else {
            let model = self.model();
            let alias = if registry.has_model(&model).await? {
                registry.alias(&model, self.alias()).await?
            } else {
                None
            };
            return Ok(alias.map_or_else(Deployment::nothing, |version| {
                Deployment::serving(version.release(), None)
                    .with_state("registered")
                    .with_detail("model", format!("models:/{model}@{}", self.alias()))
                    .with_detail("version", version.number)
            }));
        };
        let Some(live) = endpoint::get(&self.rating()?, &name).await? else {
            return Ok(Deployment::nothing());
        };
        let alias = if registry.has_model(&self.model()).await? {
            registry.alias(&self.model(), self.alias()).await?
        } else {
            None
        };
        let alias = alias.as_ref().map(|version| version.number.as_str());
        let (release, canary) = releases_of(&registry, Some(&live), alias).await?;
        let state = match (live.state.ready.as_str(), live.is_updating()) {
            _ if live.state.suspend == "STOPPED" => "stopped",
            ("READY", false) if live.canary(alias).is_some() => "serving, with a canary",
            ("READY", false) => "serving",
            ("READY", true) => "serving, and being changed",
            (_, true) => "starting",
            _ => "not ready",
        };
        let main = live.main(alias);
        let version = main.map(|entity| format!("{} of {}", entity.version, entity.model));
        let mut deployment = Deployment::serving(release, self.url())
            .with_state(state)
            .with_detail("endpoint", name)
            .with_detail("version", version.unwrap_or_else(|| "none".to_owned()))
            .with_detail("update", live.state.config_update.clone());
        if let (Some((entity, share)), Some(main)) = (live.canary(alias), main) {
            let release = canary.map_or_else(|| "no release of ours".to_owned(), |it| it.to_string());
            deployment = deployment
                .with_detail(CANARY, release)
                .with_detail("canary version", format!("{} of {}", entity.version, entity.model))
                .with_detail("canary traffic", format!("{share} %"))
                .with_detail(CANARY_ENTITY, entity.name.clone())
                .with_detail(ENTITY, main.name.clone());
        }
        Ok(deployment)
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        if deployment.url.is_none() || self.endpoint_name().is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(self.quote_service(None, deployment.release.clone())?)))
    }

    fn service_of(&self, deployment: &Deployment, release: &Digest) -> Result<Option<Box<dyn QuoteService>>> {
        let detail = |key: &str| deployment.details.get(key).map(String::as_str);
        let (entity, answers) = match detail(CANARY) {
            Some(canary) if canary == release.as_str() => (detail(CANARY_ENTITY), Some(release.clone())),
            Some(_) => (detail(ENTITY), deployment.release.clone()),
            None => return self.service(deployment),
        };
        Ok(Some(Box::new(self.quote_service(entity, answers)?)))
    }

    async fn proof(&self, _context: &Context, release: &Digest) -> Result<Option<Proof>> {
        register::proof(&self.mlflow()?, &self.model(), release).await
    }

    async fn watch(&self, _context: &Context, deployment: &str) -> Result<Readiness> {
        history::watch(self, deployment).await
    }

    async fn history(&self, _context: &Context, limit: usize) -> Result<Option<Vec<PastRelease>>> {
        history::history(self, limit).await.map(Some)
    }

    async fn report(&self, _context: &Context, request: ReportRequest<'_>) -> Option<FailureReport> {
        step::report(self, &request).await
    }

    async fn logs(&self, _context: &Context, lines: usize) -> Result<Vec<String>> {
        let Some(name) = self.endpoint_name() else { return Ok(Vec::new()) };
        let client = self.rating()?;
        let Some(live) = endpoint::get(&client, &name).await? else { return Ok(Vec::new()) };
        let config = live.pending_config.as_ref().or(live.config.as_ref());
        let Some(entity) = config.and_then(|config| config.served_entities.first()) else {
            return Ok(Vec::new());
        };
        Ok(endpoint::log(&client, &name, &entity.name, "logs", lines).await.unwrap_or_default())
    }
}
