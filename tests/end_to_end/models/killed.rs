//! `kill -9` at every request of a deploy, and the same command again.

use std::time::Duration;

use haute_test_databricks::{Stop, Workspace};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::site::Site;
use crate::requirement::test;

/// How long a deploy may take to come to a request.
const MOST: Duration = Duration::from_mins(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("models::a_first_deploy_killed_at_any_request_is_completed_by_the_next", &[], || killed("one")),
        test("models::a_second_deploy_killed_at_any_request_is_completed_by_the_next", &[], || killed("two")),
    ]
}

/// A workspace and a project in it where all that comes before `release` is deployed.
fn prepared(release: &str) -> (Site, Workspace) {
    let (site, workspace) = (Site::new(), Workspace::start());
    workspace.world.lock().expect("no panic").looks = 1;
    if release == "two" {
        site.deploy("one", &workspace, &[]).expect(0);
    }
    (site, workspace)
}

fn killed(release: &'static str) -> Result<(), Failed> {
    let (site, workspace) = prepared(release);
    let before = workspace.world.lock().expect("no panic").requests;
    site.deploy(release, &workspace, &[]).expect(0);
    let calls: Vec<String> = {
        let world = workspace.world.lock().expect("no panic");
        world.exchanges.iter().skip(before).map(|one| format!("{} {}", one.method, one.path)).collect()
    };
    assert!(calls.len() > 30, "{calls:?}");
    let places: Vec<usize> = (1..=calls.len()).filter(|number| sampled(&calls, *number)).collect();
    // Two at a time: most of a deploy is waiting.
    std::thread::scope(|scope| {
        for half in [0, 1] {
            let (places, calls) = (&places, &calls);
            scope.spawn(move || {
                for (index, number) in places.iter().enumerate().filter(|(index, _)| index % 2 == half) {
                    // A read that was answered is a read that was not.
                    let read = calls[number - 1].starts_with("GET");
                    let stops: &[Stop] = if read { &[Stop::Before] } else { &[Stop::Before, Stop::After] };
                    for stop in stops {
                        kill_at(release, *number, *stop, &calls[number - 1], index);
                    }
                }
            });
        }
    });
    Ok(())
}

/// Of the files, which are alike and on their way together, the first two and the last two of each upload.
fn sampled(calls: &[String], number: usize) -> bool {
    let is_file = |number: usize| calls.get(number - 1).is_some_and(|call| call.contains("/fs/files/"));
    let near = [number.saturating_sub(2).max(1), (number + 2).min(calls.len())];
    !is_file(number) || near.into_iter().any(|other| !is_file(other))
}

fn kill_at(release: &str, number: usize, stop: Stop, call: &str, index: usize) {
    let what = format!("{release}, killed {stop:?} request {number}, {call} ({index})");
    let (site, workspace) = prepared(release);
    let before = workspace.world.lock().expect("no panic").requests;
    let reached = workspace.stop_at(before + number, stop);
    let mut child = site.begin(release, &workspace);
    let came = reached.recv_timeout(MOST);
    child.kill().expect("killed");
    let status = child.wait().expect("ended");
    assert!(came.is_ok() && status.code().is_none(), "{what}: ended with {status:?} before that");
    workspace.go_on();
    let run = site.deploy(release, &workspace, &[]).expect(0);
    let outcome = run.result()["outcome"].clone();
    assert!(outcome == "deployed" || outcome == "unchanged", "{what}: {outcome}");
    expect_one_of_each(release, &workspace, &what);
    let written = workspace.writes().len();
    let run = site.deploy(release, &workspace, &[]).expect(0);
    assert_eq!(run.result()["outcome"], "unchanged", "{what}");
    assert_eq!(workspace.writes().len(), written, "{what}: nothing is left to do");
}

/// One run, one logged model and one version of each release, all whole, and the endpoint and the alias on the last.
fn expect_one_of_each(release: &str, workspace: &Workspace, what: &str) {
    let releases = if release == "two" { 2 } else { 1 };
    let world = workspace.world.lock().expect("no panic");
    let of = |things: &mut dyn Iterator<Item = &Value>, key: &[&str]| -> Vec<Value> {
        things.map(|thing| key.iter().fold(thing, |value, key| &value[*key]).clone()).collect()
    };
    assert_eq!(
        of(&mut world.runs.values(), &["info", "status"]),
        vec![json!("FINISHED"); releases],
        "{what}"
    );
    assert_eq!(
        of(&mut world.logged.values(), &["status"]),
        vec![json!("LOGGED_MODEL_READY"); releases],
        "{what}"
    );
    let outputs = |run: &Value| run["outputs"]["model_outputs"].as_array().map(Vec::len);
    assert!(world.runs.values().all(|run| outputs(run) == Some(1)), "{what}: {:?}", world.runs);
    assert_eq!((world.models.len(), world.endpoints.len(), world.experiments.len()), (1, 1, 1), "{what}");
    let model = world.models.values().next().expect("a model");
    let versions = model["versions"].as_object().expect("versions");
    assert_eq!(of(&mut versions.values(), &["status"]), vec![json!("READY"); releases], "{what}");
    let newest = versions.keys().max_by_key(|number| number.parse::<u64>().expect("a number")).expect("one");
    assert_eq!(&model["aliases"]["production"], newest, "{what}");
    let endpoint = world.endpoints.values().next().expect("an endpoint");
    assert_eq!(&endpoint["config"]["served_entities"][0]["entity_version"], newest, "{what}");
    assert_eq!(endpoint["config"]["served_entities"].as_array().map(Vec::len), Some(1), "{what}");
    assert!(endpoint.get("pending_config").is_none(), "{what}: {endpoint}");
}
