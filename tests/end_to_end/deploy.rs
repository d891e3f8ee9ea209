//! The way of a release on this machine: deploy, change, roll back, stop.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::answers::{health, quote};
use crate::project::Project;
use crate::requirement::{Requirement, test};

const LOADINGS: &str = "rating/utility/loadings.py";

pub(crate) fn trials() -> Vec<Trial> {
    let python = [Requirement::Python];
    vec![
        test("deploy::the_main_job_ends_with_a_url_premiums_and_a_curl_line_that_works", &python, main_job),
        test("deploy::nothing_changed_restarts_nothing", &python, unchanged),
        test("deploy::a_new_price_is_served_shown_and_rolled_back", &python, change_and_rollback),
        test("deploy::status_history_and_stop_tell_what_is", &python, status_history_stop),
        test("deploy::plan_changes_nothing_and_tells_by_its_exit_code", &python, plan),
        test("deploy::smoke_compares_the_expected_premiums", &python, smoke),
        test("deploy::flags_name_the_release_in_json", &python, json_lines),
    ]
}

fn main_job() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let run = project.run(&["deploy", "--target", "local", "--color", "never"]).expect(0);
    let everything = format!("{}\n{}", run.stdout, run.stderr);
    assert!(everything.contains(&project.url()), "the URL is there: {everything}");
    assert!(everything.contains("210.52"), "the premium of the first quote is there: {everything}");
    let curl = everything.lines().map(str::trim).find(|line| line.starts_with("curl ")).expect("a curl line");
    let output = Command::new("sh").args(["-c", curl]).output().expect("sh");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && answer.contains("premium"),
        "`{curl}` answered {answer}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn unchanged() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let first = project.deploy();
    assert_eq!(first["outcome"], "deployed", "{first}");
    let before = project.run(&["status", "--target", "local", "--json"]).expect(0).result();
    let second = project.deploy();
    assert_eq!(second["outcome"], "unchanged", "{second}");
    assert_eq!(second["release"], first["release"]);
    let after = project.run(&["status", "--target", "local", "--json"]).expect(0).result();
    assert_eq!(before["deployment"]["details"], after["deployment"]["details"], "the same process serves");
    Ok(())
}

fn change_and_rollback() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let input = json!({"IDpol": 1, "VehPower": 6, "DrivAge": 42, "Area": "C", "VehBrand": "B2"});
    let first = project.deploy();
    let old = quote(project.port, &input).rows()[0]["premium"].clone();
    assert_eq!(old, json!(210.52));

    // The golden rows pin the old prices: a changed price must not go live by accident.
    let source = project.read(LOADINGS);
    let changed = source.replacen("return ", "return 2 * ", 1);
    assert_ne!(source, changed);
    project.write(LOADINGS, &changed);
    let refused = project.run(&["deploy", "--target", "local", "--json"]).expect(3).result();
    assert_eq!(refused["outcome"], "failed", "{refused}");
    assert_eq!(quote(project.port, &input).rows()[0]["premium"], old, "the old price still serves");

    // The analyst takes the golden values out: now it is meant.
    project.remove("tests/quotes/golden.json");
    let run = project.run(&["deploy", "--target", "local"]).expect(0);
    assert!(
        run.stderr.contains("→") || run.stdout.contains("→"),
        "old → new is shown: {}{}",
        run.stdout,
        run.stderr
    );
    let new = quote(project.port, &input).rows()[0]["premium"].clone();
    assert_ne!(new, old);

    let back = project.run(&["rollback", "--target", "local", "--json"]).expect(0).result();
    assert_eq!(back["release"], first["release"], "{back}");
    assert_eq!(quote(project.port, &input).rows()[0]["premium"], old, "the old price serves again");
    assert_eq!(health(project.port).json()["digest"], first["release"]);
    Ok(())
}

fn status_history_stop() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let nothing = project.run(&["status", "--target", "local", "--json"]).expect(0).result();
    assert_eq!(nothing["deployment"]["state"], "stopped", "{nothing}");
    let deployed = project.deploy();
    let status = project.run(&["status", "--target", "local", "--json"]).expect(0).result();
    assert_eq!(status["deployment"]["release"], deployed["release"], "{status}");
    assert_eq!(status["deployment"]["state"], "serving", "{status}");
    let history = project.run(&["history", "--target", "local", "--json"]).expect(0).result();
    assert_eq!(history["records"].as_array().map(Vec::len), Some(1), "{history}");
    assert_eq!(history["records"][0]["release"], deployed["release"], "{history}");
    project.run(&["stop", "--target", "local"]).expect(0);
    assert!(std::net::TcpStream::connect(("127.0.0.1", project.port)).is_err(), "nothing listens any more");
    project.run(&["stop", "--target", "local"]).expect(0);
    Ok(())
}

fn plan() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let run = project.run(&["plan", "--target", "local", "--exit-code", "--json"]).expect(20).result();
    assert!(run["plan"]["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{run}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", project.port)).is_err(), "a plan starts nothing");
    project.deploy();
    let run = project.run(&["plan", "--target", "local", "--exit-code", "--json"]).expect(0).result();
    assert_eq!(run["plan"]["steps"].as_array().map(Vec::len), Some(0), "{run}");
    Ok(())
}

fn smoke() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.deploy();
    project.run(&["smoke", "--target", "local"]).expect(0);
    project.run(&["smoke", &project.url()]).expect(0);
    project.edit("tests/quotes/golden.json", "\"premium\": 210.52", "\"premium\": 210.53");
    let wrong = project.run(&["smoke", &project.url()]);
    assert_ne!(
        wrong.code, 0,
        "a service that gives another premium than expected fails: {}{}",
        wrong.stdout, wrong.stderr
    );
    assert!(
        format!("{}{}", wrong.stdout, wrong.stderr).contains("210.52"),
        "{}{}",
        wrong.stdout,
        wrong.stderr
    );
    Ok(())
}

fn json_lines() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false"];
        let output = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(project.root())
            .output()
            .expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "prices"]);
    let built = project.run(&["build", "--json"]).expect(0).result();
    let digest = built["release"].as_str().expect("a digest").to_owned();
    let proven = project.run(&["prove", "--json"]).expect(0).result();
    assert_eq!(proven["release"], built["release"]);
    let deployed = project.deploy();
    assert_eq!(deployed["release"], built["release"]);
    assert_eq!(deployed["url"], project.url());
    let health = health(project.port).json();
    assert_eq!(health["digest"], digest);
    assert_eq!(health["commit"], git(&["rev-parse", "HEAD"]), "{health}");
    let checked = project.run(&["check", "--json"]).expect(0).result();
    assert_eq!(checked["diagnostics"].as_array().map(Vec::len), Some(0), "{checked}");
    Ok(())
}
