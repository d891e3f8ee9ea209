//! Haute's own tools against what we serve.

use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};

use crate::project::Project;
use crate::requirement::{Requirement, haute_python, test};

pub(crate) fn trials() -> Vec<Trial> {
    let needs = [Requirement::Python, Requirement::Haute];
    vec![
        test("haute::its_smoke_command_unmodified_passes", &needs, smoke),
        test("haute::it_loads_the_haute_toml_of_every_example", &[Requirement::Haute], lint),
    ]
}

fn haute(project: &Project, arguments: &[&str]) -> Output {
    let python = haute_python().expect("required");
    Command::new(python)
        .args(["-c", "import sys; from haute.cli import cli; sys.argv[0] = 'haute'; cli()"])
        .args(arguments)
        .current_dir(project.root())
        .output()
        .expect("haute starts")
}

fn smoke() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.deploy();
    project.edit("haute.toml", "endpoint_url = \"\"", &format!("endpoint_url = \"{}\"", project.url()));
    Command::new("git").args(["init", "-q"]).current_dir(project.root()).status()?;
    let output = haute(&project, &["smoke"]);
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "haute smoke failed:\n{text}");
    assert!(text.contains("golden.json"), "it asked the quotes:\n{text}");
    Ok(())
}

fn lint() -> Result<(), Failed> {
    for name in ["motor-pricing", "home-contents"] {
        let project = Project::example(name);
        Command::new("git").args(["init", "-q"]).current_dir(project.root()).status()?;
        let output = haute(&project, &["lint"]);
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "haute lint of {name} failed:\n{text}");
    }
    Ok(())
}
