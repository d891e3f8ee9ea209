//! A project, a target in memory, and a release that was proven, without Python.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use haute_cli::{Captured, Exit, Io, Runner};
use haute_core::Result;
use haute_core::diagnostic::Diagnostic;
use haute_core::digest::Digest;
use haute_core::plan::Plan;
use haute_core::project::Project;
use haute_core::proof::Proof;
use haute_core::release::Release;
use haute_core::store::Store;
use haute_core::target::{
    Context, DeployTarget, Deployment, Finding, MemoryTarget, MemoryWorld, PlanRequest, ProvenRelease,
    Readiness, StepOutcome, StepRequest, TargetFactory, TargetInfo,
};
use haute_core::variables::Variables;
use haute_core::verify::QuoteService;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs the program with its built-in targets.
pub(crate) fn run(words: &[&str]) -> (Exit, Captured) {
    run_with(words, &[])
}

pub(crate) fn run_with(words: &[&str], variables: &[(&str, &str)]) -> (Exit, Captured) {
    run_of(Runner::with_built_in_targets(), words, variables)
}

fn run_of(runner: Runner, words: &[&str], variables: &[(&str, &str)]) -> (Exit, Captured) {
    let (io, captured) = Io::captured();
    let io = io.with_variables(variables.iter().copied().collect::<Variables>());
    let words = ["haute-cli"].into_iter().chain(words.iter().copied());
    (runner.run(words, io), captured)
}

/// The one result line: the last line, and the only one of its type.
#[track_caller]
pub(crate) fn result(captured: &Captured, exit: Exit) -> Value {
    let lines: Vec<Value> = captured
        .stdout()
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}` is not JSON: {error}"))
        })
        .collect();
    assert_eq!(lines.iter().filter(|line| line["type"] == "result").count(), 1, "{lines:?}");
    let last = lines.last().cloned().unwrap();
    assert_eq!(last["type"], "result");
    assert_eq!(last["exit_code"], exit.code(), "{last}");
    assert!(last["outcome"].is_string() && last.get("release").is_some(), "{last}");
    last
}

/// A project whose target is in memory.
pub(crate) struct Memory {
    directory: TempDir,
    pub(crate) world: MemoryWorld,
    /// Whether the target says that it reaches beyond this machine.
    pub(crate) remote: bool,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let write = |path: &str, text: &str| fs::write(directory.path().join(path), text).unwrap();
        write(
            "haute.toml",
            "[project]\nname = \"motor\"\npipeline = \"main.py\"\n\n[deploy]\ntarget = \"memory\"\n",
        );
        write("main.py", "import haute\n\npipeline = haute.Pipeline(\"motor\")\n");
        Self { directory, world: MemoryWorld::new(), remote: false }
    }

    /// Makes it a project for another target.
    pub(crate) fn use_target(&self, name: &str) {
        let path = self.root().join("haute.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"memory\"", &format!("\"{name}\""))).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(&self.root().canonicalize().unwrap())
    }

    pub(crate) fn run(&self, words: &[&str]) -> (Exit, Captured) {
        self.run_with(words, &[])
    }

    pub(crate) fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> (Exit, Captured) {
        let project = self.root().to_str().unwrap();
        let words = [words, &["--project", project]].concat();
        run_of(Runner::new().register(self.factory()), &words, variables)
    }

    fn factory(&self) -> Factory {
        Factory { world: self.world.clone(), remote: self.remote }
    }

    /// A release in the project's store, with a proof that it prices its one quote at `premium`.
    pub(crate) fn release(&self, premium: f64) -> ProvenRelease {
        let app = format!("PREMIUM = {premium}\n");
        let manifest = json!({
            "schema": "haute.release/1", "name": "motor", "haute": "0.6.0", "python": "3.11", "platform": "linux/amd64",
            "pipeline": {"file": "project/main.py", "directory": "project", "name": "motor", "nodes": ["quote"],
                "output_node": "quote", "output_fields": null},
            "input": {}, "output": {"mapping": null}, "scoring": null,
            "limits": {"body_bytes": 1, "rows": 1, "depth": 1, "deadline_seconds": 1, "queue": 1},
            "docs": true,
            "files": [{"path": "app.py", "sha256": Digest::of(&app).hex(), "size": app.len()}],
            "quotes": {"file": "quotes.json"},
        });
        let bytes = manifest.to_string();
        let digest = Digest::of(&bytes);
        let directory = self.store().releases().join(digest.hex());
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("app.py"), app).unwrap();
        fs::write(directory.join("manifest.json"), bytes).unwrap();
        let proof: Proof = serde_json::from_value(json!({
            "schema": "haute.proof/1", "release": digest, "passed": true, "environment": {"python": "3.11.7"},
            "quotes": [{
                "id": "tests/quotes/young.json#0", "input": {"age": 19, "name": "O'Brien"},
                "outputs": [{"premium": premium}], "prices": {"premium": premium}, "checks": [],
            }],
            "checks": [{"name": "batch", "passed": true, "detail": ""}],
        }))
        .unwrap();
        self.store().save_proof(&proof).unwrap();
        ProvenRelease::new(Release::open(&directory).unwrap(), proof).unwrap()
    }

    /// The file of a plan to deploy `release`, made against the world as it is.
    pub(crate) fn plan(&self, release: &ProvenRelease) -> String {
        let target = MemoryTarget::new(self.world.clone());
        let context =
            Context::new(Arc::new(haute_core::event::NullSink), haute_core::target::Cancellation::default());
        let request = PlanRequest::new(&haute_core::plan::Goal::Deploy, Some(release));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let plan = runtime.block_on(target.plan(&context, request)).unwrap();
        let path = self.root().join("plan.json");
        fs::write(&path, serde_json::to_vec(&plan).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Deploys `release` by a plan.
    pub(crate) fn deploy(&self, release: &ProvenRelease) -> (Exit, Captured) {
        self.run(&["deploy", "--plan", &self.plan(release)])
    }
}

struct Factory {
    world: MemoryWorld,
    remote: bool,
}

impl TargetFactory for Factory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn tables(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[]
    }

    fn bind(&self, _project: &Project) -> std::result::Result<Arc<dyn DeployTarget>, Vec<Diagnostic>> {
        Ok(Arc::new(Target { inner: MemoryTarget::new(self.world.clone()), remote: self.remote }))
    }
}

/// The memory target, said to be far away where a test wants that.
struct Target {
    inner: MemoryTarget,
    remote: bool,
}

#[async_trait]
impl DeployTarget for Target {
    fn info(&self) -> TargetInfo {
        let mut info = self.inner.info();
        if self.remote {
            info.capabilities = info.capabilities.with_remote();
        }
        info
    }

    async fn preflight(&self, context: &Context) -> Result<Vec<Finding>> {
        self.inner.preflight(context).await
    }

    async fn plan(&self, context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        self.inner.plan(context, request).await
    }

    async fn apply_step(&self, context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        self.inner.apply_step(context, request).await
    }

    async fn poll(&self, context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        self.inner.poll(context, request).await
    }

    async fn status(&self, context: &Context) -> Result<Deployment> {
        self.inner.status(context).await
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        self.inner.service(deployment)
    }
}
