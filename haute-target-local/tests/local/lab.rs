//! A project directory, releases of a fake server, and the real target and supervisor.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use haute_conformance::{Fixture, make_release, prove};
use haute_core::engine::{Clock, Engine, Policy, SystemClock};
use haute_core::event::RecordingSink;
use haute_core::python::{EnvironmentCache, EnvironmentProvider, InstallerChoice, find_interpreter};
use haute_core::record::{Origin, Recorded};
use haute_core::release::Release;
use haute_core::target::{Cancellation, Context, DeployTarget, ProvenRelease};
use haute_core::variables::Variables;
use haute_target_local::{LocalConfig, LocalTarget};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// A secret that the releases' environment holds.
pub(crate) const CANARY: &str = "canary-7f3a9c";

pub(crate) struct Lab {
    root: PathBuf,
    _directory: TempDir,
    pub(crate) config: LocalConfig,
    pub(crate) events: Arc<RecordingSink>,
    pub(crate) cancellation: Cancellation,
}

/// The interpreter that runs these tests' fake server: any 3.11 or newer.
struct AnyPython(EnvironmentCache);

#[async_trait]
impl EnvironmentProvider for AnyPython {
    async fn python_for(&self, context: &Context, _release: &Release) -> haute_core::Result<PathBuf> {
        self.base_python(context).await
    }

    async fn base_python(&self, context: &Context) -> haute_core::Result<PathBuf> {
        Ok(find_interpreter(context, self.0.variables(), None).await?.path)
    }
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::below("project")
    }

    /// A lab whose project is in the folder `name`.
    pub(crate) fn below(name: &str) -> Self {
        // Free now, and not given to another test of this process soon: the kernel hands out ports in turn.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = LocalConfig::default().with_address("127.0.0.1", port).with_drain_seconds(2);
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join(name);
        std::fs::create_dir(&root).unwrap();
        Self {
            root,
            _directory: directory,
            config,
            events: Arc::new(RecordingSink::default()),
            cancellation: Cancellation::default(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.config.port)
    }

    pub(crate) fn local(&self) -> LocalTarget {
        let mut variables = Variables::of_process();
        let cache =
            EnvironmentCache::new(self.root().join("cache"), variables.clone(), InstallerChoice::Auto);
        variables.set("DATABASE_PASSWORD", CANARY);
        LocalTarget::new(self.root(), self.config.clone(), Arc::new(AnyPython(cache)))
            .with_variables(variables)
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.events.clone(), self.cancellation.clone())
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.root()).with_policy(Policy::default().with_verify_deadline(Duration::from_secs(10)))
    }

    /// A release that answers every quote with `premium`, proven to give `proven`.
    pub(crate) fn release_with(&self, name: &str, behaviour: &Value, proven: f64) -> ProvenRelease {
        let directory = self.root().join("releases").join(name);
        let files = [
            ("behaviour.json", behaviour.to_string()),
            ("runtime/haute_serve/__main__.py", include_str!("fake_server.py").to_owned()),
            ("runtime/haute_serve/__init__.py", String::new()),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let release = make_release(&directory, name, "3.11", &files).unwrap();
        let quote =
            |id: i64| (object(&json!({"IDpol": id})), object(&json!({"premium": proven, "IDpol": id})));
        prove(release, &[quote(1), quote(2)]).unwrap()
    }

    pub(crate) fn priced(&self, name: &str, premium: f64) -> ProvenRelease {
        self.release_with(name, &json!({"premium": premium}), premium)
    }

    pub(crate) async fn deploy(&self, release: &ProvenRelease) -> haute_core::Result<Recorded> {
        self.engine().deploy(&self.local(), &self.context(), release, Origin::new("motor")).await
    }

    pub(crate) async fn remove(&self) {
        let local = self.local();
        self.engine().remove(&local, &self.context(), Origin::new("motor")).await.unwrap();
        let left = children_below(self.root());
        assert!(left.is_empty(), "processes are left: {left:?}");
    }

    pub(crate) async fn detail(&self, key: &str) -> String {
        let status = self.local().status(&self.context()).await.unwrap();
        status.details.get(key).cloned().unwrap_or_default()
    }
}

impl Drop for Lab {
    /// A test that failed leaves its supervisor behind: it is told to end, and its releases with it.
    fn drop(&mut self) {
        for line in children_below(&self.root) {
            let process = line.split(' ').next().and_then(|id| id.parse().ok());
            if let Some(process) = process.and_then(rustix::process::Pid::from_raw)
                && line.contains("supervisor.py")
            {
                let _gone_already = rustix::process::kill_process(process, rustix::process::Signal::TERM);
            }
        }
    }
}

/// Every process whose command line names the directory.
pub(crate) fn children_below(directory: &Path) -> Vec<String> {
    let needle = directory.display().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let bytes = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
            line.contains(&needle).then(|| format!("{process} {line}"))
        })
        .collect()
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[async_trait]
impl Fixture for Lab {
    fn project_root(&self) -> &Path {
        self.root()
    }

    fn target(&self) -> Arc<dyn DeployTarget> {
        Arc::new(self.local())
    }

    fn release(&self, number: usize) -> ProvenRelease {
        let premium = 100.0 + f64::from(u32::try_from(number).unwrap());
        self.priced(&format!("motor-{number}"), premium)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::new())
    }

    fn secret(&self) -> Option<String> {
        Some(CANARY.to_owned())
    }

    async fn world(&self) -> String {
        let mut processes = children_below(self.root());
        processes.sort();
        processes.join("\n")
    }

    async fn close(&self) {
        self.remove().await;
    }
}
