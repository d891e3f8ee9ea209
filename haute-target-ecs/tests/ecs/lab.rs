//! A service on the fake, a registry, and a target between them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use haute_aws_fake::{AwsFake, Fault, Rule, ServiceSetup};
use haute_conformance::{make_release, prove};
use haute_container::ContainerConfig;
use haute_core::config::ContainerSection;
use haute_core::engine::{Engine, Policy, VirtualClock};
use haute_core::error::Result;
use haute_core::event::{Event, RecordingSink};
use haute_core::record::{Origin, Recorded};
use haute_core::target::{Cancellation, Context, ProvenRelease};
use haute_core::variables::Variables;
use haute_target_ecs::{AwsOptions, EcsConfig, EcsTarget};
use haute_test_services::{BaseImage, Registry, RegistryOptions};
use serde_json::{Map, Value, json};

pub(crate) const CLUSTER: &str = "pricing";
pub(crate) const SERVICE: &str = "motor";

/// Everything one test needs.
pub(crate) struct Lab {
    pub(crate) fake: Arc<AwsFake>,
    /// Where images go: a plain registry, or the fake's own.
    pub(crate) host: String,
    pub(crate) config: EcsConfig,
    pub(crate) events: Arc<RecordingSink>,
    pub(crate) cancellation: Cancellation,
    /// More variables of the environment.
    pub(crate) more: Vec<(&'static str, String)>,
    directory: tempfile::TempDir,
    base: String,
    _plain: Option<Registry>,
}

impl Lab {
    /// A service as most are, steady on an image of somebody's.
    pub(crate) fn new() -> Self {
        Self::with(ServiceSetup::new(CLUSTER, SERVICE))
    }

    pub(crate) fn with(setup: ServiceSetup) -> Self {
        Self::on(AwsFake::start().unwrap(), setup)
    }

    /// The same with images in the fake's ECR, which asks for its passwords and heeds the policy.
    pub(crate) fn amazon() -> Self {
        Self::on(AwsFake::start().unwrap().with_registry().unwrap(), ServiceSetup::new(CLUSTER, SERVICE))
    }

    pub(crate) fn on(fake: AwsFake, setup: ServiceSetup) -> Self {
        Self::made(fake.with_repository("pricing/motor", false).with_service(setup).unwrap())
    }

    /// The same without the repository images are to go to.
    pub(crate) fn without_repository(fake: AwsFake) -> Self {
        Self::made(fake.with_service(ServiceSetup::new(CLUSTER, SERVICE)).unwrap())
    }

    fn made(fake: AwsFake) -> Self {
        let fake = fake.with_clock_per_describe(5);
        let fake = Arc::new(fake);
        let base = BaseImage::tiny("amd64").unwrap();
        let push = |registry: &Registry| base.push_to(registry, "python", "3.11-slim").unwrap().to_string();
        let (host, base, plain) = if let Some(behind) = fake.registry_behind() {
            (fake.registry().to_owned(), push(behind), None)
        } else {
            let plain = Registry::start(RegistryOptions::plain()).unwrap();
            (plain.address().to_owned(), push(&plain), Some(plain))
        };
        let config = EcsConfig::new(fake.region(), CLUSTER, SERVICE).with_model("motor", 8080);
        Self {
            fake,
            host,
            config,
            events: Arc::default(),
            cancellation: Cancellation::default(),
            directory: tempfile::tempdir().unwrap(),
            more: Vec::new(),
            base,
            _plain: plain,
        }
    }

    /// A service behind a load balancer that asks for `/health`.
    pub(crate) fn balanced() -> Self {
        let (fake, group) = AwsFake::start().unwrap().with_target_group("motor", 8080, "/health");
        Self::on(fake, ServiceSetup::new(CLUSTER, SERVICE).with_target_group(group, 8080))
    }

    /// The same with another configuration.
    pub(crate) fn configured(mut self, change: impl FnOnce(EcsConfig) -> EcsConfig) -> Self {
        self.config = change(self.config);
        self
    }

    /// The same with a fault.
    pub(crate) fn faulty(self, rule: Rule) -> Self {
        self.fake.fault(rule);
        self
    }

    /// A deploy whose process dies while call `number` is on its way: before it arrives, or after it took effect.
    pub(crate) async fn die_at(&self, number: usize, fault: Fault) {
        // Whatever is answered is never read: every later call hangs, and the future is dropped meanwhile.
        self.fake.fault(Rule::at(number, fault).first(1));
        self.fake.fault(
            Rule::always(Fault::Latency(Duration::from_secs(30))).after(u32::try_from(number).unwrap() - 1),
        );
        let deploy = self.deploy(1);
        tokio::pin!(deploy);
        loop {
            tokio::select! {
                // It may be through before that: then there was nothing to kill.
                _ = &mut deploy => break,
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
            if self.fake.calls().len() >= number {
                break;
            }
        }
        self.fake.clear_faults();
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The repository images go to.
    pub(crate) fn repository(&self) -> String {
        format!("{}/pricing/motor", self.host)
    }

    /// A target as a fresh process has it.
    pub(crate) fn target(&self) -> EcsTarget {
        let mut variables: Variables = self.fake.variables().into_iter().collect();
        variables.set("HOME", self.root().display().to_string());
        variables.set("XDG_CACHE_HOME", self.root().join("cache").display().to_string());
        for (name, value) in &self.more {
            variables.set(*name, value.clone());
        }
        let mut section = ContainerSection::default();
        section.registry = format!("{}/pricing", self.host);
        section.base_image.clone_from(&self.base);
        let container = ContainerConfig::new(section, "motor").unwrap();
        let options = AwsOptions::default()
            .with_attempts(3, Duration::from_millis(2))
            .with_attempt_timeout(Duration::from_secs(10));
        EcsTarget::new(self.root(), self.config.clone(), container, variables)
            .and_then(|target| target.with_options(options))
            .unwrap()
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(Arc::<RecordingSink>::clone(&self.events), self.cancellation.clone())
    }

    /// An engine on a clock that jumps.
    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.root()).with_policy(Policy::default()).with_clock(Arc::new(VirtualClock::new()))
    }

    /// A release; another number gives another one.
    pub(crate) fn release(&self, number: usize) -> ProvenRelease {
        let directory = self.root().join("releases").join(number.to_string());
        let files = [
            ("requirements.lock", "# no distribution\n".to_owned()),
            ("project/main.py", format!("# release {number}\n")),
            ("runtime/haute_serve/__init__.py", String::new()),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let release = make_release(&directory, "motor", "3.11", &files).unwrap();
        let quote = |id: i64| {
            (
                object(&json!({"id": id})),
                object(&json!({"id": id, "premium": 100.0 + f64::from(u32::try_from(number).unwrap())})),
            )
        };
        prove(release, &[quote(1), quote(2)]).unwrap()
    }

    /// Deploys a release as a fresh process does.
    pub(crate) async fn deploy(&self, number: usize) -> Result<Recorded> {
        let release = self.release(number);
        self.engine().deploy(&self.target(), &self.context(), &release, origin()).await
    }

    /// The revisions of the service's family.
    pub(crate) fn revisions(&self) -> Vec<Value> {
        self.fake.task_definitions(SERVICE)
    }

    /// What the service is to run: `motor:2`.
    pub(crate) fn runs(&self) -> String {
        let service = self.fake.service(CLUSTER, SERVICE).unwrap();
        service.task_definition.rsplit('/').next().unwrap().to_owned()
    }

    /// The service's own words, as they were told.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = self.events.events().into_iter().filter_map(|event| match event {
            Event::ServiceEvent { message, .. } => Some(message),
            _ => None,
        });
        told.collect()
    }
}

pub(crate) fn origin() -> Origin {
    Origin::new("motor")
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A tag of a revision.
pub(crate) fn tag(revision: &Value, key: &str) -> Option<String> {
    let tags = revision.get("tags")?.as_array()?;
    let tag = tags.iter().find(|tag| tag["key"] == key)?;
    tag["value"].as_str().map(str::to_owned)
}
