//! The ways a service comes to run a new image.

use haute_core::error::ErrorKind;
use haute_core::record::Outcome;
use haute_core::target::DeployTarget as _;
use haute_target_ecs::Update;
use serde_json::json;

use crate::lab::{Lab, SERVICE};

/// The image that was pushed last, by its digest.
async fn pushed(lab: &Lab) -> String {
    let status = lab.target().status(&lab.context()).await.unwrap();
    status.details["image"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_can_be_pushed_and_the_service_left_alone() {
    let lab = Lab::amazon().configured(|config| config.with_update(Update::None));
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Deployed);
    assert_eq!((lab.runs().as_str(), lab.revisions().len()), ("motor:1", 1));
    assert!(lab.fake.calls_of("UpdateService").is_empty());
    assert!(pushed(&lab).await.starts_with(&format!("{}@sha256:", lab.repository())));
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Unchanged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_of_somebody_else_is_deployed_if_it_has_the_image_of_the_release() {
    let lab = Lab::amazon().configured(|config| config.with_update(Update::None));
    lab.deploy(1).await.unwrap();
    let image = pushed(&lab).await;
    let lab = lab.configured(|mut config| {
        config.update = Update::ExistingRevision;
        config.task_definition = SERVICE.to_owned();
        config
    });
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert!(lab.fake.calls_of("UpdateService").is_empty(), "another image is not deployed as this release");
    let mut definition = lab.revisions()[0].clone();
    for member in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "tags",
    ] {
        definition.as_object_mut().unwrap().shift_remove(member);
    }
    definition["containerDefinitions"][0]["image"] = json!(image);
    lab.fake.register(&definition).unwrap();
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Deployed);
    assert_eq!((lab.runs().as_str(), lab.revisions().len()), ("motor:2", 2));
    let updates = lab.fake.calls_of("UpdateService").len();
    assert_eq!(lab.deploy(1).await.unwrap().record.outcome, Outcome::Unchanged);
    assert_eq!(lab.fake.calls_of("UpdateService").len(), updates);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moving_tag_that_the_task_definition_does_not_name_is_refused() {
    let lab = Lab::amazon().configured(|config| config.with_update(Update::MovingTag));
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert!(error.hints().join(" ").contains(&format!("{}:latest", lab.repository())), "{error:?}");
    assert_eq!(lab.fake.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_for_another_processor_is_refused_before_anything_is_pushed() {
    let setup = haute_aws_fake::ServiceSetup::new(crate::lab::CLUSTER, SERVICE).with_definition_member(
        "/runtimePlatform",
        json!({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
    );
    let lab = Lab::with(setup);
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert!(error.hints().join(" ").contains("architecture = \"arm64\""), "{error:?}");
    assert_eq!(lab.fake.writes(), 0);
}
