//! What `ministack` is faithful in: the registry's protocol, and a service that runs what it is told, at once.

use std::path::PathBuf;

use haute_core::event::Event;
use haute_core::record::Outcome;
use haute_test_services::{Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::emulator::Kind;
use crate::lab::{Lab, definition, run};

pub(crate) fn trials(needs: impl Fn() -> Required<(PathBuf, ())>) -> Vec<Trial> {
    vec![test("ministack::a_release_is_pushed_registered_and_served", needs(), |(python, ())| {
        run(Kind::Ministack, &python, served)
    })]
}

async fn served(lab: Lab) -> Result<(), Failed> {
    lab.serve(&definition("registry.example/motor:somebodys")).await?;
    lab.plain.ecr("CreateRepository", &json!({"repositoryName": "pricing/motor"})).await?;
    let begun = lab.service().await?["deployments"][0]["id"].clone();
    let release = lab.release()?;
    let target = lab.target(&lab.emulator.host())?;
    let recorded = lab.deploy(&target, &release).await?;
    assert_eq!(recorded.record.outcome, Outcome::Deployed, "{:#?}", lab.told());
    // The image is in its registry under the digest the service runs.
    let service = lab.service().await?;
    assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1), "{service}");
    let deployment = &service["deployments"][0];
    assert_ne!(deployment["id"], begun);
    assert_eq!(deployment["rolloutState"], "COMPLETED", "{service}");
    let revision = lab.revision(deployment["taskDefinition"].as_str().unwrap_or_default()).await?;
    let container = &revision["taskDefinition"]["containerDefinitions"][0];
    let image = container["image"].as_str().unwrap_or_default();
    let (name, digest) = image.split_once('@').ok_or_else(|| format!("not by digest: {image}"))?;
    assert_eq!(name, format!("{}/pricing/motor", lab.emulator.host()));
    assert_eq!(container["notKnownToAnyClient"]["deep"][3]["kept"], true, "{container}");
    let asked = json!({"repositoryName": "pricing/motor", "imageIds": [{"imageDigest": digest}]});
    let images = lab.plain.ecr("DescribeImages", &asked).await?;
    assert_eq!(images["imageDetails"][0]["imageDigest"], digest, "{images}");
    let tags = revision["tags"].as_array().cloned().unwrap_or_default();
    let tag = |key: &str| tags.iter().find(|tag| tag["key"] == key).map(|tag| tag["value"].clone());
    assert_eq!(tag("haute:release"), Some(Value::from(release.release.digest().to_string())), "{tags:?}");
    assert!(tag("haute:served").is_some(), "{tags:?}");
    assert_eq!(tag("haute:verified"), None, "nobody asked for its prices: {tags:?}");
    assert!(lab.told().iter().any(|event| matches!(event, Event::ServiceEvent { .. })), "{:#?}", lab.told());
    // A fresh process finds nothing to do.
    let target = lab.target(&lab.emulator.host())?;
    let again = lab.deploy(&target, &release).await?;
    assert_eq!(again.record.outcome, Outcome::Unchanged);
    assert_eq!(lab.service().await?["deployments"][0]["id"], deployment["id"]);
    Ok(())
}
