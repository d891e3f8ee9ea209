//! One release that serves, and one that does not: what the service really answers, and what the program says.

use std::sync::Arc;

use haute_aws_fake::{AwsFake, ServiceSetup, Tier};
use haute_test_services::{BaseImage, Engine, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::site::{CLUSTER, SERVICE, Site};
use crate::answers::request;
use crate::images::lab::{Bench, Built};

type Needs = (Arc<Bench>, (Engine, BaseImage));

pub(crate) fn trials(needs: impl Fn() -> Required<Needs>) -> Vec<Trial> {
    vec![test(
        "aws::a_release_serves_from_ecs_and_a_broken_one_leaves_the_old_price",
        needs(),
        |(bench, (engine, base))| serves(&bench, &engine, &base),
    )]
}

fn serves(bench: &Bench, engine: &Engine, base: &BaseImage) -> Result<(), Failed> {
    let lab = bench.lab();
    let fake = AwsFake::start()?.with_registry()?.with_repository(SERVICE, false).with_policy(Tier::T4);
    let fake = fake.with_engine(engine.address())?;
    let (fake, group) = fake.with_load_balancer(CLUSTER, SERVICE, 8080, "/health")?;
    let setup = ServiceSetup::new(CLUSTER, SERVICE)
        .with_image(format!("{}/{SERVICE}:first", fake.registry()))
        .with_definition_member("/memory", json!("2048"))
        .with_target_group(group, 8080)
        .by_engine();
    let fake = fake.with_service(setup)?;
    let front = fake.front(CLUSTER, SERVICE)?;
    let store = fake.registry_behind().ok_or("a registry")?;
    let runs = base.push_to(store, "base/python", "3.11")?.to_string();
    // It has no Python: what is built upon it cannot start.
    let broken = BaseImage::tiny("amd64")?.push_to(store, "base/broken", "3.11")?.to_string();

    let site = Site::new(lab, &fake);
    // Whoever made the service named an image that does not exist yet: its first deployment never comes through.
    let first = format!("verify_url = \"{front}\"\nin_flight = \"supersede\"");
    site.overlay(&runs, &first);
    let found = site.run(&["preflight"]).expect(0);
    assert!(found.stdout.contains("ok "), "{}", found.stdout);
    let result = site.deploy(&lab.release).expect(0).result();
    assert_eq!(result["outcome"], "deployed", "{result}");
    assert_eq!(result["verification"]["passed"], true, "{result}");
    priced(&front, &lab.release)?;
    let revision = fake.service(CLUSTER, SERVICE).ok_or("the service")?.serving();
    let image = fake.task_definitions(SERVICE).pop().ok_or("a revision")?;
    let image = image["containerDefinitions"][0]["image"].as_str().unwrap_or_default().to_owned();
    assert!(image.contains("@sha256:"), "the revision names its image by digest: {image}");

    // Again, from a fresh clone: nothing is written anywhere.
    fake.forget_calls();
    let again = Site::new(lab, &fake);
    again.overlay(&runs, &format!("verify_url = \"{front}\""));
    assert_eq!(again.deploy(&lab.release).expect(0).result()["outcome"], "unchanged");
    assert_eq!(fake.writes(), 0, "{:?}", fake.calls());

    // A release that cannot start: the circuit breaker goes back, and nobody calls that a success.
    site.overlay(&broken, &format!("verify_url = \"{front}\""));
    let failed = site.deploy(lab.changed()).expect(6);
    let result = failed.result();
    let report = &result_event(&failed.stdout, "failure_report")?["report"];
    let text = report.to_string();
    assert!(text.contains("python3"), "the report names what could not be started: {text}");
    assert!(report["serving"].as_str().is_some_and(|serving| !serving.is_empty()), "{text}");
    assert!(!report["hints"].as_array().is_none_or(Vec::is_empty), "{text}");
    assert_eq!(result["error"]["kind"], "deployment_failed", "{result}");
    assert_eq!(fake.service(CLUSTER, SERVICE).ok_or("the service")?.serving(), revision);
    priced(&front, &lab.release)?;

    // What was served is known from the world alone, in a clone that never deployed.
    let history = again.run(&["history", "--json"]).expect(0).result();
    let releases = history["releases"].as_array().ok_or("releases")?.clone();
    let serving: Vec<&Value> = releases.iter().filter(|one| one["serving"] == true).collect();
    assert_eq!(serving.len(), 1, "{history}");
    assert_eq!(serving[0]["release"], lab.release.digest, "{history}");
    assert_eq!(serving[0]["verified"], true, "{history}");
    let status = again.run(&["status", "--json"]).expect(0).result();
    assert_eq!(status["release"], lab.release.digest, "{status}");
    Ok(())
}

/// Asks the load balancer for every test quote, as a caller does.
fn priced(front: &str, built: &Built) -> Result<(), Failed> {
    let port = front.rsplit(':').next().and_then(|port| port.parse().ok()).ok_or("a port")?;
    for quote in built.quotes() {
        let body = quote["input"].to_string();
        let kind = [("content-type", "application/json")];
        let rows = request(port, "POST", "/quote", &kind, body.as_bytes()).rows();
        for (column, price) in quote["prices"].as_object().ok_or("prices")? {
            assert_eq!(&rows[0][column], price, "{column} of {}", quote["id"]);
        }
    }
    Ok(())
}

fn result_event(stdout: &str, name: &str) -> Result<Value, Failed> {
    stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["event"] == name)
        .ok_or_else(|| format!("no event `{name}` in {stdout}").into())
}
