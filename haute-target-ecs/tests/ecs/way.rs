//! The way of a release: pushed, registered, followed, marked; and nothing where nothing is to be done.

use haute_core::record::Outcome;

use crate::lab::{Lab, tag};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_becomes_a_revision_by_digest_and_serves() {
    let lab = Lab::amazon();
    let recorded = lab.deploy(1).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::Deployed);
    let revisions = lab.revisions();
    assert_eq!((revisions.len(), lab.runs().as_str()), (2, "motor:2"));
    let image = revisions[1]["containerDefinitions"][0]["image"].as_str().unwrap();
    assert!(image.starts_with(&format!("{}@sha256:", lab.repository())), "{image}");
    let release = lab.release(1);
    assert_eq!(tag(&revisions[1], "haute:release").unwrap(), release.release.digest().to_string());
    assert!(tag(&revisions[1], "haute:served").is_some(), "marked once it was through");
    assert!(tag(&revisions[1], "haute:verified").is_none(), "nobody asked for its prices");
    // Nothing else was touched.
    let mut before = revisions[0].clone();
    let mut after = revisions[1].clone();
    for revision in [&mut before, &mut after] {
        for member in ["taskDefinitionArn", "revision", "registeredAt", "tags"] {
            revision.as_object_mut().unwrap().shift_remove(member);
        }
        revision["containerDefinitions"][0]["image"] = serde_json::Value::Null;
    }
    assert_eq!(before, after);
    let told = lab.told();
    assert!(told.iter().any(|line| line.contains("steady state")), "{told:?}");
    assert_eq!(
        told.len(),
        told.iter().collect::<std::collections::BTreeSet<_>>().len(),
        "each once: {told:?}"
    );
    let update = lab.fake.calls_of("UpdateService");
    let fields: Vec<_> = update[0].body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        (update.len(), fields),
        (1, vec!["cluster".to_owned(), "service".into(), "taskDefinition".into()])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_deploys_of_the_same_release_write_nothing() {
    let lab = Lab::new();
    lab.deploy(1).await.unwrap();
    let writes = lab.fake.writes();
    for _ in 0..100 {
        let recorded = lab.deploy(1).await.unwrap();
        assert_eq!(recorded.record.outcome, Outcome::Unchanged);
    }
    assert_eq!(lab.fake.writes(), writes);
    assert_eq!(lab.revisions().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ecr_is_signed_in_to_with_a_fresh_password_unless_one_is_given() {
    let lab = Lab::amazon();
    lab.deploy(1).await.unwrap();
    assert_eq!(lab.fake.calls_of("GetAuthorizationToken").len(), 1, "asked once for a whole push");
    let mut lab = Lab::amazon();
    lab.more = vec![("DOCKER_USERNAME", "AWS".to_owned()), ("DOCKER_PASSWORD", "of-yesterday".to_owned())];
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), haute_core::error::ErrorKind::Unauthenticated, "{error:?}");
    assert!(lab.fake.calls_of("GetAuthorizationToken").is_empty(), "the one that is given wins");
    assert!(lab.fake.calls_of("UpdateService").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_made_where_that_is_wanted() {
    let fake = haute_aws_fake::AwsFake::start().unwrap().with_registry().unwrap();
    let lab = Lab::without_repository(fake);
    lab.deploy(1).await.unwrap_err();
    assert!(lab.fake.calls_of("UpdateService").is_empty());
    let lab = lab.configured(|mut config| {
        config.create_repository = true;
        config
    });
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Deployed);
    assert_eq!(lab.fake.calls_of("CreateRepository").len(), 1);
}
