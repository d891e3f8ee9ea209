//! Signatures, policies, and what goes wrong with calls.

use std::time::{Duration, Instant};

use haute_aws_fake::{AwsFake, AwsOptions, Fault, Policy, Rule, ServiceSetup, Tier};
use serde_json::json;

use crate::client::{authorization, deploy, ecr, ecs, motor, send, try_call};

const DESCRIBE: &str = "AmazonEC2ContainerServiceV20141113.DescribeServices";

fn fake() -> AwsFake {
    AwsFake::start().unwrap().with_service(ServiceSetup::new("pricing", "motor")).unwrap()
}

fn asked() -> serde_json::Value {
    json!({ "cluster": "pricing", "services": ["motor"] })
}

#[test]
fn a_request_is_signed_for_the_service_and_the_region() {
    let options = AwsOptions::usual().in_region("eu-west-2").in_account("210987654321");
    let fake =
        AwsFake::start_with(options).unwrap().with_service(ServiceSetup::new("pricing", "motor")).unwrap();
    let with = |header: &str| send(&fake, DESCRIBE, header, asked().to_string()).unwrap();
    let right = with(&authorization("ecs", "eu-west-2"));
    assert!(right.request.is_some());
    let service = right.ok()["services"][0]["serviceArn"].clone();
    assert_eq!(service, "arn:aws:ecs:eu-west-2:210987654321:service/pricing/motor");
    assert_eq!(with("").refusal().0, "MissingAuthenticationTokenException");
    assert_eq!(with("Bearer x").refusal().0, "IncompleteSignatureException");
    let (kind, message) = with(&authorization("ecs", "eu-west-1")).refusal();
    assert_eq!(kind, "InvalidSignatureException");
    assert!(message.contains("eu-west-1"), "{message}");
    assert_eq!(with(&authorization("ecr", "eu-west-2")).refusal().0, "InvalidSignatureException");
}

#[test]
fn a_denial_names_action_and_resource() {
    let fake = fake().with_policy(Tier::T0);
    assert_eq!(motor(&fake)["status"], "ACTIVE");
    let (kind, message) =
        ecs(&fake, "DescribeTaskDefinition", &json!({ "taskDefinition": "motor" })).refusal();
    assert_eq!(kind, "AccessDeniedException");
    assert_eq!(
        message,
        "User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: ecs:DescribeTaskDefinition on resource: * because no identity-based policy allows the ecs:DescribeTaskDefinition action"
    );
    let (_, message) = ecr(&fake, "DescribeImages", &json!({ "repositoryName": "motor" })).refusal();
    assert!(
        message
            .contains("ecr:DescribeImages on resource: arn:aws:ecr:eu-west-1:123456789012:repository/motor "),
        "{message}"
    );
    fake.set_policy(Policy::tier(Tier::T1).deny("iam:PassRole"));
    let definition = json!({
        "family": "motor", "containerDefinitions": [{ "name": "motor", "image": "x" }],
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
    });
    let (_, message) = ecs(&fake, "RegisterTaskDefinition", &definition).refusal();
    assert!(
        message.contains("iam:PassRole on resource: arn:aws:iam::123456789012:role/ecsTaskExecutionRole "),
        "{message}"
    );
    assert_eq!(fake.task_definitions("motor").len(), 1);
}

#[test]
fn every_tier_opens_what_it_is_for() {
    let fake = fake().with_repository("motor", false);
    let calls = [
        (Tier::T1, "ecs", "DescribeTaskDefinition", json!({ "taskDefinition": "motor" })),
        (Tier::T2, "ecs", "ListTasks", json!({ "cluster": "pricing" })),
        (Tier::T3, "ecs", "ListServiceDeployments", json!({ "cluster": "pricing", "service": "motor" })),
        (Tier::T4, "ecr", "DescribeRepositories", json!({})),
    ];
    for tier in Tier::ALL {
        fake.set_policy(tier);
        for (needed, service, action, body) in &calls {
            let answer = if *service == "ecs" { ecs(&fake, action, body) } else { ecr(&fake, action, body) };
            let expected = if tier >= *needed { 200 } else { 400 };
            assert_eq!(answer.status, expected, "{tier:?} {action} {}", answer.body);
        }
    }
}

#[test]
fn a_call_fails_before_or_after_its_effect() {
    let fake = fake();
    let forced = json!({ "cluster": "pricing", "service": "motor", "forceNewDeployment": true });
    fake.fault(Rule::on("UpdateService", Fault::FailBefore).first(1));
    assert_eq!(ecs(&fake, "UpdateService", &forced).status, 500);
    assert_eq!(fake.service("pricing", "motor").unwrap().begun, 0);
    fake.fault(Rule::on("UpdateService", Fault::FailAfter).first(1));
    let answer = ecs(&fake, "UpdateService", &forced);
    assert_eq!((answer.status, answer.body["__type"].as_str()), (500, Some("ServerException")));
    assert_eq!(fake.service("pricing", "motor").unwrap().begun, 1);
    assert_eq!(fake.writes(), 1);
    let calls = fake.calls();
    assert_eq!(calls.iter().map(|call| call.wrote).collect::<Vec<_>>(), [false, true]);
    assert_eq!((calls[1].number, calls[1].action.as_str(), &calls[1].body), (2, "UpdateService", &forced));
    assert_eq!(calls[1].refused.as_deref(), Some("ServerException"));
}

#[test]
fn a_connection_is_reset_before_or_after_the_effect() {
    let fake = fake();
    let forced = json!({ "cluster": "pricing", "service": "motor", "forceNewDeployment": true });
    let target = "AmazonEC2ContainerServiceV20141113.UpdateService";
    for (fault, begun) in [(Fault::ResetBefore, 0), (Fault::ResetAfter, 1)] {
        fake.fault(Rule::on("UpdateService", fault).first(1));
        let error = try_call(&fake, target, &forced).unwrap_err();
        assert!(error.contains("ConnectionReset"), "{error}");
        assert_eq!(fake.service("pricing", "motor").unwrap().begun, begun);
    }
    assert_eq!(try_call(&fake, target, &forced).unwrap().status, 200);
}

#[test]
fn calls_are_throttled_late_refused_and_cut_short() {
    let fake = fake();
    let ask = || try_call(&fake, DESCRIBE, &asked()).unwrap();
    fake.fault(Rule::at(1, Fault::Throttle));
    fake.fault(Rule::at(2, Fault::ExpiredToken));
    fake.fault(Rule::at(3, Fault::Status(503)));
    fake.fault(Rule::at(4, Fault::Truncate));
    fake.fault(Rule::at(5, Fault::Latency(Duration::from_millis(80))));
    fake.fault(Rule::at(6, Fault::Refuse { kind: "ClientException".to_owned(), message: "so".to_owned() }));
    assert_eq!(ask().refusal(), ("ThrottlingException".to_owned(), "Rate exceeded".to_owned()));
    assert_eq!(ask().refusal().0, "ExpiredTokenException");
    let broken = ask();
    assert_eq!(broken.status, 503);
    assert!(broken.body.as_str().unwrap().starts_with("<html>"));
    assert!(ask().body.is_string(), "half of the JSON is none");
    let begun = Instant::now();
    ask().ok();
    assert!(begun.elapsed() >= Duration::from_millis(80));
    assert_eq!(ask().refusal(), ("ClientException".to_owned(), "so".to_owned()));
    ask().ok();
    fake.forget_calls();
    assert_eq!(ask().refusal().0, "ThrottlingException", "number one again");
}

#[test]
fn a_read_is_as_before_the_last_write() {
    let fake = fake();
    let before = motor(&fake)["deployments"][0]["id"].as_str().unwrap().to_owned();
    fake.fault(Rule::on("DescribeServices", Fault::StaleRead).first(1));
    let ours = deploy(&fake, "motor:2");
    assert_eq!(motor(&fake)["deployments"][0]["id"], before.as_str());
    assert_eq!(motor(&fake)["deployments"][0]["id"], ours.as_str());
    fake.set_stale_reads(2);
    let next = json!({ "cluster": "pricing", "service": "motor", "forceNewDeployment": true });
    ecs(&fake, "UpdateService", &next).ok();
    let seen: Vec<bool> = (0..3).map(|_| motor(&fake)["deployments"][0]["id"] == ours.as_str()).collect();
    assert_eq!(seen, [true, true, false]);
}

#[test]
fn a_call_is_never_answered_and_its_client_killed() {
    let fake = fake();
    let forced = json!({ "cluster": "pricing", "service": "motor", "forceNewDeployment": true });
    for (fault, begun) in [(Fault::HangBefore, 0), (Fault::HangAfter, 1)] {
        fake.forget_calls();
        fake.clear_faults();
        fake.fault(Rule::on("UpdateService", fault));
        let gone = crate::client::abandon(
            &fake,
            "AmazonEC2ContainerServiceV20141113.UpdateService",
            &forced,
            || {
                assert!(fake.wait_for_calls(1, Duration::from_secs(10)));
            },
        );
        assert!(gone, "it was answered");
        assert_eq!(fake.service("pricing", "motor").unwrap().begun, begun);
    }
    fake.clear_faults();
    assert!(!fake.wait_for_calls(2, Duration::from_millis(1)));
    ecs(&fake, "UpdateService", &forced).ok();
    assert!(fake.wait_for_calls(2, Duration::ZERO));
}

#[test]
fn keys_of_a_session_end() {
    let fake = fake();
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy&RoleSessionName=ci&WebIdentityToken=eyJ&DurationSeconds=900";
    let (_, text) = crate::client::post_form(&fake, "", body);
    let (_, rest) = text.split_once("<AccessKeyId>").unwrap();
    let key = rest.split_once('<').unwrap().0.to_owned();
    let with = |key: &str, token: Option<&str>| {
        let header = authorization("ecs", "eu-west-1").replace("AKIAFAKEDEPLOYER0001", key);
        crate::client::send_with_token(&fake, DESCRIBE, &header, asked().to_string(), token).unwrap()
    };
    with(&key, Some("fake-web-identity-session")).ok();
    assert_eq!(with(&key, None).refusal().0, "UnrecognizedClientException");
    assert_eq!(with("ASIAOFNOBODY", Some("x")).refusal().0, "UnrecognizedClientException");
    fake.advance(901);
    assert_eq!(with(&key, Some("fake-web-identity-session")).refusal().0, "ExpiredTokenException");
    assert_eq!(motor(&fake)["status"], "ACTIVE", "keys of a user stay");
}
