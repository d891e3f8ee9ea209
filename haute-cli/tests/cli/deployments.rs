//! Deploy, roll back, stop, and what is said about it.

use haute_cli::Exit;
use haute_core::journal::{Entry, JOURNAL_SCHEMA, Journal};
use haute_core::plan::Plan;

use crate::support::{Memory, result};

#[test]
fn a_deploy_ends_with_the_premiums_the_url_and_a_curl_line() {
    let project = Memory::new();
    let release = project.release(412.5);
    let (exit, output) = project.deploy(&release);
    assert_eq!(exit, Exit::Done, "{}", output.stderr());
    let digest = release.release.digest().short();
    assert!(
        output
            .stdout()
            .contains(&format!("Release {digest} serves at memory://main, verified with 1 test quote."))
    );
    insta::assert_snapshot!(output.stdout().replace(digest, "<digest>"), @r#"
    test quote                 premium
    tests/quotes/young.json#0    412.5

    Release <digest> serves at memory://main, verified with 1 test quote.

    curl -sS memory://main/quote -H 'content-type: application/json' -d '{"age":19,"name":"O'\''Brien"}'
    "#);
}

#[test]
fn nothing_changed_is_said_and_is_success() {
    let project = Memory::new();
    let release = project.release(412.5);
    project.deploy(&release);
    let writes = project.world.writes();
    let (exit, output) = project.deploy(&release);
    assert_eq!(exit, Exit::Done);
    assert!(output.stdout().contains("serves already") && output.stdout().contains("nothing was changed"));
    assert_eq!(project.world.writes(), writes);
}

#[test]
fn json_lines_are_events_and_one_result_with_the_url() {
    let project = Memory::new();
    let release = project.release(412.5);
    let plan = project.plan(&release);
    let (exit, output) = project.run(&["deploy", "--json", "--plan", &plan]);
    let result = result(&output, exit);
    assert_eq!(result["outcome"], "deployed");
    assert_eq!(result["release"], release.release.digest().as_str());
    assert_eq!(result["url"], "memory://main");
    assert_eq!(result["premiums"][0]["prices"]["premium"], 412.5);
    assert_eq!(output.stderr(), "");
    let first: serde_json::Value = serde_json::from_str(output.stdout().lines().next().unwrap()).unwrap();
    assert_eq!((&first["type"], &first["event"]), (&"event".into(), &"phase_started".into()));
}

#[test]
fn quiet_prints_data_and_nothing_else() {
    let project = Memory::new();
    let plan = project.plan(&project.release(412.5));
    let (exit, output) = project.run(&["deploy", "--quiet", "--plan", &plan]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(output.stderr(), "");
    assert!(output.stdout().contains("memory://main"));
}

#[test]
fn a_changed_premium_is_shown_from_old_to_new_and_back() {
    let project = Memory::new();
    let (first, second) = (project.release(400.0), project.release(412.0));
    project.deploy(&first);
    let (_, output) = project.deploy(&second);
    assert!(
        output.stdout().contains("400.0 → 412.0") && output.stdout().contains("+3.00 %"),
        "{}",
        output.stdout()
    );
    let (exit, output) = project.run(&["rollback", "--json"]);
    let back = result(&output, exit);
    assert_eq!(back["outcome"], "rolled_back");
    assert_eq!(back["release"], first.release.digest().as_str());
    assert_eq!(project.world.serving().as_ref(), Some(first.release.digest()));
    let (exit, _) = project.run(&["rollback", "--to", second.release.digest().short()]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(project.world.serving().as_ref(), Some(second.release.digest()));
}

#[test]
fn a_wrong_price_is_never_a_success_and_the_old_one_serves_again() {
    let project = Memory::new();
    let (first, second) = (project.release(400.0), project.release(412.0));
    project.deploy(&first);
    project.world.misprice(second.release.digest());
    let (exit, output) = project.deploy(&second);
    assert_eq!(exit, Exit::DeploymentFailed, "{}", output.stderr());
    assert_eq!(project.world.serving().as_ref(), Some(first.release.digest()));
    assert!(!output.stdout().contains("serves"), "{}", output.stdout());
    let text = output.stderr();
    assert!(text.contains("413") && text.contains("serves again, verified"), "{text}");
    let (exit, output) = project.run(&["history", "--json", "--limit", "1"]);
    assert_eq!(result(&output, exit)["records"][0]["outcome"], "failed_and_rolled_back");
}

#[test]
fn a_wrong_price_of_a_remote_target_is_not_said_to_be_harmless() {
    let mut project = Memory::new();
    project.remote = true;
    let release = project.release(412.0);
    project.world.misprice(release.release.digest());
    let (exit, output) = project.run(&["deploy", "--yes", "--plan", &project.plan(&release)]);
    assert_eq!(exit, Exit::RollbackUnconfirmed, "{}", output.stderr());
    assert!(!output.stderr().contains("still serves"), "{}", output.stderr());
    assert!(output.stderr().contains("haute-cli status --project"), "{}", output.stderr());
}

#[test]
fn stop_and_stop_again() {
    let project = Memory::new();
    project.deploy(&project.release(400.0));
    let (exit, output) = project.run(&["stop"]);
    assert_eq!(exit, Exit::Done, "{}", output.stderr());
    assert!(output.stdout().contains("nothing serves at main"), "{}", output.stdout());
    let (exit, output) = project.run(&["stop", "--json"]);
    assert_eq!(result(&output, exit)["outcome"], "removed");
}

#[test]
fn status_tells_what_the_target_tells() {
    let project = Memory::new();
    let (exit, output) = project.run(&["status", "--json"]);
    assert_eq!(result(&output, exit)["deployment"]["state"], "stopped");
    let release = project.release(400.0);
    project.deploy(&release);
    let (_, output) = project.run(&["status"]);
    let text = output.stdout();
    assert!(text.contains(release.release.digest().as_str()) && text.contains("verified"), "{text}");
    assert!(text.contains("state     serving"), "{text}");
}

#[test]
fn a_remote_target_wants_a_yes_outside_ci() {
    let mut project = Memory::new();
    project.remote = true;
    let (exit, output) = project.run(&["stop"]);
    assert_eq!(exit, Exit::Usage);
    assert!(output.stderr().contains("--yes"), "{}", output.stderr());
    assert_eq!(project.run(&["stop", "--yes"]).0, Exit::Done);
    assert_eq!(project.run_with(&["stop"], &[("CI", "true")]).0, Exit::Done);
    assert_eq!(project.run(&["status"]).0, Exit::Done, "looking needs no permission");
}

#[test]
fn what_was_cut_off_is_shown_and_resumed() {
    let project = Memory::new();
    let (exit, output) = project.run(&["resume", "--json"]);
    assert_eq!(result(&output, exit)["outcome"], "nothing_to_resume");

    let release = project.release(400.0);
    let plan: Plan = serde_json::from_slice(&std::fs::read(project.plan(&release)).unwrap()).unwrap();
    let (mut journal, _) = Journal::open(&project.store(), "memory", "main").unwrap();
    let started = Entry::ApplyStarted {
        schema: JOURNAL_SCHEMA.to_owned(),
        apply: "first".to_owned(),
        plan: Box::new(plan),
    };
    journal.append(jiff::Timestamp::UNIX_EPOCH, started).unwrap();
    drop(journal);

    let (_, output) = project.run(&["status"]);
    assert!(output.stdout().contains("Continue with `haute-cli resume --project "), "{}", output.stdout());
    let (exit, output) = project.run(&["resume", "--json"]);
    assert_eq!(result(&output, exit)["outcome"], "deployed");
    assert_eq!(project.world.serving().as_ref(), Some(release.release.digest()));
    let (exit, output) = project.run(&["resume", "--json"]);
    assert_eq!(result(&output, exit)["outcome"], "nothing_to_resume");
}

#[test]
fn history_lists_the_newest_first() {
    let project = Memory::new();
    let (_, output) = project.run(&["history"]);
    assert_eq!(output.stdout(), "");
    assert!(output.stderr().contains("no record"), "{}", output.stderr());
    let (first, second) = (project.release(400.0), project.release(412.0));
    project.deploy(&first);
    project.deploy(&second);
    let (_, output) = project.run(&["history"]);
    let text = output.stdout();
    let place =
        |release: &haute_core::target::ProvenRelease| text.find(release.release.digest().short()).unwrap();
    assert!(place(&second) < place(&first), "{text}");
    let (_, output) = project.run(&["history", "--limit", "1"]);
    assert_eq!(output.stdout().lines().count(), 2, "{}", output.stdout());
    assert!(output.stderr().contains("1 of 2"), "{}", output.stderr());
}
