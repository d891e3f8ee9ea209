//! A service in an emulator, a release, and a target between them.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use haute_conformance::{make_release, prove};
use haute_container::ContainerConfig;
use haute_core::config::ContainerSection;
use haute_core::engine::{Engine, Policy, VirtualClock};
use haute_core::event::{Event, RecordingSink};
use haute_core::record::{Origin, Recorded};
use haute_core::target::{Cancellation, Context, ProvenRelease};
use haute_core::variables::Variables;
use haute_target_ecs::{AwsOptions, EcsConfig, EcsTarget};
use haute_test_services::{BaseImage, Registry, RegistryOptions};
use libtest_mimic::Failed;
use serde_json::{Map, Value, json};

use crate::emulator::{Emulator, Kind};
use crate::plain::Plain;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const CLUSTER: &str = "pricing";
pub(crate) const SERVICE: &str = "motor";

/// Everything one test needs.
pub(crate) struct Lab {
    pub(crate) emulator: Emulator,
    pub(crate) plain: Plain,
    /// Has the base image; and, for an emulator without one, is what images are pushed to.
    pub(crate) registry: Registry,
    pub(crate) variables: Variables,
    events: Arc<RecordingSink>,
    base: String,
    directory: tempfile::TempDir,
}

/// Runs a test on a runtime of its own.
pub(crate) fn run<F: Future<Output = Result<(), Failed>>>(
    kind: Kind,
    python: &Path,
    test: impl FnOnce(Lab) -> F,
) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async { test(Lab::start(kind, python).await?).await })
}

impl Lab {
    async fn start(kind: Kind, python: &Path) -> Result<Self, Failed> {
        let emulator = Emulator::start(kind, python).await?;
        let registry = Registry::start(RegistryOptions::plain())?;
        let base = BaseImage::tiny("amd64")?.push_to(&registry, "python", "3.11-slim")?;
        let directory = tempfile::tempdir()?;
        let mut variables = Variables::default();
        for (name, value) in [
            ("AWS_ENDPOINT_URL", emulator.url()),
            ("AWS_ACCESS_KEY_ID", "AKIADEPLOYER00000001".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "of-the-deployer".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("HOME", directory.path().display().to_string()),
            ("XDG_CACHE_HOME", directory.path().join("cache").display().to_string()),
        ] {
            variables.set(name, value);
        }
        let plain = Plain::new(emulator.url())?;
        let lab = Self {
            emulator,
            plain,
            registry,
            variables,
            events: Arc::default(),
            base: base.to_string(),
            directory,
        };
        lab.plain.ecs("CreateCluster", &json!({"clusterName": CLUSTER})).await?;
        Ok(lab)
    }

    /// Registers a definition and makes the service that runs it; gives the definition's ARN.
    pub(crate) async fn serve(&self, definition: &Value) -> Result<String, Failed> {
        let registered = self.plain.ecs("RegisterTaskDefinition", definition).await?;
        let arn = registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_default().to_owned();
        let service = json!({
            "cluster": CLUSTER,
            "serviceName": SERVICE,
            "taskDefinition": arn,
            "desiredCount": 1,
            "launchType": "EC2",
        });
        self.plain.ecs("CreateService", &service).await?;
        Ok(arn)
    }

    /// A revision as ECS has it, with its tags beside it.
    pub(crate) async fn revision(&self, name: &str) -> Result<Value, Failed> {
        let body = json!({"taskDefinition": name, "include": ["TAGS"]});
        self.plain.ecs("DescribeTaskDefinition", &body).await
    }

    /// The service as ECS has it.
    pub(crate) async fn service(&self) -> Result<Value, Failed> {
        let body = json!({"cluster": CLUSTER, "services": [SERVICE]});
        let mut answer = self.plain.ecs("DescribeServices", &body).await?;
        Ok(answer["services"][0].take())
    }

    /// A target as a fresh process has it, that pushes to `pricing/motor` of `registry`.
    pub(crate) fn target(&self, registry: &str) -> Result<EcsTarget, Failed> {
        let config = EcsConfig::new(REGION, CLUSTER, SERVICE).with_model(SERVICE, 8080);
        let mut section = ContainerSection::default();
        section.registry = format!("{registry}/pricing");
        section.base_image.clone_from(&self.base);
        let container = ContainerConfig::new(section, SERVICE).map_err(Failed::from)?;
        let options = AwsOptions::default().with_attempts(3, Duration::from_millis(20));
        let target = EcsTarget::new(self.directory.path(), config, container, self.variables.clone())?;
        Ok(target.with_options(options)?)
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(Arc::<RecordingSink>::clone(&self.events), Cancellation::default())
    }

    /// Everything that was told.
    pub(crate) fn told(&self) -> Vec<Event> {
        self.events.events()
    }

    /// Deploys, on a clock that jumps.
    pub(crate) async fn deploy(
        &self,
        target: &EcsTarget,
        release: &ProvenRelease,
    ) -> haute_core::Result<Recorded> {
        let engine = Engine::new(self.directory.path())
            .with_policy(Policy::default())
            .with_clock(Arc::new(VirtualClock::new()));
        engine.deploy(target, &self.context(), release, Origin::new(SERVICE)).await
    }

    /// A proven release.
    pub(crate) fn release(&self) -> Result<ProvenRelease, Failed> {
        let files = [
            ("requirements.lock", "# no distribution\n"),
            ("project/main.py", "# a release\n"),
            ("runtime/haute_serve/__init__.py", ""),
        ];
        let release = make_release(&self.directory.path().join("release"), SERVICE, "3.11", &files)?;
        let quote = (object(json!({"id": 1})), object(json!({"id": 1, "premium": 101.0})));
        Ok(prove(release, &[quote])?)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A task definition of somebody's, with members younger than any client.
pub(crate) fn definition(image: &str) -> Value {
    json!({
        "family": SERVICE,
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/execution"),
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [{
            "name": "motor",
            "image": image,
            "essential": true,
            "memory": 512,
            "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
            "environment": [{"name": "EMPTY", "value": ""}],
            "restartPolicy": {"enabled": true, "ignoredExitCodes": [0]},
            "versionConsistency": "enabled",
            "notKnownToAnyClient": {"deep": [1, 2.5, null, {"kept": true}]},
        }],
        "tags": [{"key": "owner", "value": "platform"}],
    })
}
