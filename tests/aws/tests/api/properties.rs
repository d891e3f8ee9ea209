//! What holds whatever happens to a service.

use std::time::Duration;

use haute_aws_fake::{AwsFake, Behaviour, Happening, Script, ServiceSetup};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::motor;

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        4 => Just(Behaviour::Healthy),
        1 => (0_u64..40).prop_map(|seconds| Behaviour::Slow(Duration::from_secs(seconds))),
        1 => Just(Behaviour::PullFails),
        1 => (0_u64..30).prop_map(Behaviour::crash),
        1 => Just(Behaviour::ContainerUnhealthy),
        1 => Just(Behaviour::NoCapacity),
    ]
}

/// What is done to the service: a deployment of a new revision whose tasks fare so, or something from outside.
#[derive(Clone, Debug)]
enum Deed {
    Deploy(Behaviour),
    Happen(Happening),
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => behaviour().prop_map(Deed::Deploy),
        1 => Just(Deed::Happen(Happening::Force)),
        1 => (0_usize..5).prop_map(|count| Deed::Happen(Happening::Scale(count))),
        1 => Just(Deed::Happen(Happening::CrashAll)),
        1 => Just(Deed::Happen(Happening::Alarm("motor-5xx".to_owned()))),
        5 => (1_u64..40).prop_map(Deed::Wait),
    ]
}

/// What holds in every second.
fn check(service: &Value) -> Result<(), TestCaseError> {
    let deployments = service["deployments"].as_array().unwrap();
    let primary: Vec<&Value> = deployments.iter().filter(|one| one["status"] == "PRIMARY").collect();
    prop_assert_eq!(primary.len(), 1);
    prop_assert_eq!(&primary[0]["taskDefinition"], &service["taskDefinition"]);
    prop_assert_eq!(&deployments[0]["id"], &primary[0]["id"], "the primary one comes first");
    for one in deployments {
        let (state, status) = (one["rolloutState"].as_str().unwrap(), one["status"].as_str().unwrap());
        prop_assert!(["IN_PROGRESS", "COMPLETED", "FAILED"].contains(&state));
        prop_assert!(["PRIMARY", "ACTIVE"].contains(&status));
    }
    let sum = |name: &str| deployments.iter().map(|one| one[name].as_u64().unwrap()).sum::<u64>();
    prop_assert_eq!(sum("runningCount"), service["runningCount"].as_u64().unwrap());
    prop_assert_eq!(sum("pendingCount"), service["pendingCount"].as_u64().unwrap());
    if primary[0]["rolloutState"] == "COMPLETED" {
        prop_assert_eq!(deployments.len(), 1, "what went before is gone");
    }
    prop_assert!(service["events"].as_array().unwrap().len() <= 100);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_is_one_primary_deployment_and_completed_means_it_serves(
        deeds in prop::collection::vec(deed(), 1..14),
        breaker in any::<bool>(),
        rollback in any::<bool>(),
        desired in 0_usize..4,
    ) {
        let setup = ServiceSetup::new("pricing", "motor")
            .with_desired(desired)
            .with_breaker(breaker, rollback)
            .with_alarms(&["motor-5xx"], rollback);
        let fake = AwsFake::start().unwrap().with_service(setup).unwrap();
        let mut completed = Vec::new();
        for (number, deed) in deeds.into_iter().enumerate() {
            match deed {
                Deed::Deploy(behaviour) => {
                    let definition = json!({
                        "family": "motor", "containerDefinitions": [{ "name": "motor", "image": format!("motor:{number}") }],
                    });
                    let arn = fake.register(&definition).unwrap();
                    fake.script(Script::Revision(arn.clone()), behaviour);
                    fake.happen("pricing", "motor", Happening::Update(arn));
                }
                Deed::Happen(happening) => fake.happen("pricing", "motor", happening),
                Deed::Wait(seconds) => fake.advance(seconds),
            }
            let view = fake.service("pricing", "motor").unwrap();
            let service = motor(&fake);
            check(&service)?;
            let first = &service["deployments"][0];
            if first["rolloutState"] == "COMPLETED" && !completed.contains(&first["id"]) {
                completed.push(first["id"].clone());
                prop_assert!(view.serving().iter().all(|arn| *arn == view.task_definition), "{:?}", view);
            }
        }
    }
}
