//! The prices that are served, asked where the service answers.

use haute_core::error::ErrorKind;
use haute_core::record::Outcome;
use haute_core::target::{DeployTarget as _, FindingLevel};

use crate::lab::{Lab, origin, tag};
use crate::service::PriceService;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_serves_the_proven_prices_is_marked_as_verified() {
    let lab = Lab::new();
    let service = PriceService::start(&lab).await;
    let lab = lab.configured(|config| config.with_verify_url(service.url()));
    service.knows(&lab.release(1));
    let recorded = lab.deploy(1).await.unwrap();
    assert!(recorded.record.is_verified());
    assert_eq!(recorded.record.url.as_deref(), Some(service.url().as_str()));
    assert!(tag(&lab.revisions()[1], "haute:verified").is_some());
    // And back: the first release of ours is the last one that was verified.
    service.knows(&lab.release(2));
    lab.deploy(2).await.unwrap();
    // On another machine: no record, no proof. Tags name the revision, and the proof is beside its image.
    std::fs::remove_dir_all(lab.root().join(haute_core::project::STATE_DIRECTORY)).unwrap();
    lab.engine().rollback(&lab.target(), &lab.context(), None, origin()).await.unwrap();
    assert_eq!(lab.runs(), "motor:2");
    let findings = lab.target().preflight(&lab.context()).await.unwrap();
    assert!(findings.iter().all(|finding| finding.level != FindingLevel::Failed), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_came_through_with_a_wrong_price_is_a_failure_and_is_not_marked() {
    let lab = Lab::new();
    let service = PriceService::start(&lab).await;
    let lab = lab.configured(|config| config.with_verify_url(service.url()));
    service.knows(&lab.release(1));
    lab.deploy(1).await.unwrap();
    service.knows_with(&lab.release(2), 0.01);
    let error = lab.deploy(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VerificationFailed, "{error:?}");
    assert_eq!(lab.runs(), "motor:3", "ECS is content: it is through");
    assert!(tag(&lab.revisions()[2], "haute:verified").is_none());
    // The last one that was verified is gone back to, not the wrong one.
    let recorded = lab.engine().rollback(&lab.target(), &lab.context(), None, origin()).await.unwrap();
    assert_eq!((recorded.record.outcome, lab.runs().as_str()), (Outcome::RolledBack, "motor:2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_release_behind_the_address_is_a_failure() {
    let lab = Lab::new();
    let service = PriceService::start(&lab).await;
    let lab = lab.configured(|config| config.with_verify_url(service.url()));
    service.knows(&lab.release(1));
    service.claims(Some(lab.release(3).release.digest().clone()));
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VerificationFailed, "{error:?}");
    assert!(tag(&lab.revisions()[1], "haute:verified").is_none());
    // Put right, the same command verifies and marks, and changes nothing else.
    service.claims(None);
    let writes = lab.fake.calls_of("UpdateService").len();
    assert!(lab.deploy(1).await.unwrap().record.is_verified());
    assert!(tag(&lab.revisions()[1], "haute:verified").is_some());
    assert_eq!((lab.fake.calls_of("UpdateService").len(), lab.revisions().len()), (writes, 2));
}
