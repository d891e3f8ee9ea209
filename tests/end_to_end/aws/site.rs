//! A clone of the project that deploys to a service of the fake.

use std::path::PathBuf;
use std::process::Command;

use haute_aws_fake::AwsFake;
use tempfile::TempDir;

use crate::images::lab::{Built, Lab, git};
use crate::images::site::{clean, deploy_arguments, run};
use crate::project::Run;

pub(crate) const CLUSTER: &str = "pricing";
pub(crate) const SERVICE: &str = "motor-pricing";

/// A clone in a directory of its own: nothing of an earlier deploy is in it but what the world remembers.
pub(crate) struct Site {
    directory: TempDir,
    variables: Vec<(String, String)>,
    registry: String,
}

impl Site {
    pub(crate) fn new(lab: &Lab, fake: &AwsFake) -> Self {
        let directory = TempDir::new().expect("a directory");
        let (from, to) = (lab.project().display().to_string(), directory.path().join("project"));
        git(directory.path(), &["clone", "-q", &from, &to.display().to_string()]);
        std::fs::write(to.join(".git/info/exclude"), "haute.aws.toml\n").expect("written");
        let mut variables = fake.variables();
        let home = directory.path().join("home").display().to_string();
        for (name, value) in [
            // Neither this machine's profiles nor its Docker configuration are part of a test.
            ("HOME", home.as_str()),
            ("DOCKER_CONFIG", home.as_str()),
            ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
        ] {
            variables.push((name.to_owned(), value.to_owned()));
        }
        if let Some(cache) = std::env::var_os("HAUTE_CLI_CACHE") {
            variables.push(("HAUTE_CLI_CACHE".to_owned(), cache.to_string_lossy().into_owned()));
        }
        Self { directory, variables, registry: fake.registry().to_owned() }
    }

    /// Writes the overlay: the image upon `base`, and more lines for `[deploy.aws-ecs]`.
    pub(crate) fn overlay(&self, base: &str, more: &str) {
        let text = format!(
            "[deploy]\ntarget = \"aws-ecs\"\n\n\
             [deploy.container]\nregistry = \"{}\"\nport = 8080\nbase_image = \"{base}\"\nbuilder = \"direct\"\n\n\
             [deploy.aws-ecs]\nregion = \"eu-west-1\"\ncluster = \"{CLUSTER}\"\nservice = \"{SERVICE}\"\n{more}\n",
            self.registry
        );
        std::fs::write(self.project().join("haute.aws.toml"), text).expect("written");
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// The program on this clone, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haute-cli"));
        clean(command.args(arguments));
        command.arg("--project").arg(self.project()).args(["--env", "aws"]);
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Deploys a release that was built before.
    pub(crate) fn deploy(&self, built: &Built) -> Run {
        let words = deploy_arguments(built);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&words)
    }
}
