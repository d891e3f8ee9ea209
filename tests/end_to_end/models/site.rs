//! A small project with a release that was built before, and the program run on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use haute_conformance::{make_release, prove};
use haute_test_databricks::{TOKEN, Workspace};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::project::Run;

const CONFIG: &str = r#"
[project]
name = "motor-pricing"
pipeline = "main.py"

[deploy]
target = "databricks"
model_name = "motor-pricing"
endpoint_name = "motor-pricing"
"#;

/// The project.
pub(crate) struct Site {
    directory: TempDir,
}

impl Site {
    /// A project with the releases `one` and `two`, which a workspace prices at 101.5 and 102.5.
    pub(crate) fn new() -> Self {
        let site = Self { directory: TempDir::new().expect("a directory") };
        std::fs::write(site.path().join("haute.toml"), CONFIG).expect("written");
        let source = "import haute\n\npipeline = haute.Pipeline(\"motor-pricing\")\n";
        std::fs::write(site.path().join("main.py"), source).expect("written");
        for (name, premium) in [("one", 101.5), ("two", 102.5)] {
            site.release(name, premium);
        }
        site
    }

    fn release(&self, name: &str, premium: f64) {
        let text = format!("premium = {premium:?}\n");
        let lock = "haute==0.6.0 \\\n    --hash=sha256:00\n";
        let files = [("project/main.py", text.as_str()), ("requirements.lock", lock)];
        let release =
            make_release(&self.path().join(name), "motor-pricing", "3.11", &files).expect("a release");
        let object = |value: Value| value.as_object().cloned().expect("an object");
        let quote = (object(json!({"id": 1})), object(json!({"premium": premium, "id": 1})));
        let proven = prove(release, &[quote]).expect("proven");
        let text = serde_json::to_vec(&proven.proof).expect("JSON");
        std::fs::write(self.proof(name), text).expect("written");
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn proof(&self, name: &str) -> PathBuf {
        self.path().join(format!("{name}.proof.json"))
    }

    /// `haute-cli` with `arguments` on the project, with nothing in its environment but `variables`.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haute-cli"));
        command
            .args(arguments)
            .arg("--project")
            .arg(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        Run::of(&self.command(arguments, variables).output().expect("haute-cli starts"))
    }

    /// `deploy` of the release `name`.
    pub(crate) fn deploy(&self, name: &str, workspace: &Workspace, more: &[&str]) -> Run {
        let output = self.deploying(name, workspace, more).output().expect("haute-cli starts");
        Run::of(&output)
    }

    /// The same, not started yet.
    pub(crate) fn deploying(&self, name: &str, workspace: &Workspace, more: &[&str]) -> Command {
        let release = self.path().join(name).display().to_string();
        let proof = self.proof(name).display().to_string();
        let words = ["deploy", "--release", &release, "--proof", &proof, "--yes", "--json"];
        let url = workspace.url.as_str();
        self.command(&[words.as_slice(), more].concat(), &variables(url))
    }
}

/// The variables that sign in at the workspace at `url`.
pub(crate) fn variables(url: &str) -> [(&str, &str); 4] {
    [
        ("DATABRICKS_MLFLOW_HOST", url),
        ("DATABRICKS_MLFLOW_TOKEN", TOKEN),
        ("DATABRICKS_RATING_HOST", url),
        ("DATABRICKS_RATING_TOKEN", TOKEN),
    ]
}

/// Fails if `secret` is in what a run said or in a file below `directory`.
#[track_caller]
pub(crate) fn expect_unseen(secret: &str, run: &Run, directory: &Path) {
    assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}{}", run.stdout, run.stderr);
    let mut looked = 0;
    for entry in walkdir::WalkDir::new(directory) {
        let entry = entry.expect("an entry");
        if entry.file_type().is_file() {
            looked += 1;
            let bytes = std::fs::read(entry.path()).expect("read");
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the secret is in {}", entry.path().display());
        }
    }
    assert!(looked > 0, "something was kept in {}", directory.display());
}
