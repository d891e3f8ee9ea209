//! What stands in the way of a deploy is found before anything is changed, with what mends it.

use haute_aws_fake::{AwsFake, Happening, ServiceSetup};
use haute_core::target::{DeployTarget as _, Finding, FindingLevel};
use serde_json::json;

use crate::lab::{CLUSTER, Lab, SERVICE};

async fn findings(lab: &Lab) -> Vec<Finding> {
    let found = lab.target().preflight(&lab.context()).await.unwrap();
    assert_eq!(lab.fake.writes(), 0, "looking changes nothing");
    found
}

/// The line about `subject`, which must be of this level and name this fix.
fn assert_found(found: &[Finding], subject: &str, level: FindingLevel, fix: &str) {
    let line = found.iter().find(|one| one.subject == subject);
    let fits =
        line.is_some_and(|line| line.level == level && line.fix.as_deref().unwrap_or_default().contains(fix));
    assert!(fits, "{subject}: {level:?} {fix}\n{found:#?}");
}

fn setup() -> ServiceSetup {
    ServiceSetup::new(CLUSTER, SERVICE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_as_it_should_be_has_nothing_against_it() {
    let found = findings(&Lab::balanced()).await;
    let bad: Vec<_> = found.iter().filter(|one| one.level == FindingLevel::Failed).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_found(&found, "container port", FindingLevel::Ok, "");
    assert_found(&found, "health check path", FindingLevel::Ok, "");
    assert_found(&found, "circuit breaker", FindingLevel::Ok, "");
    assert_found(&found, "log group", FindingLevel::Ok, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_not_there_is_named_with_how_to_find_it() {
    let lab = Lab::new().configured(|mut config| {
        config.service = "motr".to_owned();
        config
    });
    assert_found(&findings(&lab).await, "service motr", FindingLevel::Failed, "aws ecs list-services");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_service_is_found() {
    let found = findings(&Lab::with(setup().with_controller("CODE_DEPLOY"))).await;
    assert_found(&found, "service motor", FindingLevel::Failed, "update = \"none\"");
    let found = findings(&Lab::with(setup().with_breaker(false, false))).await;
    assert_found(
        &found,
        "circuit breaker",
        FindingLevel::Warn,
        "deploymentCircuitBreaker={enable=true,rollback=true}",
    );
    let found = findings(&Lab::with(setup().without_log_group())).await;
    assert_found(
        &found,
        "log group",
        FindingLevel::Failed,
        "aws logs create-log-group --log-group-name /ecs/motor",
    );
    let lab = Lab::new();
    lab.fake.happen(CLUSTER, SERVICE, Happening::Scale(0));
    assert_found(&findings(&lab).await, "service motor", FindingLevel::Warn, "--desired-count 1");
    lab.fake.happen(CLUSTER, SERVICE, Happening::Scale(1));
    lab.fake.happen(CLUSTER, SERVICE, Happening::Force);
    assert_found(
        &findings(&lab).await,
        "deployment in flight",
        FindingLevel::Warn,
        "haute-cli watch --deployment",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_task_definition_is_found() {
    let ports = json!([{"containerPort": 9000, "protocol": "tcp"}]);
    let lab = Lab::with(setup().with_definition_member("/containerDefinitions/0/portMappings", ports));
    assert_found(&findings(&lab).await, "container port", FindingLevel::Warn, "port = 9000");
    let small = setup().with_definition_member("/containerDefinitions/0/memory", json!(128));
    assert_found(&findings(&Lab::with(small)).await, "memory", FindingLevel::Warn, "1024");
    let check = json!({"command": ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"]});
    let curl = setup().with_definition_member("/containerDefinitions/0/healthCheck", check);
    assert_found(&findings(&Lab::with(curl)).await, "container health check", FindingLevel::Warn, "python");
    let lab = Lab::new().configured(|mut config| {
        config.container = "api".to_owned();
        config
    });
    assert_found(&findings(&lab).await, "container", FindingLevel::Failed, "container =");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_load_balancer_is_found() {
    let (fake, group) = AwsFake::start().unwrap().with_target_group("motor", 8080, "/");
    let lab = Lab::on(fake, setup().with_target_group(group, 8000));
    let found = findings(&lab).await;
    assert_found(&found, "health check path", FindingLevel::Failed, "--health-check-path /health");
    assert_found(&found, "load balancer's port", FindingLevel::Failed, "port = 8000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_is_refused_before_anything_is_done() {
    let lab = Lab::new().configured(|mut config| {
        config.expected_account = "999999999999".to_owned();
        config
    });
    assert_found(&findings(&lab).await, "identity", FindingLevel::Failed, "expected_account");
    lab.deploy(1).await.unwrap_err();
    assert_eq!(lab.fake.writes(), 0);
}
