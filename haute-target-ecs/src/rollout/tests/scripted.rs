//! Pieces beside the histories.

use jiff::Timestamp;
use serde_json::json;

use super::script::{USUAL, read};
use crate::model::{self, Service, ServiceDeployment};
use crate::rollout::{Baseline, Watched};

fn service(line: &str) -> Service {
    read(line, &USUAL).service.expect("a service")
}

#[test]
fn the_update_tells_what_to_follow() {
    let watched = Watched::after_update(&service("7* 2/2 done"), &service("8* 0/2 going | 7 2/2 done"))
        .expect("one is begun");
    assert_eq!(watched.deployment, "ecs-svc/8");
    assert!(watched.is_new());
    assert_eq!(watched.created_at, Timestamp::from_second(800).ok());
    let baseline = watched.baseline.expect("one was there");
    assert!(baseline.completed && baseline.task_definition.ends_with("motor:7"), "{baseline:?}");

    let same = Watched::after_update(&service("7* 2/2 done"), &service("7* 2/2 done")).expect("it is there");
    assert!(!same.is_new());
    let first = Watched::after_update(&service("empty"), &service("1* 0/1 going")).expect("one is begun");
    assert!(first.is_new() && first.baseline.is_none());
    assert_eq!(Watched::after_update(&service("7* 2/2 done"), &service("empty")), None);
    assert!(!Baseline::of(&service("7* 1/2 going")).expect("one is to serve").completed);
}

#[test]
fn of_service_deployments_the_one_that_was_begun_with_it_is_taken() {
    let told: Vec<ServiceDeployment> = [600.0, 799.2, 800.4, 870.0]
        .into_iter()
        .map(|at| {
            model::read(json!({"serviceDeploymentArn": format!("arn:{at}"), "createdAt": at}))
                .expect("it is read")
        })
        .collect();
    let watched =
        Watched::new("ecs-svc/8", "motor:8").with_beginning(Timestamp::from_second(800).expect("a time"));
    let found = watched.among(&told).map(|told| told.service_deployment_arn.as_str());
    assert_eq!(found, Some("arn:800.4"));
    assert_eq!(watched.among(told.get(..1).unwrap_or_default()), None);
    assert_eq!(Watched::new("ecs-svc/8", "motor:8").among(&told), None);
}

#[test]
fn a_short_name_is_as_good_as_an_arn() {
    use crate::rollout::{Observation, Rollout, Rules, Watch};
    let mut watch = Watch::new(Watched::new("ecs-svc/8", "motor:8"), Rules::default());
    let said = watch.observe(Observation::new(Some(&service("8* 2/2 done")), std::time::Duration::ZERO));
    assert_eq!(said, Rollout::Succeeded { running: 2 });
    let mut by_id = Watch::new(Watched::new("ecs-svc/8", ""), Rules::default());
    let said = by_id.observe(Observation::new(Some(&service("8* 2/2 done")), std::time::Duration::ZERO));
    assert_eq!(said, Rollout::Succeeded { running: 2 });
    assert!(by_id.watched().task_definition.ends_with("motor:8"));
}
