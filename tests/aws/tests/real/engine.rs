//! A service whose tasks are containers.

use std::time::{Duration, Instant};

use haute_aws_fake::{AwsFake, ServiceSetup};
use haute_test_services::{BaseImage, Engine, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::client::{call, client, run};
use crate::image::push;

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(2);

type Needs = (((), BaseImage), Engine);

pub(crate) fn trials(everything: impl Fn() -> Required<Needs>) -> Vec<Trial> {
    vec![
        test("engine::runs_what_is_pushed_and_goes_back", everything(), |(((), base), engine)| {
            runs_what_is_pushed(&base, &engine)
        }),
        test("engine::tells_of_memory_health_and_ports", everything(), |(((), base), engine)| {
            tells_of_failures(&base, &engine)
        }),
    ]
}

fn fake(engine: &Engine) -> Result<AwsFake, Failed> {
    let setup = ServiceSetup::new("pricing", "motor").by_engine().with_definition_member(
        "/containerDefinitions/0/environment",
        json!([{ "name": "TOLD", "value": "so" }]),
    );
    Ok(AwsFake::start()?
        .with_registry()?
        .with_repository("motor", false)
        .with_engine(engine.address())?
        .with_service(setup)?)
}

fn motor(fake: &AwsFake) -> Value {
    let asked = json!({ "cluster": "pricing", "services": ["motor"] });
    call(fake, "ecs", "DescribeServices", &asked)["services"][0].clone()
}

/// Registers a revision with this image and memory, and updates the service; gives the deployment's id.
fn deploy(fake: &AwsFake, image: &str, more: &[(&str, Value)]) -> Result<String, Failed> {
    let mut definition = fake.task_definitions("motor").pop().ok_or("a revision")?;
    let members = definition.as_object_mut().ok_or("an object")?;
    for name in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "tags",
    ] {
        members.remove(name);
    }
    definition["containerDefinitions"][0]["image"] = json!(image);
    for (name, value) in more {
        definition["containerDefinitions"][0][*name] = value.clone();
    }
    let registered = call(fake, "ecs", "RegisterTaskDefinition", &definition);
    let arn = registered["taskDefinition"]["taskDefinitionArn"].clone();
    let asked = json!({ "cluster": "pricing", "service": "motor", "taskDefinition": arn });
    let updated = call(fake, "ecs", "UpdateService", &asked);
    Ok(updated["service"]["deployments"][0]["id"].as_str().ok_or("an id")?.to_owned())
}

/// Waits until the service has one deployment and that is complete; gives its id.
fn wait(fake: &AwsFake) -> Result<String, Failed> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        let service = motor(fake);
        let deployments = service["deployments"].as_array().ok_or("deployments")?;
        if deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED" {
            return Ok(deployments[0]["id"].as_str().ok_or("an id")?.to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("it does not become steady: {:#}", motor(fake)).into())
}

fn quote(front: &str) -> (u16, Value) {
    run(async {
        let answer = client().post(format!("{front}/quote")).body("{}").send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    })
}

/// The first stopped task of a deployment.
fn stopped(fake: &AwsFake, deployment: &str) -> Value {
    let asked = json!({ "cluster": "pricing", "serviceName": "motor", "startedBy": deployment, "desiredStatus": "STOPPED" });
    let tasks = call(fake, "ecs", "ListTasks", &asked)["taskArns"].clone();
    call(fake, "ecs", "DescribeTasks", &json!({ "cluster": "pricing", "tasks": tasks }))["tasks"][0].clone()
}

fn containers(engine: &Engine, image: &str) -> Result<usize, Failed> {
    let filter = format!("ancestor={image}");
    Ok(engine.run(["ps", "--all", "--quiet", "--filter", &filter])?.lines().count())
}

fn runs_what_is_pushed(base: &BaseImage, engine: &Engine) -> Result<(), Failed> {
    let fake = fake(engine)?;
    let front = fake.front("pricing", "motor")?;
    assert_eq!(quote(&front).0, 503, "nothing runs yet");
    let image = push(&fake, base, "v1", &json!({ "version": "v1", "premium": 120.5 }))?;
    let first = deploy(&fake, &image, &[])?;
    assert_eq!(wait(&fake)?, first);
    assert_eq!(quote(&front), (200, json!({ "premium": 120.5, "told": "so" })));
    let image = push(&fake, base, "v2", &json!({ "version": "v2", "premium": 130 }))?;
    // By tag this time: what it leads to is resolved when the deployment begins.
    let second = deploy(&fake, &format!("{}/motor:v2", fake.registry()), &[])?;
    assert_eq!(wait(&fake)?, second);
    assert_eq!(quote(&front).1["premium"], 130);
    let tasks = call(&fake, "ecs", "ListTasks", &json!({ "cluster": "pricing", "serviceName": "motor" }));
    let asked = json!({ "cluster": "pricing", "tasks": tasks["taskArns"] });
    let running = call(&fake, "ecs", "DescribeTasks", &asked)["tasks"][0].clone();
    let digest = image.split('@').next_back().ok_or("a digest")?;
    assert_eq!(running["containers"][0]["imageDigest"], digest);
    let image = push(&fake, base, "broken", &json!({ "version": "v3", "premium": 140, "crashes": true }))?;
    let third = deploy(&fake, &image, &[])?;
    assert_eq!(wait(&fake)?, second, "the circuit breaker goes back");
    assert_eq!(quote(&front).1["premium"], 130, "the old price is served");
    let task = stopped(&fake, &third);
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["containers"][0]["exitCode"], 3);
    let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).ok_or("an id")?;
    let asked = json!({ "logGroupName": "/ecs/motor", "logStreamName": format!("ecs/motor/{id}") });
    let log = call(&fake, "logs", "GetLogEvents", &asked);
    assert_eq!(log["events"][0]["message"], "ModuleNotFoundError: No module named 'polars'");
    let events = fake.service("pricing", "motor").ok_or("the service")?.events.join("\n");
    assert!(
        events.contains(&format!("(deployment {third}) deployment failed: tasks failed to start.")),
        "{events}"
    );
    let name = format!("{}/motor", fake.registry());
    drop(fake);
    let left = engine.run(["images", "--digests", "--format", "{{.Repository}}"])?;
    assert!(!left.lines().any(|line| line == name), "images are left: {left}");
    Ok(())
}

fn tells_of_failures(base: &BaseImage, engine: &Engine) -> Result<(), Failed> {
    let fake = fake(engine)?;
    let good = push(&fake, base, "good", &json!({ "version": "v1", "premium": 1 }))?;
    let first = deploy(&fake, &good, &[])?;
    assert_eq!(wait(&fake)?, first);
    let hungry = push(&fake, base, "hungry", &json!({ "version": "v2", "premium": 2, "eats_memory": true }))?;
    let second = deploy(&fake, &hungry, &[("memory", json!(64))])?;
    assert_eq!(wait(&fake)?, first);
    let task = stopped(&fake, &second);
    assert_eq!(task["containers"][0]["exitCode"], 137, "{task}");
    assert!(
        task["containers"][0]["reason"].as_str().unwrap_or_default().starts_with("OutOfMemoryError"),
        "{task}"
    );
    // What follows never becomes healthy, however long it is waited for.
    let fake = fake.with_patience(Duration::from_secs(2));
    let ill = push(&fake, base, "ill", &json!({ "version": "v3", "premium": 3, "health": 500 }))?;
    let third = deploy(&fake, &ill, &[("memory", json!(256))])?;
    assert_eq!(wait(&fake)?, first);
    let events = fake.service("pricing", "motor").ok_or("the service")?.events.join("\n");
    assert!(events.contains("Health checks failed with these codes: [500]"), "{events}");
    assert_eq!(stopped(&fake, &third)["stopCode"], "ServiceSchedulerInitiated");
    let port = json!([{ "containerPort": 9999, "protocol": "tcp" }]);
    deploy(&fake, &good, &[("portMappings", port)])?;
    assert_eq!(wait(&fake)?, first);
    let events = fake.service("pricing", "motor").ok_or("the service")?.events.join("\n");
    assert!(events.contains("(reason Request timed out)"), "{events}");
    let missing = format!("{}/motor@{}", fake.registry(), haute_core::digest::Digest::of("nothing"));
    let fifth = deploy(&fake, &missing, &[("portMappings", json!([]))])?;
    assert_eq!(wait(&fake)?, first);
    let reason = stopped(&fake, &fifth)["stoppedReason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.starts_with("CannotPullContainerError"), "{reason}");
    assert_eq!(containers(engine, &good)?, 1, "the one that serves");
    assert_eq!(containers(engine, &ill)?, 0, "those that failed are gone");
    Ok(())
}
