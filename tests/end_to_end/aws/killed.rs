//! `kill -9` at calls of a deploy, and the same command again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use haute_aws_fake::{AwsFake, Fault, Rule, ServiceSetup};
use haute_test_services::{BaseImage, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::site::{CLUSTER, SERVICE, Site};
use crate::images::lab::{Bench, Lab};

/// How long a deploy may take to come to a call.
const MOST: Duration = Duration::from_mins(1);
/// How often the calls are looked at.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) fn trials(needs: impl Fn() -> Required<Arc<Bench>>) -> Vec<Trial> {
    vec![test("aws::a_deploy_killed_at_any_call_is_completed_by_the_next", needs(), |bench| killed(&bench))]
}

/// A service that runs an image of somebody's, and a clone that deploys to it.
fn prepared(lab: &Lab) -> Result<(AwsFake, Site), Failed> {
    let fake = AwsFake::start()?
        .with_registry()?
        .with_repository(SERVICE, false)
        .with_clock_per_describe(20)
        .with_service(ServiceSetup::new(CLUSTER, SERVICE))?;
    let store = fake.registry_behind().ok_or("a registry")?;
    let base = BaseImage::tiny("amd64")?.push_to(store, "base/tiny", "3.11")?.to_string();
    let site = Site::new(lab, &fake);
    site.overlay(&base, "");
    Ok((fake, site))
}

fn killed(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let (fake, site) = prepared(lab)?;
    site.deploy(&lab.release).expect(0);
    let calls: Vec<String> = fake.calls().into_iter().map(|call| call.action).collect();
    assert!(calls.len() > 8, "{calls:?}");
    assert_eq!(converged(&fake, lab)?, 2, "the service's own revision, and ours");
    // Each action once, and each write wherever it comes: before it arrives, and once it took effect.
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut places: Vec<(&str, u32, Fault)> = Vec::new();
    for action in &calls {
        let earlier = *seen.entry(action).and_modify(|count| *count += 1).or_insert(0);
        let write = ["RegisterTaskDefinition", "UpdateService", "TagResource"].contains(&action.as_str());
        if write || earlier == 0 {
            places.push((action, earlier, Fault::HangBefore));
        }
        if write {
            places.push((action, earlier, Fault::HangAfter));
        }
    }
    // Two at a time: most of a deploy is waiting.
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let mine: Vec<_> = places.iter().skip(half).step_by(2).collect();
            scope.spawn(move || {
                mine.into_iter().try_for_each(|(action, earlier, fault)| {
                    killed_at(lab, action, *earlier, fault).map_err(|error| format!("{action}: {error:?}"))
                })
            })
        });
        halves
            .into_iter()
            .try_for_each(|half| half.join().unwrap_or_else(|_| Err("a half failed".to_owned())))
    })?;
    Ok(())
}

fn killed_at(lab: &Lab, action: &str, earlier: u32, fault: &Fault) -> Result<(), Failed> {
    let (fake, site) = prepared(lab)?;
    fake.fault(Rule::on(action, fault.clone()).after(earlier).first(1));
    let words = crate::images::site::deploy_arguments(&lab.release);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = site.command(&words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while !fake.calls().iter().any(|call| call.fault.is_some()) {
        assert!(begun.elapsed() < MOST, "no call of {action} came");
        std::thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()?;
    fake.clear_faults();
    let result = site.deploy(&lab.release).expect(0).result();
    let word = result["outcome"].as_str().unwrap_or_default();
    assert!(["deployed", "unchanged"].contains(&word), "killed at {action}, {fault:?}: {result}");
    assert_eq!(converged(&fake, lab)?, 2, "killed at {action}, {fault:?}: one revision of ours");
    Ok(())
}

/// How many revisions there are, when the service runs the newest of them, which is the release's.
fn converged(fake: &AwsFake, lab: &Lab) -> Result<usize, Failed> {
    fake.advance(600);
    let revisions = fake.task_definitions(SERVICE);
    let newest = revisions.last().ok_or("a revision")?;
    let service = fake.service(CLUSTER, SERVICE).ok_or("the service")?;
    assert_eq!(service.serving(), [newest["taskDefinitionArn"].as_str().unwrap_or_default().to_owned()]);
    let tags: &Value = &newest["tags"];
    let release = tags.as_array().into_iter().flatten().find(|tag| tag["key"] == "haute:release");
    assert_eq!(release.ok_or("a tag")?["value"], lab.release.digest, "{newest}");
    Ok(revisions.len())
}
