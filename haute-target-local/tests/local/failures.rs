//! Releases that do not come up, ports that are taken, supervisors that are killed.

use std::net::TcpListener;

use haute_core::error::{ErrorKind, chain};
use haute_core::record::{Outcome, history};
use haute_core::target::{DeployTarget as _, FindingLevel};
use serde_json::json;

use crate::lab::{Lab, children_below};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_words_of_a_release_that_dies_are_shown_and_the_old_one_serves() {
    let lab = Lab::new();
    let good = lab.priced("good", 100.0);
    lab.deploy(&good).await.unwrap();
    let process = lab.detail("process").await;
    let bad =
        lab.release_with("bad", &json!({"crash": "ModuleNotFoundError: No module named 'catboost'"}), 1.0);

    let error = lab.deploy(&bad).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    let words = chain(&error).join("\n");
    assert!(words.contains("its process ended with exit code 3"), "{words}");
    assert!(words.contains("No module named 'catboost'"), "{words}");
    assert!(
        words.contains(&format!("release {} serves again, verified", good.release.digest().short())),
        "{words}"
    );
    assert_eq!(lab.detail("process").await, process, "the old release never stopped");
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_with_another_price_never_serves() {
    let lab = Lab::new();
    let wrong = lab.release_with("wrong", &json!({"premium": 99.0}), 100.0);
    let error = lab.deploy(&wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentFailed);
    let words = chain(&error).join("\n");
    assert!(words.contains("`premium` is 99.0, proven 100.0"), "{words}");
    assert!(words.contains("nothing serves, as before"), "{words}");
    let record = &history(lab.engine().store(), None).unwrap()[0].record;
    assert_eq!((record.outcome, &record.serving), (Outcome::FailedAndRolledBack, &None));
    let left = children_below(lab.root());
    assert!(left.is_empty(), "processes are left: {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_somebody_else_has_is_named_and_nothing_is_changed() {
    let lab = Lab::new();
    let other = TcpListener::bind(("127.0.0.1", lab.config.port)).unwrap();
    let release = lab.priced("one", 100.0);
    let error = lab.deploy(&release).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let expected = format!("127.0.0.1:{} is taken by process {} (`", lab.config.port, std::process::id());
    assert!(error.message().starts_with(&expected), "{error}");
    assert!(children_below(lab.root()).is_empty());
    let findings = lab.local().preflight(&lab.context()).await.unwrap();
    assert_eq!(findings[1].level, FindingLevel::Failed);
    drop(other);
    lab.deploy(&release).await.unwrap();
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_supervisor_is_killed_a_deploy_serves_again() {
    let lab = Lab::new();
    let release = lab.priced("one", 100.0);
    lab.deploy(&release).await.unwrap();
    let supervisor: i32 = lab.detail("supervisor").await.parse().unwrap();
    let pid = rustix::process::Pid::from_raw(supervisor).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let recorded = lab.deploy(&release).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::Deployed);
    assert_ne!(lab.detail("supervisor").await, supervisor.to_string());
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_does_not_answer_is_ended_on_removal() {
    let lab = Lab::new();
    lab.deploy(&lab.priced("one", 100.0)).await.unwrap();
    let socket = state_file(&lab, "control.sock");
    std::fs::remove_file(socket).unwrap();
    let error = lab.local().status(&lab.context()).await.unwrap_err();
    assert!(error.message().ends_with("does not answer"), "{error}");
    assert!(error.hints()[0].contains("haute-cli stop"));
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_release_is_not_started() {
    let lab = Lab::new();
    let release = lab.priced("one", 100.0);
    std::fs::write(release.release.directory().join("behaviour.json"), "{\"premium\": 1.0}").unwrap();
    let error = lab.deploy(&release).await.unwrap_err();
    let words = chain(&error).join("\n");
    assert!(words.contains("`behaviour.json` is not the file that was built"), "{words}");
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_may_not_read_they_cannot() {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = Lab::new();
    lab.deploy(&lab.priced("one", 100.0)).await.unwrap();
    let mode = std::fs::metadata(state_file(&lab, "control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_whose_path_is_too_long_for_a_socket_is_served() {
    let lab = Lab::below(&"long".repeat(30));
    lab.deploy(&lab.priced("one", 100.0)).await.unwrap();
    assert!(!state_file(&lab, "control.sock").exists());
    lab.remove().await;
}

fn state_file(lab: &Lab, name: &str) -> std::path::PathBuf {
    let local = lab.root().join(".haute-cli").join("local");
    std::fs::read_dir(local).unwrap().flatten().next().unwrap().path().join(name)
}
