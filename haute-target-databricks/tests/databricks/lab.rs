//! A project directory, a workspace, releases, and the target between them.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use haute_conformance::{Fixture, make_release, prove};
use haute_core::engine::{Clock, Engine, Run, VirtualClock};
use haute_core::event::RecordingSink;
use haute_core::record::{Origin, Recorded, history};
use haute_core::report::FailureReport;
use haute_core::target::{Cancellation, Context, DeployTarget, ProvenRelease};
use haute_core::variables::Variables;
use haute_target_databricks::databricks::{DatabricksConfig, DatabricksTarget};
use serde_json::{Value, json};
use tempfile::TempDir;

use haute_test_databricks::{TOKEN, Workspace};

pub(crate) struct Lab {
    directory: TempDir,
    config: DatabricksConfig,
    pub(crate) workspace: Workspace,
    pub(crate) events: Arc<RecordingSink>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(DatabricksConfig::default().with_names("motor-pricing", Some("motor-pricing")))
    }

    pub(crate) fn without_endpoint() -> Self {
        Self::with(DatabricksConfig::default().with_names("motor-pricing", None))
    }

    pub(crate) fn with(config: DatabricksConfig) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            config,
            workspace: Workspace::start(),
            events: Arc::new(RecordingSink::default()),
        }
    }

    pub(crate) fn databricks(&self) -> DatabricksTarget {
        let variables: Variables = [
            ("DATABRICKS_MLFLOW_HOST", self.workspace.url.as_str()),
            ("DATABRICKS_MLFLOW_TOKEN", TOKEN),
            ("DATABRICKS_RATING_HOST", &self.workspace.url),
            ("DATABRICKS_RATING_TOKEN", TOKEN),
        ]
        .into_iter()
        .collect();
        DatabricksTarget::new(self.directory.path(), self.config.clone()).with_variables(variables)
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.events.clone(), Cancellation::default())
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.directory.path()).with_clock(Arc::new(VirtualClock::new()))
    }

    pub(crate) async fn deploy(&self, release: &ProvenRelease) -> haute_core::Result<Recorded> {
        self.engine().deploy(&self.databricks(), &self.context(), release, Origin::new("motor")).await
    }

    /// A release whose project says `premium`, proven to answer `proven`.
    pub(crate) fn priced(&self, name: &str, premium: f64, proven: f64) -> ProvenRelease {
        let directory = self.directory.path().join("releases").join(name);
        let text = format!("premium = {premium:?}\n");
        let lock = "haute==0.6.0 \\\n    --hash=sha256:00\n";
        let files = [("project/main.py", text.as_str()), ("requirements.lock", lock), ("project/.git", "")];
        let release = make_release(&directory, "motor-pricing", "3.11", &files).unwrap();
        let object = |value: Value| value.as_object().cloned().unwrap();
        let quote = |id: i64| (object(json!({"id": id})), object(json!({"premium": proven, "id": id})));
        prove(release, &[quote(1), quote(2)]).unwrap()
    }

    /// What the last failed deploy found out.
    pub(crate) fn last_report(&self) -> FailureReport {
        let records = history(self.engine().store(), None).unwrap();
        records.into_iter().find_map(|one| one.record.report).unwrap()
    }

    /// Carries out a run.
    pub(crate) async fn run(&self, run: Run<'_>) -> haute_core::Result<Recorded> {
        self.engine().run(&self.databricks(), &self.context(), run).await
    }

    /// The number of versions that are there.
    pub(crate) fn versions(&self) -> usize {
        let world = self.workspace.world.lock().unwrap();
        world.models.values().map(|model| model["versions"].as_object().unwrap().len()).sum()
    }

    /// The version the endpoint serves.
    pub(crate) fn served(&self) -> Value {
        let world = self.workspace.world.lock().unwrap();
        world.endpoints["motor-pricing"]["config"]["served_entities"][0]["entity_version"].clone()
    }

    /// What the alias stands for.
    pub(crate) fn alias(&self) -> Value {
        let world = self.workspace.world.lock().unwrap();
        world.models.values().next().map_or(Value::Null, |model| model["aliases"]["production"].clone())
    }
}

#[async_trait]
impl Fixture for Lab {
    fn project_root(&self) -> &Path {
        self.directory.path()
    }

    fn target(&self) -> Arc<dyn DeployTarget> {
        Arc::new(self.databricks())
    }

    fn release(&self, number: usize) -> ProvenRelease {
        let premium = 100.5 + f64::from(u32::try_from(number).unwrap());
        self.priced(&format!("release-{number}"), premium, premium)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(VirtualClock::new())
    }

    fn secret(&self) -> Option<String> {
        Some(TOKEN.to_owned())
    }

    async fn world(&self) -> String {
        let world = self.workspace.world.lock().unwrap();
        let files: Vec<_> = world.files.iter().map(|(path, bytes)| (path, bytes.len())).collect();
        json!([world.experiments, world.runs, world.logged, world.models, world.endpoints, files]).to_string()
    }
}
