//! What the tests of images share.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use haute_test_services::{BaseImage, Registry, RegistryOptions};
use serde_json::Value;
use tempfile::TempDir;

use super::pushed::Pushed;
use super::site::Site;
use crate::project::Project;

/// The lab, set up by the first test that needs it and taken down after the last.
#[derive(Default)]
pub(crate) struct Bench(OnceLock<Lab>);

impl Bench {
    pub(crate) fn lab(&self) -> &Lab {
        self.0.get_or_init(Lab::new)
    }
}

/// A registry, a base in it, a project under version control, and its release.
pub(crate) struct Lab {
    pub(crate) registry: Registry,
    /// A base that runs nothing, of a few bytes, in the registry.
    pub(crate) base: String,
    pub(crate) release: Built,
    home: TempDir,
    changed: OnceLock<Built>,
    first: OnceLock<(Site, Pushed)>,
}

/// A release and its proof.
pub(crate) struct Built {
    pub(crate) digest: String,
    pub(crate) directory: PathBuf,
    pub(crate) proof: PathBuf,
}

impl Built {
    /// The proof, read.
    pub(crate) fn quotes(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.proof).expect("a proof");
        let proof: Value = serde_json::from_str(&text).expect("JSON");
        proof["quotes"].as_array().expect("quotes").clone()
    }

    /// The release's manifest, read.
    pub(crate) fn manifest(&self) -> Value {
        let text = std::fs::read_to_string(self.directory.join("manifest.json")).expect("a manifest");
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Lab {
    fn new() -> Self {
        let registry = Registry::start(RegistryOptions::plain()).expect("a registry");
        let base = BaseImage::tiny("amd64").expect("a base");
        let base = base.push_to(&registry, "base/tiny", "1").expect("pushed").to_string();
        let home = TempDir::new().expect("a directory");
        let project = Project::example("motor-pricing");
        project.remove("haute.e2e.toml");
        copy(project.root(), &home.path().join("project"));
        commit(&home.path().join("project"));
        let release = build(&home.path().join("project"), &home.path().join("one"));
        Self { registry, base, release, home, changed: OnceLock::new(), first: OnceLock::new() }
    }

    /// The project, as it is committed.
    pub(crate) fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    /// The release after a change of the code that changes no price.
    pub(crate) fn changed(&self) -> &Built {
        self.changed.get_or_init(|| {
            let project = self.home.path().join("changed");
            copy(&self.project(), &project);
            let source = project.join("rating/utility/loadings.py");
            let text = std::fs::read_to_string(&source).expect("a source");
            let changed = text.replace("31.75", "31.750");
            assert_ne!(text, changed);
            std::fs::write(&source, changed).expect("written");
            let built = build(&project, &self.home.path().join("two"));
            assert_ne!(built.digest, self.release.digest, "the change is in the release");
            built
        })
    }

    /// The registry and a path in it: where a test puts its images.
    pub(crate) fn place(&self, team: &str) -> String {
        format!("{}/{team}", self.registry.address())
    }

    /// The release pushed once by the direct builder, for tests that only look at what came of it.
    pub(crate) fn first(&self) -> &(Site, Pushed) {
        self.first.get_or_init(|| {
            let site = Site::new(self, &self.place("first"), &self.base, "builder = \"direct\"");
            let run = site.deploy(&self.release).expect(0);
            let pushed = Pushed::of(&run);
            (site, pushed)
        })
    }
}

/// Builds and proves.
pub(crate) fn build(project: &Path, to: &Path) -> Built {
    let directory = to.join("release");
    let proof = to.join("proof.json");
    let text = |path: &Path| path.display().to_string();
    let run = |arguments: &[&str]| {
        let run = super::site::run(Command::new(env!("CARGO_BIN_EXE_haute-cli")).args(arguments).args([
            "--json",
            "--project",
            &text(project),
        ]));
        run.expect(0).result()
    };
    let built = run(&["build", "--output", &text(&directory)]);
    run(&["prove", "--release", &text(&directory), "--out", &text(&proof)]);
    Built { digest: built["release"].as_str().expect("a digest").to_owned(), directory, proof }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().filter_entry(|entry| entry.file_name() != ".git") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target).expect("a directory");
        } else {
            std::fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// Puts a project under version control, in one commit that is the same on every machine.
pub(crate) fn commit(project: &Path) {
    git(project, &["init", "-q"]);
    git(project, &["add", "-A"]);
    git(project, &["commit", "-q", "-m", "prices"]);
    git(
        project,
        &["remote", "add", "origin", "https://user:canary-of-the-remote@git.example.test/pricing/motor.git"],
    );
}

pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let date = "2026-11-20T12:00:00Z";
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(directory)
        .envs([("GIT_AUTHOR_DATE", date), ("GIT_COMMITTER_DATE", date)])
        .output()
        .expect("git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
