//! A target of one's own: the release as a folder that something else serves from, switched by a link.
//!
//! It shows the whole contract of [`DeployTarget`] on the smallest world there is: `releases/<digest>` and a link
//! `current` to one of them. The engine brings order, journal, retries, resume, records and verification.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use haute_core::diagnostic::Diagnostic;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::{Action, Change, Goal, Plan, Step};
use haute_core::project::Project;
use haute_core::target::{
    Capabilities, Context, DeployTarget, Deployment, Finding, FindingLevel, PlanRequest, Readiness,
    StepOutcome, StepRequest, TargetFactory, TargetInfo,
};
use haute_core::verify::QuoteService;
use serde::{Deserialize, Serialize};

/// `[deploy.folder]`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct FolderConfig {
    path: String,
}

/// Registers the target.
struct FolderFactory;

impl TargetFactory for FolderFactory {
    fn name(&self) -> &'static str {
        "folder"
    }

    fn tables(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[("folder", &["path"])]
    }

    fn bind(&self, project: &Project) -> std::result::Result<Arc<dyn DeployTarget>, Vec<Diagnostic>> {
        let config: FolderConfig = project.config().table("deploy.folder")?;
        let path = if config.path.is_empty() { "served" } else { &config.path };
        Ok(Arc::new(Folder { root: project.root().join(path) }))
    }
}

struct Folder {
    root: PathBuf,
}

impl Folder {
    fn release(&self, digest: &Digest) -> PathBuf {
        self.root.join("releases").join(digest.hex())
    }

    /// The release `current` points at.
    fn current(&self) -> Result<Option<Digest>> {
        match fs::read_link(self.root.join("current")) {
            Ok(link) => Ok(link
                .file_name()
                .and_then(|name| Digest::parse(&format!("sha256:{}", name.to_string_lossy())))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(world("read", &self.root, error)),
        }
    }
}

fn world(verb: &str, path: &Path, source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot {verb} `{}`", path.display())).with_source(source)
}

#[async_trait]
impl DeployTarget for Folder {
    fn info(&self) -> TargetInfo {
        let capabilities = Capabilities::none().with_rollback().with_remove();
        TargetInfo::new("folder", "a folder", self.root.display().to_string(), capabilities)
    }

    async fn preflight(&self, _context: &Context) -> Result<Vec<Finding>> {
        let exists = self.root.is_dir();
        let found = if exists { "is there" } else { "will be made" };
        Ok(vec![Finding::new("folder", FindingLevel::Ok, format!("`{}` {found}", self.root.display()))])
    }

    async fn plan(&self, _context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        let serving = self.current()?;
        let wanted = match request.goal {
            Goal::Deploy => request.release.map(|proven| proven.release.digest().clone()),
            Goal::Rollback { to } => to.clone(),
            _ => None,
        };
        let fingerprint = Digest::of(serving.as_ref().map_or("none", Digest::as_str));
        let mut plan = Plan::new("folder", self.info().address, request.goal.clone(), fingerprint);
        plan.serving.clone_from(&serving);
        plan.release.clone_from(&wanted);
        if wanted == serving {
            return Ok(plan);
        }
        if let Some(digest) = wanted.as_ref().filter(|digest| !self.release(digest).exists()) {
            plan.steps.push(Step::new("copy", format!("Copy release {}", digest.short()), Action::Create));
        }
        let text = |digest: &Option<Digest>| digest.as_ref().map(|digest| digest.short().to_owned());
        let change = Change::new("current", text(&serving), text(&wanted));
        plan.steps.push(Step::new("switch", "Point `current` at it", Action::Update).with_change(change));
        Ok(plan)
    }

    async fn apply_step(&self, _context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        let current = self.root.join("current");
        match (request.step.id.as_str(), &request.plan.release) {
            ("copy", Some(digest)) => {
                let proven = request.release.ok_or_else(|| Error::bug("a copy without a release"))?;
                let target = self.release(digest);
                // Whole or not at all: an interrupted copy is made again under the same passing name.
                let passing = target.with_extension("copying");
                copy_folder(proven.release.directory(), &passing)
                    .map_err(|error| world("copy to", &passing, error))?;
                fs::rename(&passing, &target).map_err(|error| world("place", &target, error))?;
            }
            ("switch", Some(digest)) => {
                let passing = self.root.join(".current");
                drop(fs::remove_file(&passing));
                link(&Path::new("releases").join(digest.hex()), &passing)
                    .map_err(|error| world("link", &passing, error))?;
                fs::rename(&passing, &current).map_err(|error| world("switch", &current, error))?;
            }
            ("switch", None) => match fs::remove_file(&current) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(world("remove", &current, error));
                }
                _ => {}
            },
            (other, _) => return Err(Error::bug(format!("no step `{other}`"))),
        }
        Ok(StepOutcome::default())
    }

    async fn poll(&self, _context: &Context, _request: StepRequest<'_>) -> Result<Readiness> {
        Ok(Readiness::Ready)
    }

    async fn status(&self, _context: &Context) -> Result<Deployment> {
        Ok(self.current()?.map_or_else(Deployment::nothing, |digest| Deployment::serving(Some(digest), None)))
    }

    fn service(&self, _deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        Ok(None)
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_to: &Path, _at: &Path) -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "links need a Unix system"))
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    let entries: BTreeMap<_, _> =
        fs::read_dir(from)?.filter_map(|entry| entry.ok().map(|e| (e.file_name(), e.path()))).collect();
    for (name, path) in entries {
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    haute_cli::Runner::new().register(FolderFactory).run(std::env::args_os(), haute_cli::Io::process()).into()
}
