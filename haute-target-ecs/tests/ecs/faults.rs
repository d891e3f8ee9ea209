//! Whatever goes wrong with whichever call, running again reaches the goal, with one revision and one deployment.

use haute_aws_fake::{Fault, Rule};
use haute_core::record::Outcome;

use crate::lab::{CLUSTER, Lab, SERVICE};

/// Deploys until it is through, as a person would; at most a few times.
async fn until_done(lab: &Lab) -> usize {
    for attempt in 1..=4 {
        match lab.deploy(1).await {
            Ok(recorded) => {
                assert!(matches!(recorded.record.outcome, Outcome::Deployed | Outcome::Unchanged));
                return attempt;
            }
            Err(error) => assert!(attempt < 4, "{error:?}"),
        }
    }
    unreachable!()
}

/// One revision, one deployment, and it is ours.
fn assert_converged(lab: &Lab, what: &str) {
    assert_eq!(lab.revisions().len(), 2, "one revision more than before: {what}");
    assert_eq!(lab.runs(), "motor:2", "{what}");
    let service = lab.fake.service(CLUSTER, SERVICE).unwrap();
    assert_eq!(service.begun, 1, "one deployment: {what}");
    assert_eq!(service.serving().len(), 1, "{what}");
}

/// How many calls an undisturbed deploy makes.
async fn calls() -> usize {
    let lab = Lab::new();
    lab.deploy(1).await.unwrap();
    lab.fake.calls().len()
}

async fn at_every_call(fault: Fault) {
    for number in 1..=calls().await {
        let lab = Lab::new().faulty(Rule::at(number, fault.clone()).first(1));
        until_done(&lab).await;
        assert_eq!(lab.fake.calls()[number - 1].fault, Some(fault.clone()), "it went wrong");
        assert_converged(
            &lab,
            &format!("{fault:?} at call {number}: {:?}", lab.fake.calls().get(number - 1)),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_failing_once() {
    at_every_call(Fault::FailBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_failing_after_its_effect() {
    at_every_call(Fault::FailAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_breaking_after_the_effect() {
    at_every_call(Fault::ResetAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_cut_short() {
    at_every_call(Fault::Truncate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_throttled_once() {
    at_every_call(Fault::Throttle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_are_older_than_the_last_write() {
    for stale in 1..=4 {
        let lab = Lab::new();
        lab.fake.set_stale_reads(stale);
        until_done(&lab).await;
        assert_converged(&lab, &format!("{stale} stale reads"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_at_every_call() {
    for number in 1..=calls().await {
        for fault in [Fault::FailBefore, Fault::FailAfter] {
            let lab = Lab::new();
            lab.die_at(number, fault.clone()).await;
            until_done(&lab).await;
            assert_converged(&lab, &format!("killed at call {number} ({fault:?})"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_to_ecr_failing_after_its_effect() {
    let lab = Lab::amazon();
    lab.deploy(1).await.unwrap();
    let calls = lab.fake.calls();
    let images: Vec<usize> = calls
        .iter()
        .filter(|call| call.service == "registry" || call.service == "ecr")
        .map(|call| call.number)
        .collect();
    assert!(images.len() > 10, "{images:?}");
    for number in images {
        let lab = Lab::amazon().faulty(Rule::at(number, Fault::ResetAfter).first(1));
        until_done(&lab).await;
        assert_converged(&lab, &format!("call {number}"));
    }
}
