//! Saved plans: applied exactly, or refused.

use haute_cli::Exit;

use crate::support::{Memory, result};

#[test]
fn a_plan_the_world_has_left_behind_is_refused() {
    let project = Memory::new();
    let (first, second) = (project.release(400.0), project.release(412.0));
    let plan = project.plan(&first);
    let saved = std::fs::read(&plan).unwrap();
    project.deploy(&second);
    std::fs::write(&plan, saved).unwrap();
    let (exit, output) = project.run(&["deploy", "--plan", &plan]);
    assert_eq!(exit, Exit::DeploymentFailed);
    assert!(
        output.stderr().contains("make a new plan with `haute-cli plan --project "),
        "{}",
        output.stderr()
    );
    assert_eq!(project.world.serving().as_ref(), Some(second.release.digest()));
}

#[test]
fn a_plan_for_a_release_that_is_not_here_says_where_it_looked() {
    let project = Memory::new();
    let release = project.release(400.0);
    let plan = project.plan(&release);
    std::fs::remove_dir_all(project.store().releases()).unwrap();
    let (exit, output) = project.run(&["deploy", "--json", "--plan", &plan]);
    let result = result(&output, exit);
    assert_eq!(result["error"]["kind"], "not_found");
    assert!(result["error"]["context"]["directory"].as_str().unwrap().ends_with(".haute-cli"), "{result}");
    assert_eq!(result["release"], release.release.digest().as_str());
}

#[test]
fn a_damaged_release_is_never_deployed() {
    let project = Memory::new();
    let release = project.release(400.0);
    let plan = project.plan(&release);
    std::fs::write(release.release.directory().join("app.py"), "PREMIUM = 1\n").unwrap();
    let (exit, output) = project.run(&["deploy", "--plan", &plan]);
    assert_eq!(exit, Exit::DeploymentFailed);
    assert!(output.stderr().contains("app.py"), "{}", output.stderr());
    assert_eq!(project.world.serving(), None);
}

#[test]
fn what_is_no_plan_is_usage() {
    let project = Memory::new();
    let file = project.root().join("no.json");
    let path = file.to_str().unwrap();
    let mut seen = Vec::new();
    for text in [None, Some("{"), Some("{}"), Some("[]")] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let (exit, output) = project.run(&["deploy", "--plan", path]);
        assert_eq!(exit, Exit::Usage, "{text:?}: {}", output.stderr());
        assert!(output.stderr().contains("no.json"), "{}", output.stderr());
        seen.push(output.stderr());
    }
    assert!(seen[0].contains("cannot read the plan"), "{}", seen[0]);
}
