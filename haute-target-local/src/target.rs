//! The target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use haute_core::config::Config;
use haute_core::diagnostic::{CodeInfo, Diagnostic};
use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::plan::{Goal, Plan};
use haute_core::project::Project;
use haute_core::python::{EnvironmentCache, EnvironmentProvider, InstallerChoice};
use haute_core::record::Origin;
use haute_core::release::{Release, runtime_variables};
use haute_core::store::file_name;
use haute_core::target::{
    Capabilities, Context, DeployTarget, Deployment, Finding, FindingLevel, PlanRequest, Readiness,
    StepOutcome, StepRequest, TargetFactory, TargetInfo, state_directory,
};
use haute_core::variables::Variables;
use haute_core::verify::QuoteService;
use haute_probe::{HttpQuoteService, Options};

use crate::api::{State, Supervisor};
use crate::config::{CODES, KEYS, LocalConfig};
use crate::observe::{Observed, observe, observe_to_remove};
use crate::owner::{self, Port};
use crate::{desired, diff, step};

/// The target's name.
const NAME: &str = "local";

/// Makes [`LocalTarget`]s from `[deploy.local]`.
#[derive(Clone, Default)]
pub struct Factory {
    environments: Option<Arc<dyn EnvironmentProvider>>,
}

impl Factory {
    /// A factory whose targets make environments in the user's cache, with the installer the project names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes Python from `environments` instead.
    #[must_use]
    pub fn with_environments(mut self, environments: Arc<dyn EnvironmentProvider>) -> Self {
        self.environments = Some(environments);
        self
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
        let config: LocalConfig = project.config().table("deploy.local")?;
        let found = config.validate(project.config());
        if !found.is_empty() {
            return Err(found);
        }
        let environments = self.environments.clone().unwrap_or_else(|| {
            let installer = match project.config().deploy.build.installer.as_str() {
                "uv" => InstallerChoice::Uv,
                "pip" => InstallerChoice::Pip,
                _ => InstallerChoice::Auto,
            };
            Arc::new(EnvironmentCache::of_user(project.variables(), &project.state_directory(), installer))
        });
        let target = LocalTarget::new(project.root(), config, environments);
        Ok(Arc::new(target.with_variables(project.variables().clone())))
    }
}

/// Serves releases as supervised processes of this machine.
#[derive(Clone)]
pub struct LocalTarget {
    pub(crate) root: PathBuf,
    pub(crate) config: LocalConfig,
    pub(crate) environments: Arc<dyn EnvironmentProvider>,
    pub(crate) supervisor: Supervisor,
    variables: Variables,
}

impl LocalTarget {
    /// A target for the project at `project_root`.
    pub fn new(project_root: &Path, config: LocalConfig, environments: Arc<dyn EnvironmentProvider>) -> Self {
        let address = config.socket().to_string();
        // The supervisor outlives the caller, so nothing it is told may depend on where the caller stands.
        let root = std::path::absolute(project_root).unwrap_or_else(|_| project_root.to_owned());
        let directory = state_directory(&root, NAME).join(file_name(&address));
        Self {
            root,
            config,
            environments,
            supervisor: Supervisor::new(directory),
            variables: Variables::empty(),
        }
    }

    /// Sets the environment releases run in.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    pub(crate) async fn look(&self) -> Result<Observed> {
        observe(&self.supervisor, self.config.socket()).await
    }

    pub(crate) fn variables_for(&self, release: &Release) -> BTreeMap<String, String> {
        let directory =
            std::path::absolute(release.directory()).unwrap_or_else(|_| release.directory().to_owned());
        let variables = runtime_variables(&self.variables, &directory);
        variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The commit that is checked out, marked where files differ from it; `None` outside a repository.
    pub(crate) async fn commit(&self) -> Option<String> {
        Origin::collect("", &self.root, &self.variables).await.revision()
    }

    /// A port that is held by a release of ours whose supervisor was killed is free soon: such a release ends by itself.
    pub(crate) fn maybe_orphan(&self, error: Error) -> Error {
        let ours = error.kind() == ErrorKind::Conflict
            && self
                .supervisor
                .left()
                .is_some_and(|left| left.instances.iter().any(|instance| instance.process.alive().is_some()));
        if ours { error.with_retry(Retry::Soon) } else { error }
    }
}

#[async_trait]
impl DeployTarget for LocalTarget {
    fn info(&self) -> TargetInfo {
        let capabilities = Capabilities::none().with_rollback().with_remove().with_http();
        TargetInfo::new(NAME, "this machine", self.config.socket().to_string(), capabilities)
    }

    fn validate(&self) -> Vec<Diagnostic> {
        self.config.validate(&Config::default())
    }

    async fn preflight(&self, context: &Context) -> Result<Vec<Finding>> {
        let python = match self.environments.base_python(context).await {
            Ok(path) => Finding::new("Python", FindingLevel::Ok, path.display().to_string()),
            Err(error) => {
                let fix = error
                    .hints()
                    .first()
                    .cloned()
                    .unwrap_or_else(|| "install Python 3.11 or newer".to_owned());
                Finding::new("Python", FindingLevel::Failed, error.to_string()).with_fix(fix)
            }
        };
        let subject = format!("address {}", self.config.socket());
        let address = match self.supervisor.status().await {
            Ok(Some(_)) => Finding::new(subject, FindingLevel::Ok, "our supervisor has it"),
            Err(error) => Finding::new(subject, FindingLevel::Failed, error.to_string()),
            Ok(None) => match owner::look(self.config.socket()) {
                Ok(Port::Free) => Finding::new(subject, FindingLevel::Ok, "free"),
                Ok(Port::Taken(owner)) => {
                    let error = owner::taken(self.config.socket(), owner.as_ref());
                    let fix = error.hints().first().cloned().unwrap_or_default();
                    Finding::new(subject, FindingLevel::Failed, error.message()).with_fix(fix)
                }
                Err(error) => Finding::new(subject, FindingLevel::Failed, error.to_string()),
            },
        };
        Ok(vec![python, address])
    }

    async fn plan(&self, _context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        let observed = match request.goal {
            Goal::Remove => observe_to_remove(&self.supervisor, self.config.socket()).await?,
            _ => self.look().await?,
        };
        let wanted = desired::wanted(&request, &observed, &self.root)?;
        let serving = observed.serving().map(|instance| instance.release.clone());
        let info = self.info();
        let mut plan = Plan::new(info.name, info.address, request.goal.clone(), observed.fingerprint())
            .with_releases(serving, wanted.clone());
        if self.config.socket().ip().is_unspecified() {
            plan = plan.with_note(
                "other machines can ask for prices too: the host is not an address of this machine alone",
            );
        }
        diff::steps(plan, &observed, wanted.as_ref(), &self.config)
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        step::apply(self, context, &request).await
    }

    async fn poll(&self, _context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        step::poll(self, &request).await
    }

    async fn status(&self, _context: &Context) -> Result<Deployment> {
        let Some(status) = self.supervisor.status().await? else { return Ok(Deployment::nothing()) };
        let serving = status.instances.iter().find(|instance| Some(&instance.id) == status.serving.as_ref());
        let supervisor = status.process.pid.unwrap_or_default().to_string();
        let deployment = match serving {
            Some(instance) => {
                let state = match instance.state {
                    State::Open => "serving",
                    State::Draining => "stopping",
                    _ => "restarting",
                };
                let process = instance.process.pid.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
                Deployment::serving(Some(instance.release.clone()), Some(self.config.url()))
                    .with_state(state)
                    .with_detail("process", process)
                    .with_detail("restarts", instance.restarts.to_string())
            }
            None if status.instances.iter().any(|instance| instance.state == State::Starting) => {
                Deployment::nothing().with_state("starting")
            }
            None => Deployment::nothing(),
        };
        Ok(deployment
            .with_detail("supervisor", supervisor)
            .with_detail("address", self.config.socket().to_string()))
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        let Some(url) = &deployment.url else { return Ok(None) };
        Ok(Some(Box::new(HttpQuoteService::new(url, &Options::default())?)))
    }

    async fn logs(&self, _context: &Context, lines: usize) -> Result<Vec<String>> {
        if self.supervisor.status().await?.is_none() {
            return Ok(self.supervisor.log_file(lines));
        }
        self.supervisor.logs(None, lines).await
    }
}
