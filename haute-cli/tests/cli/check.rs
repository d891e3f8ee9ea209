//! `check` on projects with mistakes.

use haute_cli::Exit;

use crate::support::{result, run};

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

const WRONG: &str = "[project]\nname = \"motor\"\npipelin = \"main.py\"\n\n[deploy]\ntarget = \"aws-esc\"\n\n[deploy.container]\nport = \"80\"\n";
const EMPTY: &str = "import haute\n\npipeline = haute.Pipeline(\"motor\")\n";

#[test]
fn every_mistake_is_shown_at_its_place_with_what_was_meant() {
    let project = project(&[("haute.toml", WRONG), ("main.py", EMPTY)]);
    let root = project.path().to_str().unwrap();
    let (exit, output) = run(&["check", "--project", root]);
    assert_eq!(exit, Exit::CheckFailed);
    assert_eq!(output.stdout(), "");
    let text = output.stderr().replace(root, "<project>");
    assert!(text.contains("did you mean `pipeline`?") && text.contains("did you mean `aws-ecs`?"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn json_gives_every_diagnostic_with_file_line_and_column() {
    let project = project(&[("haute.toml", WRONG), ("main.py", EMPTY)]);
    let (exit, output) = run(&["check", "--json", "--project", project.path().to_str().unwrap()]);
    let result = result(&output, exit);
    assert_eq!(result["exit_code"], 3);
    assert_eq!(result["errors"].as_u64().unwrap(), result["diagnostics"].as_array().unwrap().len() as u64);
    let typo = result["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["message"].as_str().unwrap().contains("pipelin"));
    let label = &typo.unwrap()["labels"][0];
    assert_eq!((label["line"].as_u64(), label["column"].as_u64()), (Some(3), Some(1)), "{label}");
    assert_eq!(output.stderr(), "");
}

#[test]
fn no_project_is_said_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    for command in [
        "check", "build", "prove", "plan", "deploy", "resume", "status", "history", "rollback", "stop",
        "smoke",
    ] {
        let (exit, output) = run(&[command, "--project", directory.path().to_str().unwrap()]);
        assert_eq!(exit, Exit::CheckFailed, "{command}");
        assert!(output.stderr().contains("haute.toml"), "{command}: {}", output.stderr());
        let (exit, output) = run(&[command, "--json", "--project", directory.path().to_str().unwrap()]);
        assert_eq!(result(&output, exit)["outcome"], "failed", "{command}");
    }
}
