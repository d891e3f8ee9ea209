//! The target `mlflow` against a real server, read by MLflow's own client.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use haute_conformance::{Fixture, checks, make_release, prove, run as run_check};
use haute_core::engine::{Clock, Engine, SystemClock};
use haute_core::event::{Event, RecordingSink};
use haute_core::record::{Origin, Outcome, Recorded};
use haute_core::target::{Cancellation, Context, DeployTarget, ProvenRelease};
use haute_core::variables::Variables;
use haute_target_databricks::mlflow::{MlflowConfig, MlflowTarget};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::{motor, run};
use crate::model::{READER, expect_proven, proven};
use haute_test_databricks::python::{Server, script, test};

/// A secret the target is given: a server without accounts takes no notice of it.
const CANARY: &str = "canary-5e1f07";

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        test("registry::a_deploy_is_loaded_by_every_form_of_address_with_the_proven_premiums", deployed),
        test("registry::an_unchanged_release_writes_nothing", unchanged),
        test("registry::a_version_begun_by_a_killed_deploy_is_gone_on_with", resumed),
    ];
    // The whole suite, on the same server, each check under a model name of its own.
    trials.extend(checks().iter().map(|check| {
        let name = check.name;
        let run = move || {
            let fixture = World::new();
            run(run_check(name, &fixture)).map_err(Failed::from)
        };
        conformance(name, run)
    }));
    trials
}

fn conformance(name: &'static str, check: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let probe = test(name, || Ok(()));
    if probe.has_ignored_flag() {
        return test(&format!("conformance::{name}"), || Ok(()));
    }
    Trial::test(format!("conformance::{name}"), check)
}

/// The server all tests share. A static is never dropped, so the last test to end stops it.
struct Shared {
    server: Mutex<Option<(Server, TempDir)>>,
    url: String,
}

fn server() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let server = Server::tracking(directory.path());
        let url = server.url.clone();
        Shared { server: Mutex::new(Some((server, directory))), url }
    })
}

/// Stops the server, if one was started.
pub(crate) fn stop() {
    if python_ran() {
        let stopped = server().server.lock().map(|mut server| server.take());
        drop(stopped);
    }
}

static STARTED: AtomicUsize = AtomicUsize::new(0);

fn python_ran() -> bool {
    STARTED.load(Ordering::SeqCst) > 0
}

/// A model of its own on the shared server.
struct World {
    directory: TempDir,
    model: String,
    events: Arc<RecordingSink>,
}

impl World {
    fn new() -> Self {
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let model = format!("motor pricing-{number}");
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            model,
            events: Arc::new(RecordingSink::default()),
        }
    }

    fn mlflow(&self) -> MlflowTarget {
        let variables = [
            ("MLFLOW_TRACKING_URI", server().url.as_str()),
            ("MLFLOW_TRACKING_USERNAME", "ada"),
            ("MLFLOW_TRACKING_PASSWORD", CANARY),
        ];
        MlflowTarget::new(self.directory.path(), &self.model, MlflowConfig::default())
            .with_variables(variables.into_iter().collect::<Variables>())
    }

    fn context(&self) -> Context {
        Context::new(self.events.clone(), Cancellation::default())
    }

    async fn deploy(&self, release: &ProvenRelease) -> haute_core::Result<Recorded> {
        let engine = Engine::new(self.directory.path());
        engine.deploy(&self.mlflow(), &self.context(), release, Origin::new("motor")).await
    }

    /// Everything that is kept under the model's name.
    fn dump(&self) -> Value {
        script(include_str!("dump.py"), &[&server().url, &self.model], &Value::Null)
    }
}

#[async_trait]
impl Fixture for World {
    fn project_root(&self) -> &Path {
        self.directory.path()
    }

    fn target(&self) -> Arc<dyn DeployTarget> {
        Arc::new(self.mlflow())
    }

    fn release(&self, number: usize) -> ProvenRelease {
        let directory = self.directory.path().join(format!("release-{number}"));
        let text = format!("premium = {number}\n");
        let lock = "haute==0.6.0 \\\n    --hash=sha256:00\n";
        let files = [("project/main.py", text.as_str()), ("requirements.lock", lock), ("project/.git", "")];
        let release = make_release(&directory, "motor", "3.11", &files).expect("a release");
        let object = |value: Value| value.as_object().cloned().expect("an object");
        prove(release, &[(object(json!({"id": 1})), object(json!({"premium": 1.5})))]).expect("proven")
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::new())
    }

    fn secret(&self) -> Option<String> {
        Some(CANARY.to_owned())
    }

    async fn world(&self) -> String {
        self.dump().to_string()
    }
}

fn deployed() -> Result<(), Failed> {
    let world = World::new();
    let recorded = run(world.deploy(motor()))?;
    assert_eq!(recorded.record.outcome, Outcome::Deployed);
    let dump = world.dump();
    assert_eq!(dump["aliases"], json!({"production": "1"}));
    assert_eq!(dump["versions"][0]["tags"]["haute.release"], json!(motor().release.digest()));
    assert_eq!(dump["versions"][0]["status"], "READY");
    let model = dump["logged"][0]["model_id"].as_str().expect("a logged model").to_owned();
    assert_eq!(dump["versions"][0]["source"], json!(format!("models:/{model}")));
    assert_eq!(dump["runs"][0]["status"], "FINISHED");
    assert_eq!(dump["runs"][0]["outputs"], json!([model]));
    assert_eq!(dump["logged"], json!([{"model_id": model, "status": "READY"}]));
    let (inputs, _) = proven(motor());
    let run_id = dump["runs"][0]["run_id"].as_str().expect("a run").to_owned();
    for uri in [
        format!("models:/{}/1", world.model),
        format!("models:/{}@production", world.model),
        format!("models:/{model}"),
        format!("runs:/{run_id}/model"),
    ] {
        let read = script(READER, &[&uri, &server().url], &inputs);
        expect_proven(&read, motor());
    }
    let told: BTreeSet<u64> = world
        .events
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Progress { done, total: Some(total), unit, .. } if unit == "bytes" => {
                Some(done * 100 / total)
            }
            _ => None,
        })
        .collect();
    assert!(told.contains(&0) && told.contains(&100), "the upload is told from beginning to end: {told:?}");
    Ok(())
}

fn unchanged() -> Result<(), Failed> {
    let world = World::new();
    let (one, two) = (world.release(1), world.release(2));
    run(world.deploy(&one))?;
    let before = world.dump();
    for _ in 0..10 {
        let again = run(world.deploy(&one))?;
        assert_eq!(again.record.outcome, Outcome::Unchanged);
    }
    assert_eq!(world.dump(), before);
    // Another one, and back: the first version is used again.
    run(world.deploy(&two))?;
    run(world.deploy(&one))?;
    let dump = world.dump();
    assert_eq!(dump["aliases"], json!({"production": "1"}));
    assert_eq!(dump["versions"].as_array().map(Vec::len), Some(2));
    let past = run(world.mlflow().history(&world.context(), 10))?.expect("a memory");
    let told: Vec<_> =
        past.iter().map(|one| (one.version.as_str(), one.serving, one.release.clone())).collect();
    let digest = |release: &ProvenRelease| Some(release.release.digest().clone());
    assert_eq!(told, [("2", false, digest(&two)), ("1", true, digest(&one))]);
    assert!(past.iter().all(|one| one.when.is_some()), "{past:?}");
    assert_eq!(dump["logged"].as_array().map(Vec::len), Some(2));
    Ok(())
}

fn resumed() -> Result<(), Failed> {
    let world = World::new();
    let release = world.release(1);
    // What a deploy leaves that is killed while it uploads: an open run, and a model that is not whole.
    script(
        include_str!("begin.py"),
        &[&server().url, &world.model, release.release.digest().as_str()],
        &Value::Null,
    );
    let before = world.dump();
    assert_eq!(before["logged"][0]["status"], "PENDING");
    run(world.deploy(&release))?;
    let dump = world.dump();
    assert_eq!(dump["logged"], json!([{"model_id": before["logged"][0]["model_id"], "status": "READY"}]));
    assert_eq!(dump["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(dump["runs"][0]["status"], "FINISHED");
    assert_eq!(dump["versions"].as_array().map(Vec::len), Some(1));
    Ok(())
}
