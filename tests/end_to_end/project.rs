//! A project in a directory of its own, and the program run on it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The root of this repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder of the repository")
        .to_owned()
}

/// A copy of a project. What serves from it is stopped when it goes.
pub(crate) struct Project {
    directory: TempDir,
    pub(crate) port: u16,
}

/// What a run of the program came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The run itself, when it ended with `code`; a panic that shows everything else.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// The last JSON line, which must be the result.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        let lines: Vec<Value> = self
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("`{line}` is not JSON: {error}\n{}", self.stderr))
            })
            .collect();
        let results = lines.iter().filter(|line| line["type"] == "result").count();
        assert_eq!(results, 1, "one result line, in {}\n{}", self.stdout, self.stderr);
        let last = lines.last().expect("a line").clone();
        assert_eq!(last["type"], "result", "the result is the last line");
        assert_eq!(last["exit_code"], self.code, "the result line tells the exit code");
        last
    }
}

impl Project {
    /// A copy of `examples/projects/<name>`.
    pub(crate) fn example(name: &str) -> Self {
        Self::copy_of(&repository().join("examples/projects").join(name))
    }

    /// A copy of `tests/projects/<name>`.
    pub(crate) fn test_project(name: &str) -> Self {
        Self::copy_of(&repository().join("tests/projects").join(name))
    }

    fn copy_of(source: &Path) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        for entry in
            walkdir::WalkDir::new(source).into_iter().filter_entry(|entry| entry.file_name() != ".haute-cli")
        {
            let entry = entry.unwrap_or_else(|error| panic!("{}: {error}", source.display()));
            let target = directory.path().join(entry.path().strip_prefix(source).expect("below the source"));
            if entry.file_type().is_dir() {
                fs::create_dir_all(&target).expect("a directory");
            } else {
                fs::copy(entry.path(), &target).expect("a copy");
            }
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let project = Self { directory, port };
        project.write("haute.e2e.toml", &format!("[deploy.local]\nport = {port}\n"));
        project
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Replaces text that must be there.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "`{from}` is in {path}");
        self.write(path, &text.replacen(from, to, 1));
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.root().join(path)).expect("removed");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Runs `haute-cli` on the project.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// The same, with variables set.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_haute-cli"));
        command.args(arguments).arg("--project").arg(self.root()).args(["--env", "e2e"]).stdin(Stdio::null());
        for ci in ["CI", "GITHUB_ACTIONS", "HAUTE_MODEL_NAME", "HAUTE_TARGET"] {
            command.env_remove(ci);
        }
        command.envs(variables.iter().copied());
        Run::of(&command.output().expect("haute-cli starts"))
    }

    /// Deploys to this machine, and gives the result line.
    #[track_caller]
    pub(crate) fn deploy(&self) -> Value {
        self.run(&["deploy", "--target", "local", "--json"]).expect(0).result()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if self.root().join(".haute-cli/local").exists() {
            let stopped = self.run(&["stop", "--target", "local", "--quiet"]);
            assert!(
                stopped.code == 0 || std::thread::panicking(),
                "stop ended with {}: {}",
                stopped.code,
                stopped.stderr
            );
        }
    }
}
