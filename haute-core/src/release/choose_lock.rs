//! Chooses the lock of a release: the committed one, the one resolved before, or a new one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::lock::{Declared, Lock, LockRequest, Platform, distribution_of_import, normalise, resolve};
use super::{BuildOptions, Release, codes};
use crate::diagnostic::{Diagnostic, Report};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::lower::Lowered;
use crate::project::Project;
use crate::python::{Installer, Interpreter};
use crate::store::{Store, io_error, write_atomically};
use crate::target::Context;

/// The committed lock, at the root of the project.
const COMMITTED_LOCK: &str = "haute.lock";

/// The line of the committed lock that pins the base image.
const BASE: &str = "# base ";

/// What the release needs beside what the project declares and serving adds: model libraries and imported modules.
pub(super) fn needed(declared: &Declared, lowered: &Lowered, report: &mut Report) -> BTreeSet<String> {
    let mut needed: BTreeSet<String> = lowered.model_distributions.iter().cloned().collect();
    for module in &lowered.imports {
        let distribution = distribution_of_import(module);
        let comes_with_haute = matches!(
            normalise(distribution).as_str(),
            "haute" | "polars" | "numpy" | "pyarrow" | "orjson" | "pydantic" | "joblib" | "packaging"
        );
        if comes_with_haute {
            continue;
        }
        let named = declared
            .names(distribution)
            .then_some(distribution)
            .or_else(|| declared.names(module).then_some(module.as_str()));
        match named {
            Some(name) => {
                needed.insert(normalise(name));
            }
            None => report.push(
                Diagnostic::error(
                    codes::IMPORT_NOT_PROVIDED,
                    format!("the pipeline imports `{module}`, which no declared dependency provides"),
                )
                .help(format!(
                    "add `{distribution}` to the dependencies in pyproject.toml or requirements.txt"
                )),
            ),
        }
    }
    needed
}

/// The lock: the committed one where it is of these very inputs, else the one resolved for them before, else a new one.
pub(super) async fn locked(
    context: &Context,
    project: &Project,
    store: &Store,
    interpreter: &Interpreter,
    options: &BuildOptions,
    request: &LockRequest<'_>,
) -> Result<Lock> {
    let inputs = request.digest();
    let committed = fs::read_to_string(project.root().join(COMMITTED_LOCK)).ok();
    if let Some(text) = &committed {
        if text.lines().next().is_some_and(|line| line.ends_with(inputs.as_str())) {
            return Ok(Lock::parse(&without_header(text)));
        }
        if !options.frozen {
            context.events.emit(&Event::Warning {
                message: format!("`{COMMITTED_LOCK}` is of other dependencies, another Python or another platform; it is passed over"),
                help: Some("run `haute-cli build --write-lock` and commit the file".to_owned()),
            });
        }
    }
    if options.frozen {
        let what =
            if committed.is_some() { "is not of the project's present dependencies" } else { "is not there" };
        return Err(Error::new(
            ErrorKind::BuildFailed,
            format!("--frozen takes the lock from `{COMMITTED_LOCK}`, which {what}"),
        )
        .with_hint("run `haute-cli build --write-lock` and commit the file"));
    }
    let kept = store.dependency_lock_path(&inputs);
    if let Ok(text) = fs::read_to_string(&kept) {
        return Ok(Lock::parse(&text));
    }
    let installer = Installer::find(context, project.variables(), options.installer, interpreter).await?;
    let work = tempfile::tempdir().map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot make a directory to resolve in").with_source(source)
    })?;
    let lock = resolve(context, project.variables(), &installer, interpreter, request, work.path()).await?;
    store.write(&kept, lock.text.as_bytes())?;
    Ok(lock)
}

/// A base image as the committed lock pins it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockedBase {
    /// Its whole name, as configured: `docker.io/library/python:3.11-slim`.
    pub image: String,
    /// What it runs on.
    pub platform: Platform,
    /// The digest of its manifest for the platform.
    pub digest: Digest,
}

impl LockedBase {
    /// The image `image` for `platform` is the one with `digest`.
    pub fn new(image: impl Into<String>, platform: Platform, digest: Digest) -> Self {
        Self { image: image.into(), platform, digest }
    }
}

/// The digest that the committed lock of the project at `root` pins the base `image` for `platform` to; `None` where it
/// says nothing of it.
pub fn locked_base(root: &Path, image: &str, platform: Platform) -> Option<Digest> {
    let text = fs::read_to_string(root.join(COMMITTED_LOCK)).ok()?;
    text.lines().filter_map(|line| line.strip_prefix(BASE)).find_map(|line| {
        let mut words = line.split_whitespace();
        let fits = words.next() == Some(image) && words.next() == Some(platform.as_str());
        words.next().filter(|_| fits).and_then(Digest::parse)
    })
}

/// Whether the committed lock of the project at `root` pins the base `image`, as `haute.toml` writes it: the lock has the whole
/// name, with a registry that may be left out.
pub(crate) fn base_is_locked(root: &Path, image: &str) -> bool {
    let Ok(text) = fs::read_to_string(root.join(COMMITTED_LOCK)) else { return false };
    text.lines().filter_map(|line| line.strip_prefix(BASE)).any(|line| {
        let name = line.split_whitespace().next().unwrap_or_default();
        // Without a name the default is meant, and whatever the lock pins was resolved from it.
        image.is_empty() || name == image || name.strip_suffix(image).is_some_and(|rest| rest.ends_with('/'))
    })
}

/// The lock as it goes into a release: without what the committed file says about itself and about the base.
fn without_header(text: &str) -> String {
    let lines = text.lines().skip(1).filter(|line| !line.starts_with(BASE));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// Writes `haute.lock`: the lock of `release`, with the inputs it is of, for committing.
///
/// # Errors
/// When the file cannot be written.
pub fn write_committed_lock(
    project: &Project,
    release: &Release,
    inputs: &Digest,
    base: Option<&LockedBase>,
) -> Result<PathBuf> {
    let path = project.root().join(COMMITTED_LOCK);
    let base = base.map_or_else(String::new, |base| {
        format!("{BASE}{} {} {}\n", base.image, base.platform.as_str(), base.digest)
    });
    let text = format!("# inputs {inputs}\n{base}{}", release.lock()?);
    write_atomically(&path, text.as_bytes()).map_err(|error| io_error("write", &path, error))?;
    Ok(path)
}
