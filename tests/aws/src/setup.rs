//! What there is before a test begins.

use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use crate::ecs::definitions::TaskDefinition;
use crate::names::last;
use crate::rollout::{Behaviour, Habits, Service, start, step};
use crate::world::{Timings, World};

/// Where and when the fake is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AwsOptions {
    /// The account: twelve digits.
    pub account: String,
    /// The region, such as `eu-west-1`; a request signed for another one is refused.
    pub region: String,
    /// The clock's beginning, since the Unix epoch; `None`: now, so that what clients compare with their own clock fits.
    pub begin: Option<Duration>,
    /// How long things take.
    pub timings: Timings,
}

impl AwsOptions {
    /// Account 123456789012, `eu-west-1`, now, at the usual speed.
    pub fn usual() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            begin: None,
            timings: Timings::usual(),
        }
    }

    /// In another region.
    #[must_use]
    pub fn in_region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// In another account.
    #[must_use]
    pub fn in_account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// With a clock that begins then, since the Unix epoch.
    #[must_use]
    pub fn beginning_at(mut self, begin: Duration) -> Self {
        self.begin = Some(begin);
        self
    }

    /// At another speed.
    #[must_use]
    pub fn with_timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self::usual()
    }
}

/// A service that is there when a test begins: on Fargate, rolling, one task, steady, its family's first revision of one
/// container named like the service.
#[derive(Clone, Debug)]
pub struct ServiceSetup {
    pub(crate) cluster: String,
    pub(crate) name: String,
    definition: Value,
    desired: usize,
    controller: String,
    configuration: Map<String, Value>,
    fields: Map<String, Value>,
    log_group: Option<String>,
    habits: Habits,
    never_completed: bool,
}

impl ServiceSetup {
    /// The service `name` in `cluster`, of the family `name`; its circuit breaker is on and goes back.
    pub fn new(cluster: impl Into<String>, name: impl Into<String>) -> Self {
        let (cluster, name) = (cluster.into(), name.into());
        let group = format!("/ecs/{name}");
        let definition = json!({
            "family": name,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
            "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" },
            "containerDefinitions": [{
                "name": name,
                "image": format!("registry.example/{name}:first"),
                "essential": true,
                "cpu": 0,
                "portMappings": [{ "containerPort": 8080, "hostPort": 8080, "protocol": "tcp" }],
                "environment": [],
                "mountPoints": [],
                "volumesFrom": [],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": { "awslogs-group": group, "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs" },
                },
            }],
        });
        let configuration = json!({
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "deploymentCircuitBreaker": { "enable": true, "rollback": true },
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        });
        let fields = json!({
            "launchType": "FARGATE",
            "platformVersion": "LATEST",
            "platformFamily": "Linux",
            "schedulingStrategy": "REPLICA",
            "loadBalancers": [],
            "serviceRegistries": [],
            "healthCheckGracePeriodSeconds": 0,
            "enableECSManagedTags": true,
            "enableExecuteCommand": false,
            "propagateTags": "NONE",
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": ["subnet-0a1b2c3d"], "securityGroups": ["sg-0a1b2c3d"], "assignPublicIp": "DISABLED",
                },
            },
            "tags": [],
        });
        let members = |value: Value| value.as_object().cloned().unwrap_or_default();
        Self {
            cluster,
            name,
            definition,
            desired: 1,
            controller: "ECS".to_owned(),
            configuration: members(configuration),
            fields: members(fields),
            log_group: Some(group),
            habits: Habits {
                rollout_state: true,
                new_id_for_rollback: false,
                stale_current: false,
                pause_at: None,
                engine: false,
            },
            never_completed: false,
        }
    }

    /// With another image in its container.
    #[must_use]
    pub fn with_image(mut self, image: impl Into<String>) -> Self {
        if let Some(container) = self.definition.pointer_mut("/containerDefinitions/0/image") {
            *container = json!(image.into());
        }
        self
    }

    /// With a task definition of its own, as `RegisterTaskDefinition` takes it. The log groups it names are made.
    #[must_use]
    pub fn with_task_definition(mut self, definition: Value) -> Self {
        self.definition = definition;
        self
    }

    /// With a member of its task definition, or of its first container by a path such as `/containerDefinitions/0/secrets`.
    #[must_use]
    pub fn with_definition_member(mut self, path: &str, value: Value) -> Self {
        if let Some((parent, name)) = path.rsplit_once('/')
            && let Some(members) = self.definition.pointer_mut(parent).and_then(Value::as_object_mut)
        {
            members.insert(name.to_owned(), value);
        }
        self
    }

    /// With so many tasks.
    #[must_use]
    pub fn with_desired(mut self, desired: usize) -> Self {
        self.desired = desired;
        self
    }

    /// With another deployment controller: `CODE_DEPLOY` or `EXTERNAL`.
    #[must_use]
    pub fn with_controller(mut self, controller: impl Into<String>) -> Self {
        self.controller = controller.into();
        self
    }

    /// With the circuit breaker on or off, and going back or not.
    #[must_use]
    pub fn with_breaker(self, enable: bool, rollback: bool) -> Self {
        self.with_configuration("deploymentCircuitBreaker", json!({ "enable": enable, "rollback": rollback }))
    }

    /// With alarms that are watched during a deployment.
    #[must_use]
    pub fn with_alarms(self, names: &[&str], rollback: bool) -> Self {
        self.with_configuration(
            "alarms",
            json!({ "alarmNames": names, "enable": true, "rollback": rollback }),
        )
    }

    /// With at least and at most so much of what is desired, in percent.
    #[must_use]
    pub fn with_percents(self, least: u64, most: u64) -> Self {
        self.with_configuration("minimumHealthyPercent", json!(least))
            .with_configuration("maximumPercent", json!(most))
    }

    /// With a member of its `deploymentConfiguration`.
    #[must_use]
    pub fn with_configuration(mut self, name: impl Into<String>, value: Value) -> Self {
        self.configuration.insert(name.into(), value);
        self
    }

    /// With a member of the service itself, such as `launchType`.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>, value: Value) -> Self {
        self.fields.insert(name.into(), value);
        self
    }

    /// Behind a load balancer: a target group for the container's port that asks `health_path`.
    #[must_use]
    pub fn with_target_group(mut self, arn: impl Into<String>, port: u16) -> Self {
        let container = self.definition.pointer("/containerDefinitions/0/name").cloned();
        let balancer =
            json!({ "targetGroupArn": arn.into(), "containerName": container, "containerPort": port });
        self.fields.insert("loadBalancers".to_owned(), json!([balancer]));
        self
    }

    /// Without the log group its container names.
    #[must_use]
    pub fn without_log_group(mut self) -> Self {
        self.log_group = None;
        self
    }

    /// Without `rolloutState` in answers, as behind a Classic Load Balancer.
    #[must_use]
    pub fn without_rollout_state(mut self) -> Self {
        self.habits.rollout_state = false;
        self
    }

    /// Going back makes a deployment of a new id, also where the old one is still there.
    #[must_use]
    pub fn with_new_id_for_rollback(mut self) -> Self {
        self.habits.new_id_for_rollback = true;
        self
    }

    /// `currentServiceDeployment` names the one before, until the current one is complete.
    #[must_use]
    pub fn with_stale_current_deployment(mut self) -> Self {
        self.habits.stale_current = true;
        self
    }

    /// Every deployment waits at this lifecycle stage (`POST_SCALE_UP`) for `ContinueServiceDeployment`.
    #[must_use]
    pub fn with_pause_at(mut self, stage: impl Into<String>) -> Self {
        self.habits.pause_at = Some(stage.into());
        self
    }

    /// The Docker engine runs its tasks, where there is one ([`AwsFake::with_engine`](crate::AwsFake::with_engine)), their image is
    /// in the fake's own registry, and no script says anything else. All others are only said to run.
    #[must_use]
    pub fn by_engine(mut self) -> Self {
        self.habits.engine = true;
        self
    }

    /// Has never completed a deployment: its first one still has no healthy task, so there is nothing to go back to.
    #[must_use]
    pub fn never_completed(mut self) -> Self {
        self.never_completed = true;
        self
    }

    /// Makes it, and lets it become steady.
    pub(crate) fn place(self, world: &mut World) -> Result<()> {
        let registered = world.ground.register(&self.definition).map_err(|failure| {
            Error::new(ErrorKind::InvalidInput, failure.message).with_operation("aws-fake.service")
        })?;
        world.clusters.insert(self.cluster.clone());
        for role in TaskDefinition::roles(&self.definition) {
            world.roles.insert(last(&role).to_owned(), "ecs-tasks.amazonaws.com".to_owned());
        }
        let groups = registered.containers();
        let groups = groups.iter().filter_map(|container| {
            container.pointer("/logConfiguration/options/awslogs-group")?.as_str().map(str::to_owned)
        });
        if self.log_group.is_some() {
            for group in groups {
                world.ground.logs.groups.entry(group).or_default();
            }
        }
        let mut service = Service {
            arn: world.ground.names.service(&self.cluster, &self.name),
            cluster: self.cluster.clone(),
            name: self.name.clone(),
            status: "ACTIVE",
            desired: self.desired,
            controller: self.controller,
            configuration: Value::Object(self.configuration),
            fields: self.fields,
            task_definition: registered.arn.clone(),
            created: world.ground.now,
            deployments: Vec::new(),
            tasks: Vec::new(),
            events: std::collections::VecDeque::new(),
            history: Vec::new(),
            revisions: Vec::new(),
            completed: None,
            steady: false,
            habits: self.habits,
            happenings: Vec::new(),
            upcoming: Vec::new(),
        };
        start::start(&mut service, &mut world.ground, &registered.arn);
        let runs = service.primary().is_some_and(|first| first.behaviour == Behaviour::Engine);
        if !self.never_completed && !runs {
            settle(&mut service, world);
        }
        world.services.insert((self.cluster, self.name), service);
        Ok(())
    }
}

/// Lets the first deployment of a service be complete now.
fn settle(service: &mut Service, world: &mut World) {
    let timings = std::mem::replace(&mut world.ground.timings, Timings::quick());
    let scripts = std::mem::take(&mut world.ground.scripts);
    let pause = service.habits.pause_at.take();
    let configuration = service.configuration.clone();
    if let Some(members) = service.configuration.as_object_mut() {
        members.insert("bakeTimeInMinutes".to_owned(), json!(0));
        members.insert("strategy".to_owned(), json!("ROLLING"));
    }
    let (controller, now) = (std::mem::replace(&mut service.controller, "ECS".to_owned()), world.ground.now);
    // A few seconds before the beginning.
    world.ground.now = now.saturating_sub(Duration::from_secs(10));
    if let Some(first) = service.deployments.first_mut() {
        first.behaviour = Behaviour::Healthy;
        first.created = world.ground.now;
        first.updated = world.ground.now;
        first.launch_after = world.ground.now;
    }
    for told in &mut service.history {
        told.created = world.ground.now;
        told.updated = world.ground.now;
    }
    while world.ground.now < now {
        world.ground.now = now.min(world.ground.now + Duration::from_secs(1));
        step::step(service, &mut world.ground);
    }
    world.ground.timings = timings;
    world.ground.scripts = scripts;
    service.habits.pause_at = pause;
    service.configuration = configuration;
    service.controller = controller;
}
