//! `kill -9` at every request of a deploy, and the same command again.

use std::process::{Command, Stdio};
use std::time::Duration;

use haute_test_databricks::{Stop, Workspace};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use super::site::{Site, variables};
use crate::project::Run;
use crate::requirement::test;

/// How long a deploy may take to come to a request.
const MOST: Duration = Duration::from_mins(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("models::a_first_deploy_killed_at_any_request_is_completed_by_the_next", &[], || {
            killed(Scene::First)
        }),
        test("models::a_second_deploy_killed_at_any_request_is_completed_by_the_next", &[], || {
            killed(Scene::Second)
        }),
        test("models::a_promotion_killed_at_any_request_is_completed_by_the_next", &[], || {
            killed(Scene::Promotion)
        }),
    ]
}

/// What is killed, and what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// A deploy to a workspace where nothing is.
    First,
    /// A deploy of another release.
    Second,
    /// The promotion of another release, which is a canary.
    Promotion,
}

impl Scene {
    /// A workspace and a project in it where all that comes before is done.
    fn prepared(self) -> (Site, Workspace) {
        let (site, workspace) = (Site::new(), Workspace::start());
        workspace.world.lock().expect("no panic").looks = 1;
        if self != Self::First {
            site.deploy("one", &workspace, &[]).expect(0);
        }
        if self == Self::Promotion {
            site.deploy("two", &workspace, &["--canary", "10"]).expect(0);
        }
        (site, workspace)
    }

    fn command(self, site: &Site, workspace: &Workspace) -> Command {
        match self {
            Self::First => site.deploying("one", workspace, &[]),
            Self::Second => site.deploying("two", workspace, &[]),
            Self::Promotion => site.command(&["promote", "--yes", "--json"], &variables(&workspace.url)),
        }
    }

    fn run(self, site: &Site, workspace: &Workspace) -> Run {
        Run::of(&self.command(site, workspace).output().expect("haute-cli starts"))
    }

    /// How many releases there are afterwards.
    fn releases(self) -> usize {
        if self == Self::First { 1 } else { 2 }
    }
}

fn killed(scene: Scene) -> Result<(), Failed> {
    let (site, workspace) = scene.prepared();
    let before = workspace.world.lock().expect("no panic").requests;
    scene.run(&site, &workspace).expect(0);
    let calls: Vec<String> = {
        let world = workspace.world.lock().expect("no panic");
        world.exchanges.iter().skip(before).map(|one| format!("{} {}", one.method, one.path)).collect()
    };
    assert!(calls.len() > 10, "{calls:?}");
    let places: Vec<usize> = (1..=calls.len()).filter(|number| sampled(&calls, *number)).collect();
    // Two at a time: most of a deploy is waiting.
    std::thread::scope(|scope| {
        for half in [0, 1] {
            let (places, calls) = (&places, &calls);
            scope.spawn(move || {
                for number in places.iter().skip(half).step_by(2) {
                    let call = calls.get(number - 1).expect("a call");
                    // A read that was answered is a read that was not. A change that was not made is the read before it.
                    let stop = if call.starts_with("GET") { Stop::Before } else { Stop::After };
                    kill_at(scene, *number, stop, call);
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

fn kill_at(scene: Scene, number: usize, stop: Stop, call: &str) {
    let what = format!("{scene:?}, killed {stop:?} request {number}, {call}");
    let (site, workspace) = scene.prepared();
    let before = workspace.world.lock().expect("no panic").requests;
    let reached = workspace.stop_at(before + number, stop);
    let mut command = scene.command(&site, &workspace);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("haute-cli starts");
    let came = reached.recv_timeout(MOST);
    child.kill().expect("killed");
    let status = child.wait().expect("ended");
    assert!(came.is_ok() && status.code().is_none(), "{what}: ended with {status:?} before that");
    workspace.go_on();
    let run = scene.run(&site, &workspace);
    // Killed after the very last change, there is no canary left to promote: what was asked for is so.
    let over = scene == Scene::Promotion && run.stdout.contains("there is no canary to promote");
    assert!(run.code == 0 || over, "{what}: {}{}", run.stdout, run.stderr);
    expect_one_of_each(scene, &workspace, &what);
    let written = workspace.writes().len();
    let release = if scene == Scene::First { "one" } else { "two" };
    let run = site.deploy(release, &workspace, &[]).expect(0);
    assert_eq!(run.result()["outcome"], "unchanged", "{what}");
    assert_eq!(workspace.writes().len(), written, "{what}: nothing is left to do");
}

/// One run, one logged model and one version of each release, all whole, and the endpoint and the alias on the last.
fn expect_one_of_each(scene: Scene, workspace: &Workspace, what: &str) {
    let releases = scene.releases();
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
