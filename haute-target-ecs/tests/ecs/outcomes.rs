//! How a deployment can end, and what is said of it.

use haute_aws_fake::{Behaviour, Happening, Script, ServiceSetup};
use haute_core::error::{Error, ErrorKind};
use haute_core::record::Outcome;
use haute_core::target::{DeployTarget as _, Readiness};
use haute_target_ecs::{FailureAction, InFlight};

use crate::lab::{CLUSTER, Lab, SERVICE, tag};

/// The error of deploying release 2 upon release 1, whose tasks fare so.
async fn failing(lab: &Lab, behaviour: Behaviour) -> Error {
    lab.deploy(1).await.unwrap();
    lab.fake.script(Script::Revision("motor:3".to_owned()), behaviour);
    lab.deploy(2).await.unwrap_err()
}

/// Everything an error says.
fn words(error: &Error) -> String {
    format!("{} {}", haute_core::error::chain(error).join(": "), error.hints().join(" "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_circuit_breaker_takes_back_is_a_failure_and_the_old_release_serves() {
    let lab = Lab::new();
    let error = failing(&lab, Behaviour::crash(3)).await;
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed, "{error:?}");
    assert!(words(&error).contains("circuit breaker"), "{}", words(&error));
    assert_eq!(lab.runs(), "motor:2");
    let status = lab.target().status(&lab.context()).await.unwrap();
    assert_eq!(status.release.as_ref(), Some(lab.release(1).release.digest()));
    assert!(tag(&lab.revisions()[2], "haute:served").is_none());
    // The broken one, again: it fails again, and no revision is made twice.
    lab.deploy(2).await.unwrap_err();
    assert_eq!(lab.revisions().len(), 3);
    // A good one afterwards.
    assert_eq!(lab.deploy(3).await.unwrap().record.outcome, Outcome::Deployed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breaker_that_does_not_go_back_leaves_the_old_tasks_and_a_rollback_mends_it() {
    let lab = Lab::with(ServiceSetup::new(CLUSTER, SERVICE).with_breaker(true, false))
        .configured(|config| config.with_on_failure(FailureAction::Rollback));
    let error = failing(&lab, Behaviour::PullFails).await;
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed, "{error:?}");
    assert_eq!(lab.runs(), "motor:2", "gone back to by us");
    assert_eq!(lab.fake.service(CLUSTER, SERVICE).unwrap().serving().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_breaker_a_rollout_is_given_up_after_a_few_failed_tasks() {
    let lab = Lab::with(ServiceSetup::new(CLUSTER, SERVICE).with_breaker(false, false));
    let error = failing(&lab, Behaviour::crash(3)).await;
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed, "{error:?}");
    assert!(words(&error).contains("does not go on"), "{}", words(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_deployment_of_somebody_else_is_no_failure_and_no_success() {
    let lab = Lab::new();
    lab.deploy(1).await.unwrap();
    lab.fake.happen_after_update(CLUSTER, SERVICE, 8, Happening::Update("motor:1".to_owned()));
    let error = lab.deploy(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Superseded, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_deleted_meanwhile_is_no_success() {
    for happening in [Happening::Remove, Happening::Deactivate, Happening::Drain] {
        let lab = Lab::new();
        lab.deploy(1).await.unwrap();
        lab.fake.happen_after_update(CLUSTER, SERVICE, 8, happening.clone());
        let error = lab.deploy(2).await.unwrap_err();
        assert!(
            words(&error).contains("delet") || words(&error).contains("not there"),
            "{happening:?}: {error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_waits_at_a_hook_says_how_it_goes_on() {
    let lab = Lab::with(
        ServiceSetup::new(CLUSTER, SERVICE)
            .with_configuration("strategy", "BLUE_GREEN".into())
            .with_pause_at("POST_SCALE_UP"),
    );
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitingForApproval, "{error:?}");
    assert!(words(&error).contains("continue-service-deployment"), "{}", words(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_rollout_ends_with_how_it_is_resumed_and_can_be_watched() {
    let lab = Lab::new().configured(|config| config.with_timeout(60));
    lab.deploy(1).await.unwrap();
    let slow = Behaviour::Slow(std::time::Duration::from_secs(400));
    lab.fake.script(Script::Revision("motor:3".to_owned()), slow);
    let error = lab.deploy(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    let id = lab.fake.service(CLUSTER, SERVICE).unwrap().deployments[0].clone();
    let (target, context) = (lab.target(), lab.context());
    let first = target.watch(&context, &id).await.unwrap();
    assert!(matches!(first, Readiness::Pending { .. }), "{first:?}");
    lab.fake.advance(400);
    lab.engine().watch(&target, &context, &id).await.unwrap();
    // Run again: it is found under way or done, verified and marked.
    assert!(lab.deploy(2).await.unwrap().record.outcome.succeeded());
    assert_eq!(lab.fake.service(CLUSTER, SERVICE).unwrap().begun, 2);
    assert!(tag(&lab.revisions()[2], "haute:served").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_deployment_under_way_is_waited_for_refused_or_replaced() {
    for in_flight in [InFlight::Fail, InFlight::Wait, InFlight::Supersede] {
        let lab = Lab::new().configured(|config| config.with_in_flight(in_flight));
        lab.fake.happen(CLUSTER, SERVICE, Happening::Force);
        let deployed = lab.deploy(1).await;
        if in_flight == InFlight::Fail {
            let error = deployed.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
            assert!(words(&error).contains("haute-cli watch --deployment ecs-svc/"), "{error:?}");
            assert_eq!(lab.fake.writes(), 0);
        } else {
            deployed.unwrap();
            assert_eq!(lab.runs(), "motor:2");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_somebody_changed_after_the_plan_is_left_alone() {
    let lab = Lab::new();
    let (engine, target, context, release) = (lab.engine(), lab.target(), lab.context(), lab.release(1));
    let plan = engine.plan(&target, &context, &haute_core::plan::Goal::Deploy, Some(&release)).await.unwrap();
    lab.fake.happen(CLUSTER, SERVICE, Happening::Force);
    lab.fake.advance(120);
    let error = engine.apply(&target, &context, &plan, Some(&release)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StalePlan, "{error:?}");
    assert!(lab.fake.calls_of("UpdateService").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_finds_the_last_verified_release_by_its_tags_alone() {
    let lab = Lab::new();
    lab.deploy(1).await.unwrap();
    lab.deploy(2).await.unwrap();
    lab.deploy(3).await.unwrap();
    // Another machine: no records, no journal.
    std::fs::remove_dir_all(lab.root().join(haute_core::project::STATE_DIRECTORY)).unwrap();
    let (engine, target, context) = (lab.engine(), lab.target(), lab.context());
    let recorded = engine.rollback(&target, &context, None, crate::lab::origin()).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::RolledBack);
    assert_eq!(lab.runs(), "motor:3", "release 2");
    assert_eq!(lab.revisions().len(), 4, "nothing was registered");
    let to = lab.release(1).release.digest().clone();
    engine.rollback(&target, &context, Some(to.clone()), crate::lab::origin()).await.unwrap();
    assert_eq!(lab.runs(), "motor:2", "the one that was asked for");
    let history = target.history(&context, 10).await.unwrap().unwrap();
    let versions: Vec<&str> = history.iter().map(|past| past.version.as_str()).collect();
    assert_eq!(versions, ["motor:4", "motor:3", "motor:2", "motor:1"]);
    assert!(history.iter().take(3).all(|past| past.outcome.starts_with("served")), "{history:?}");
    let serving: Vec<_> = history.iter().filter(|past| past.serving).collect();
    assert_eq!((serving.len(), serving[0].release.as_ref()), (1, Some(&to)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_end_meanwhile_leave_the_deployment_going_on() {
    let lab = Lab::new();
    lab.deploy(1).await.unwrap();
    let slow = Behaviour::Slow(std::time::Duration::from_secs(100));
    lab.fake.script(Script::Revision("motor:3".to_owned()), slow);
    lab.fake
        .fault(haute_aws_fake::Rule::on("DescribeServices", haute_aws_fake::Fault::ExpiredToken).after(8));
    let error = lab.deploy(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(words(&error).contains("haute-cli watch --deployment ecs-svc/"), "{}", words(&error));
    lab.fake.clear_faults();
    lab.fake.advance(200);
    assert!(lab.deploy(2).await.unwrap().record.outcome.succeeded());
    assert_eq!(lab.fake.service(CLUSTER, SERVICE).unwrap().begun, 2);
}
