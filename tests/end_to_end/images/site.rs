//! A clone of the project that deploys to a place of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::lab::{Built, Lab, git};
use crate::project::Run;

/// A clone in a directory of its own, with an overlay git does not see.
pub(crate) struct Site {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Site {
    /// A clone that pushes below `registry`, on `base`, with further lines for `[deploy.container]`.
    pub(crate) fn new(lab: &Lab, registry: &str, base: &str, settings: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let site = Self { directory, variables: Vec::new() };
        let none = site.directory.path().join("no-docker-configuration").display().to_string();
        let site = site.with("DOCKER_CONFIG", &none);
        let project = site.project();
        let (from, to) = (lab.project().display().to_string(), project.display().to_string());
        git(site.directory.path(), &["clone", "-q", &from, &to]);
        let origin = git(&lab.project(), &["config", "--get", "remote.origin.url"]);
        git(&project, &["remote", "set-url", "origin", &origin]);
        std::fs::write(project.join(".git/info/exclude"), "haute.images.toml\n").expect("written");
        site.overlay(&format!("registry = \"{registry}\"\nbase_image = \"{base}\"\n{settings}\n"));
        site.with("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    }

    /// Replaces `[deploy.container]` of the overlay.
    pub(crate) fn overlay(&self, container: &str) {
        std::fs::write(self.project().join("haute.images.toml"), format!("[deploy.container]\n{container}"))
            .expect("written");
    }

    /// Sets a variable for every run.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn project(&self) -> std::path::PathBuf {
        self.directory.path().join("project")
    }

    /// The program on this clone, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haute-cli"));
        self.on_this(clean(command.args(arguments)));
        command
    }

    /// Adds what says which project, and under which variables.
    pub(crate) fn on_this(&self, command: &mut Command) {
        command.arg("--project").arg(self.project()).args(["--env", "images"]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        finish(&mut self.command(arguments))
    }

    /// Deploys a release that was built before.
    pub(crate) fn deploy(&self, built: &Built) -> Run {
        self.deploy_with(built, &[])
    }

    pub(crate) fn deploy_with(&self, built: &Built, arguments: &[&str]) -> Run {
        let words = deploy_arguments(built);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        self.run(&words)
    }
}

/// `deploy` of a release that was built before, its events as JSON.
pub(crate) fn deploy_arguments(built: &Built) -> Vec<String> {
    let (release, proof) = (built.directory.display().to_string(), built.proof.display().to_string());
    ["deploy", "--release", &release, "--proof", &proof, "--yes", "--json"].map(str::to_owned).into()
}

/// Takes away what this machine or its CI may have set.
pub(crate) fn clean(command: &mut Command) -> &mut Command {
    for name in [
        "CI",
        "GITHUB_ACTIONS",
        "DOCKER_USERNAME",
        "DOCKER_PASSWORD",
        "SOURCE_DATE_EPOCH",
        "HAUTE_MODEL_NAME",
        "HAUTE_TARGET",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a call of the program to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    finish(clean(command))
}

fn finish(command: &mut Command) -> Run {
    let output = command.stdin(Stdio::null()).output().expect("haute-cli starts");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
