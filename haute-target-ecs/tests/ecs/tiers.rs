//! What works with which permissions, and what each refusal says.

use haute_aws_fake::{Policy, Tier};
use haute_core::error::ErrorKind;
use haute_core::event::Event;
use haute_core::record::Outcome;
use haute_core::target::{DeployTarget as _, FindingLevel};
use haute_target_ecs::Update;

use crate::lab::{CLUSTER, Lab, SERVICE, tag};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_second_tier_on_a_deploy_works_and_a_second_one_writes_nothing() {
    for tier in [Tier::T1, Tier::T2, Tier::T3, Tier::T4] {
        let lab = Lab::amazon();
        lab.fake.set_policy(tier);
        assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Deployed, "{tier:?}");
        assert!(tag(&lab.revisions()[1], "haute:served").is_some(), "{tier:?}");
        let writes = lab.fake.writes();
        assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Unchanged, "{tier:?}");
        assert_eq!(lab.fake.writes(), writes, "{tier:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_documented_policy_alone_the_mode_is_not_changed_in_secret() {
    let lab = Lab::amazon();
    lab.fake.set_policy(Tier::T0);
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let hints = error.hints().join("\n");
    assert!(hints.contains("ecs:DescribeTaskDefinition") && hints.contains("moving-tag"), "{hints}");
    assert_eq!(lab.fake.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_documented_policy_alone_a_moving_tag_deploys() {
    let lab = Lab::amazon().configured(|config| config.with_update(Update::MovingTag));
    lab.fake.set_policy(Tier::T0);
    let before = lab.fake.service(CLUSTER, SERVICE).unwrap().deployments;
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Deployed);
    let update = &lab.fake.calls_of("UpdateService")[0];
    assert_eq!(update.body["forceNewDeployment"], true);
    assert_ne!(lab.fake.service(CLUSTER, SERVICE).unwrap().deployments, before);
    let logged: Vec<String> = lab
        .events
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Log { line, .. } => Some(line),
            _ => None,
        })
        .collect();
    assert!(
        logged.iter().any(|line| line.contains("ecs:ListTasks")),
        "the skipped look is named: {logged:?}"
    );
    let writes = lab.fake.calls_of("UpdateService").len();
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Unchanged);
    assert_eq!(lab.fake.calls_of("UpdateService").len(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_tag_a_deploy_works_and_says_what_is_missing() {
    let lab = Lab::amazon();
    lab.fake.set_policy(Policy::tier(Tier::T2).deny("ecs:TagResource"));
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Deployed);
    assert_eq!(lab.runs(), "motor:2");
    assert_eq!(lab.revisions().len(), 2, "registered once, without tags");
    let warned =
        lab.events.events().into_iter().any(
            |event| matches!(event, Event::Warning { message, .. } if message.contains("ecs:TagResource")),
        );
    assert!(warned);
    let writes = lab.fake.writes();
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Unchanged);
    assert_eq!(lab.fake.writes(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_be_passed_is_named() {
    let lab = Lab::amazon();
    lab.fake.set_policy(Policy::tier(Tier::T1).deny("iam:PassRole"));
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.hints().join("\n").contains("iam:PassRole"), "{error:?}");
    assert_eq!(lab.runs(), "motor:1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_look_that_is_not_allowed_names_its_action() {
    let lab = Lab::amazon();
    lab.fake.set_policy(Tier::T0);
    let findings = lab.target().preflight(&lab.context()).await.unwrap();
    let skipped: Vec<_> = findings.iter().filter(|one| one.level == FindingLevel::Skipped).collect();
    assert!(!skipped.is_empty());
    assert!(
        skipped.iter().all(|one| one.fix.as_deref().is_some_and(|fix| fix.contains(':'))),
        "{findings:#?}"
    );
    assert!(
        findings.iter().any(|one| one.subject == "identity" && one.level == FindingLevel::Ok),
        "{findings:#?}"
    );
    assert!(
        findings.iter().any(|one| one.subject == "service motor" && one.level == FindingLevel::Ok),
        "{findings:#?}"
    );
    assert!(
        findings.iter().any(|one| one.level == FindingLevel::Failed
            && one.fix.as_deref().unwrap().contains("ecs:DescribeTaskDefinition")),
        "`register` cannot work: {findings:#?}"
    );
    lab.fake.set_policy(Policy::everything());
    let findings = lab.target().preflight(&lab.context()).await.unwrap();
    let bad: Vec<_> = findings.iter().filter(|one| one.level == FindingLevel::Failed).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
