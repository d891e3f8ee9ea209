//! Deployments that do not go well, each in its own way.

use std::time::Duration;

use haute_aws_fake::{AwsFake, Behaviour, Happening, Script, ServiceSetup};
use serde_json::{Value, json};

use crate::client::{deploy, ecs, logs, motor, revision};

fn setup() -> ServiceSetup {
    ServiceSetup::new("pricing", "motor")
}

/// A service, and how the tasks of `motor:broken` fare.
fn with(setup: ServiceSetup, behaviour: Behaviour) -> AwsFake {
    let fake = AwsFake::start().unwrap().with_service(setup).unwrap();
    fake.script(Script::Image("motor:broken".to_owned()), behaviour);
    fake
}

/// The stopped tasks of a deployment.
fn stopped(fake: &AwsFake, deployment: &str) -> Vec<Value> {
    let asked = json!({ "cluster": "pricing", "startedBy": deployment, "desiredStatus": "STOPPED" });
    let arns = ecs(fake, "ListTasks", &asked).ok()["taskArns"].clone();
    if arns == json!([]) {
        return Vec::new();
    }
    let answer = ecs(fake, "DescribeTasks", &json!({ "cluster": "pricing", "tasks": arns })).ok();
    answer["tasks"].as_array().unwrap().clone()
}

fn events(fake: &AwsFake) -> String {
    fake.service("pricing", "motor").unwrap().events.join("\n")
}

/// Status, rollout state and failed tasks of every deployment, newest first.
fn deployments(fake: &AwsFake) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    motor(fake)["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["status"]), text(&one["rolloutState"]), one["failedTasks"].as_u64().unwrap()))
        .collect()
}

/// Deploys what is broken and waits until the circuit breaker has gone back; gives the deployment's id.
fn broken(fake: &AwsFake) -> String {
    let before = motor(fake)["taskDefinition"].clone();
    let ours = deploy(fake, "registry.example/motor:broken");
    fake.advance(400);
    let service = motor(fake);
    assert_eq!(deployments(fake).len(), 1, "{service}");
    assert_eq!(
        (&service["taskDefinition"], &service["deployments"][0]["rolloutState"]),
        (&before, &json!("COMPLETED"))
    );
    let failed = stopped(fake, &ours);
    assert_eq!(failed.len(), 3, "the circuit breaker trips at three");
    ours
}

#[test]
fn an_image_cannot_be_pulled() {
    let fake = with(setup(), Behaviour::PullFails);
    let task = stopped(&fake, &broken(&fake))[0].clone();
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(task["stoppedReason"].as_str().unwrap().starts_with("CannotPullContainerError"), "{task}");
    assert_eq!(task["containers"][0]["reason"], task["stoppedReason"]);
    assert!(task["containers"][0]["exitCode"].is_null() && task["startedAt"].is_null(), "it never ran");
}

#[test]
fn an_image_of_a_repository_that_is_there_must_be_there() {
    let fake = AwsFake::start().unwrap().with_service(setup()).unwrap().with_repository("motor", false);
    let ours = deploy(&fake, &format!("{}/motor:none", fake.registry()));
    fake.advance(60);
    assert!(stopped(&fake, &ours)[0]["stoppedReason"].as_str().unwrap().contains("motor:none: not found"));
}

#[test]
fn a_secret_cannot_be_read() {
    let fake = with(setup(), Behaviour::SecretsFail);
    let task = stopped(&fake, &broken(&fake))[0].clone();
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(task["stoppedReason"].as_str().unwrap().starts_with("ResourceInitializationError"), "{task}");
}

#[test]
fn an_image_is_for_another_processor() {
    let fake = with(setup(), Behaviour::ExecFormatError);
    let task = stopped(&fake, &broken(&fake))[0].clone();
    assert_eq!(task["containers"][0]["exitCode"], 1);
    let id = task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let asked = json!({ "logGroupName": "/ecs/motor", "logStreamName": format!("ecs/motor/{id}") });
    let log = logs(&fake, "GetLogEvents", &asked).ok();
    assert!(log["events"][0]["message"].as_str().unwrap().ends_with("exec format error"), "{log}");
}

#[test]
fn a_container_needs_more_memory() {
    let fake = with(setup(), Behaviour::OutOfMemory(Duration::from_secs(4)));
    let container = stopped(&fake, &broken(&fake))[0]["containers"][0].clone();
    assert_eq!(container["exitCode"], 137);
    assert_eq!(container["reason"], "OutOfMemoryError: Container killed due to memory usage");
}

#[test]
fn a_health_check_fails() {
    let check = json!({ "command": ["CMD", "true"] });
    let checked = setup().with_definition_member("/containerDefinitions/0/healthCheck", check);
    let fake = with(checked, Behaviour::ContainerUnhealthy);
    let task = stopped(&fake, &broken(&fake))[0].clone();
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("ServiceSchedulerInitiated"), &json!("Task failed container health checks"))
    );
    assert!(events(&fake).contains("failed container health checks."));
    let (fake, arn) = AwsFake::start().unwrap().with_target_group("motor", 8080, "/health");
    let fake = fake.with_service(setup().with_target_group(&arn, 8080)).unwrap();
    let reason = "Health checks failed with these codes: [404]";
    fake.script(Script::Service("motor".to_owned()), Behaviour::TargetUnhealthy(reason.to_owned()));
    let task = stopped(&fake, &broken(&fake))[0].clone();
    assert_eq!(task["stoppedReason"], format!("Task failed ELB health checks in (target-group {arn})"));
    let events = events(&fake);
    assert!(
        events
            .contains(&format!("(port 8080) is unhealthy in (target-group {arn}) due to (reason {reason}).")),
        "{events}"
    );
    assert!(events.contains(&format!("registered 1 targets in (target-group {arn})")), "{events}");
}

#[test]
fn a_slow_start_only_takes_longer() {
    let fake = with(setup(), Behaviour::Slow(Duration::from_mins(4)));
    deploy(&fake, "motor:broken");
    fake.advance(230);
    assert_eq!(deployments(&fake)[0].1, "IN_PROGRESS");
    fake.advance(40);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
}

#[test]
fn there_is_no_room() {
    let fake = with(setup(), Behaviour::NoCapacity);
    let ours = deploy(&fake, "motor:broken");
    fake.advance(600);
    assert_eq!(deployments(&fake)[0].1, "IN_PROGRESS");
    assert!(stopped(&fake, &ours).is_empty());
    let told = events(&fake).matches("was unable to place a task").count();
    assert!((5..=11).contains(&told), "about once a minute: {told}");
}

#[test]
fn without_the_breaker_it_is_tried_for_ever() {
    let fake = with(setup().with_breaker(false, false), Behaviour::crash(2));
    let ours = deploy(&fake, "motor:broken");
    fake.advance(1200);
    let state = deployments(&fake);
    assert_eq!((state[0].1.as_str(), state[1].1.as_str()), ("IN_PROGRESS", "COMPLETED"));
    assert!(state[0].2 > 10, "{state:?}");
    assert_eq!(motor(&fake)["deployments"][0]["id"], ours.as_str());
    assert!(events(&fake).contains("is unable to consistently start tasks successfully."));
    assert!(fake.service("pricing", "motor").unwrap().serving()[0].ends_with("motor:1"));
}

#[test]
fn the_breaker_may_only_stop() {
    let fake = with(setup().with_breaker(true, false), Behaviour::crash(2));
    let ours = deploy(&fake, "motor:broken");
    fake.advance(600);
    let state = deployments(&fake);
    assert_eq!(state.len(), 2);
    assert_eq!(state[0], ("PRIMARY".to_owned(), "FAILED".to_owned(), 3));
    assert_eq!(
        motor(&fake)["deployments"][0]["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    assert_eq!(stopped(&fake, &ours).len(), 3, "nothing more is started");
    assert!(fake.service("pricing", "motor").unwrap().serving()[0].ends_with("motor:1"));
}

#[test]
fn there_may_be_nothing_to_go_back_to() {
    let fake =
        AwsFake::start().unwrap().with_script(Script::Service("motor".to_owned()), Behaviour::crash(1));
    let fake = fake.with_service(setup().never_completed()).unwrap();
    assert_eq!(deployments(&fake)[0].1, "IN_PROGRESS");
    let ours = deploy(&fake, "motor:broken");
    fake.advance(900);
    let service = motor(&fake);
    let first = &service["deployments"][0];
    assert_eq!((first["id"].as_str(), &first["rolloutState"]), (Some(ours.as_str()), &json!("IN_PROGRESS")));
    assert_eq!((&first["failedTasks"], &service["runningCount"]), (&json!(3), &json!(0)));
    assert!(events(&fake).contains("deployment failed: tasks failed to start."));
}

#[test]
fn what_was_healthy_and_crashes_never_trips_the_breaker() {
    let fake = with(setup(), Behaviour::crash(20));
    deploy(&fake, "motor:broken");
    fake.advance(60);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
    fake.advance(600);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
    assert!(events(&fake).matches("has started 1 tasks").count() > 5, "again and again");
}

#[test]
fn an_alarm_takes_a_deployment_back() {
    let fake = AwsFake::start().unwrap().with_service(setup().with_alarms(&["motor-5xx"], true)).unwrap();
    let ours = deploy(&fake, "motor:2");
    fake.advance(8);
    fake.happen("pricing", "motor", Happening::Alarm("another".to_owned()));
    assert_eq!(motor(&fake)["deployments"][0]["id"], ours.as_str());
    fake.happen("pricing", "motor", Happening::Alarm("motor-5xx".to_owned()));
    let service = motor(&fake);
    assert_eq!(service["deployments"][1]["id"], ours.as_str());
    assert_eq!(service["deployments"][1]["rolloutState"], "FAILED");
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("motor:1"));
    assert!(events(&fake).contains(&format!("(deployment {ours}) deployment failed: alarm detected.")));
    fake.advance(60);
    assert_eq!(deployments(&fake).len(), 1);
}

#[test]
fn somebody_else_deploys_in_between() {
    let fake = AwsFake::start().unwrap().with_service(setup()).unwrap();
    let theirs = revision(&fake, "motor:theirs");
    fake.happen_after_update("pricing", "motor", 7, Happening::Update(theirs.clone()));
    let ours = deploy(&fake, "motor:ours");
    fake.advance(6);
    assert_eq!(motor(&fake)["deployments"][0]["id"], ours.as_str());
    fake.advance(2);
    let service = motor(&fake);
    assert_eq!(service["taskDefinition"], theirs.as_str());
    assert_eq!(service["deployments"][1]["id"], ours.as_str());
    assert_eq!(service["deployments"][1]["status"], "ACTIVE");
    fake.advance(60);
    let service = motor(&fake);
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(fake.service("pricing", "motor").unwrap().serving(), [theirs]);
    assert_eq!(fake.service("pricing", "motor").unwrap().begun, 2);
}

#[test]
fn nothing_may_be_wanted() {
    let fake = AwsFake::start().unwrap().with_service(setup().with_desired(0)).unwrap();
    assert_eq!(motor(&fake)["deployments"][0]["rolloutState"], "COMPLETED");
    deploy(&fake, "motor:2");
    fake.advance(5);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
    assert_eq!(motor(&fake)["runningCount"], 0);
}

#[test]
fn a_service_is_scaled_in_between() {
    let fake = AwsFake::start().unwrap().with_service(setup().with_desired(2)).unwrap();
    fake.happen_after_update("pricing", "motor", 6, Happening::Scale(5));
    deploy(&fake, "motor:2");
    fake.advance(5);
    assert_eq!(motor(&fake)["desiredCount"], 2);
    fake.advance(60);
    assert_eq!(
        (motor(&fake)["desiredCount"].as_u64(), motor(&fake)["runningCount"].as_u64()),
        (Some(5), Some(5))
    );
    fake.happen("pricing", "motor", Happening::Scale(1));
    fake.advance(10);
    assert_eq!(motor(&fake)["runningCount"], 1);
    assert_eq!(events(&fake).lines().next().unwrap(), "(service motor) has reached a steady state.");
}

#[test]
fn a_rollout_state_may_be_absent() {
    let fake = AwsFake::start().unwrap().with_service(setup().without_rollout_state()).unwrap();
    deploy(&fake, "motor:2");
    let deployment = motor(&fake)["deployments"][0].clone();
    assert!(deployment["rolloutState"].is_null() && deployment["rolloutStateReason"].is_null());
    assert_eq!(deployment["status"], "PRIMARY");
}

#[test]
fn a_service_goes_away_in_between() {
    for (happening, status) in [(Happening::Drain, "DRAINING"), (Happening::Deactivate, "INACTIVE")] {
        let fake = AwsFake::start().unwrap().with_service(setup()).unwrap();
        deploy(&fake, "motor:2");
        fake.happen("pricing", "motor", happening);
        fake.advance(20);
        assert_eq!((&motor(&fake)["status"], &motor(&fake)["runningCount"]), (&json!(status), &json!(0)));
    }
    let fake = AwsFake::start().unwrap().with_service(setup()).unwrap();
    fake.happen_after_update("pricing", "motor", 3, Happening::Remove);
    deploy(&fake, "motor:2");
    fake.advance(5);
    let asked = json!({ "cluster": "pricing", "services": ["motor"] });
    assert_eq!(ecs(&fake, "DescribeServices", &asked).ok()["failures"][0]["reason"], "MISSING");
}

#[test]
fn going_back_may_make_a_new_deployment() {
    let fake = with(setup().with_new_id_for_rollback(), Behaviour::crash(2));
    let before = motor(&fake)["deployments"][0]["id"].clone();
    broken(&fake);
    assert_ne!(motor(&fake)["deployments"][0]["id"], before);
    assert!(motor(&fake)["taskDefinition"].as_str().unwrap().ends_with("motor:1"));
}

#[test]
fn one_place_for_one_task_is_enough() {
    // At most one task at a time: the old one stops first.
    let fake = with(setup().with_percents(0, 100), Behaviour::crash(2));
    deploy(&fake, "motor:2");
    fake.advance(4);
    assert!(fake.service("pricing", "motor").unwrap().serving().is_empty());
    fake.advance(60);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
    // Going back, its deployment is no longer there and has to be made again.
    deploy(&fake, "motor:broken");
    fake.advance(120);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
    assert!(fake.service("pricing", "motor").unwrap().serving()[0].ends_with("motor:2"));
}

#[test]
fn going_back_may_fail_too() {
    let fake = with(setup().with_percents(0, 100), Behaviour::crash(2));
    deploy(&fake, "motor:broken");
    fake.advance(8);
    fake.happen("pricing", "motor", Happening::Behave(Behaviour::PullFails));
    // What the breaker goes back to is made anew, and its image is gone.
    fake.advance(300);
    let state = deployments(&fake);
    assert_eq!((state[0].0.as_str(), state[0].1.as_str()), ("PRIMARY", "FAILED"));
    assert!(fake.service("pricing", "motor").unwrap().serving().is_empty());
    let told =
        ecs(&fake, "ListServiceDeployments", &json!({ "cluster": "pricing", "service": "motor" })).ok();
    assert_eq!(told["serviceDeployments"][0]["status"], "ROLLBACK_FAILED");
}

#[test]
fn the_threshold_can_be_set() {
    let count = json!({ "enable": true, "rollback": true, "thresholdConfiguration": { "type": "COUNT", "value": 1 } });
    let fake = with(setup().with_configuration("deploymentCircuitBreaker", count), Behaviour::crash(2));
    let ours = deploy(&fake, "motor:broken");
    fake.advance(100);
    assert_eq!(stopped(&fake, &ours).len(), 1);
    let fake = with(setup().with_desired(10), Behaviour::crash(2));
    let ours = deploy(&fake, "motor:broken");
    fake.advance(8);
    assert_eq!(stopped(&fake, &ours).len(), 10, "five were enough, and ten were under way");
}

#[test]
fn a_script_for_a_revision_goes_before_one_for_a_service() {
    let fake = with(setup(), Behaviour::PullFails);
    fake.script(Script::Service("motor".to_owned()), Behaviour::NoCapacity);
    fake.script(Script::Revision("motor:2".to_owned()), Behaviour::Healthy);
    deploy(&fake, "motor:broken");
    fake.advance(60);
    assert_eq!(deployments(&fake), [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 0)]);
    fake.happen("pricing", "motor", Happening::CrashAll);
    fake.advance(1);
    assert_eq!(motor(&fake)["runningCount"], 0);
    fake.happen("pricing", "motor", Happening::Force);
    fake.advance(60);
    assert_eq!(motor(&fake)["runningCount"], 1);
}
