//! A checked project becomes a release.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::assemble::{Files, set_mode};
use super::choose_lock::{locked, needed};
use super::dockerfile::dockerfile;
use super::input::{columns_of_quotes, mark_columns};
use super::lock::{Lock, LockRequest, Platform, read_declared};
use super::manifest::{Limits, Manifest, OutputEntry, PipelineEntry, QuotesEntry, RELEASE_SCHEMA, canonical};
use super::observe::{Observation, observe};
use super::{MANIFEST, Release};
use super::{host_lock, leave_out};
use crate::diagnostic::Report;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::lower::{Lowered, lower};
use crate::pipeline::Checked;
use crate::project::Project;
use crate::python::{EnvironmentCache, InstallerChoice, Interpreter, PythonVersion, find_interpreter};
use crate::quotes::TestQuote;
use crate::store::Store;
use crate::target::Context;

/// How to build.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildOptions {
    /// Where environments are kept.
    pub environments: EnvironmentCache,
    /// Which installer resolves the lock.
    pub installer: InstallerChoice,
    /// Where the release will run.
    pub platform: Platform,
    /// The Python it will run on; `None` takes the first one found.
    pub python: Option<PythonVersion>,
    /// Build for the Python that is there where the configured one is not: for a release that only runs on this machine.
    pub any_python: bool,
    /// Take the lock from `haute.lock` as it is, or fail.
    pub frozen: bool,
}

impl BuildOptions {
    /// Builds for this machine's platform.
    pub fn new(environments: EnvironmentCache, platform: Platform) -> Self {
        Self {
            environments,
            installer: InstallerChoice::Auto,
            platform,
            python: None,
            any_python: false,
            frozen: false,
        }
    }
}

/// What a build came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Built {
    /// The release.
    pub release: Release,
    /// Whether it was there already, byte for byte.
    pub unchanged: bool,
    /// The digest of what the lock was resolved from: what [`write_committed_lock`](super::write_committed_lock) writes beside it.
    pub lock_inputs: Digest,
}

/// Builds a release below the project's state directory.
///
/// Same project, same lock, same bytes: a release that is there already is found, not written. Cancelled or killed at
/// any time, it leaves no half release: the directory appears under its digest when it is whole.
///
/// # Errors
/// [`ErrorKind::CheckFailed`] when lowering or the dependencies have mistakes (they are in `report`);
/// [`ErrorKind::BuildFailed`], [`ErrorKind::NotFound`] (no interpreter), [`ErrorKind::Cancelled`].
pub async fn build(
    context: &Context,
    project: &Project,
    checked: &Checked,
    quotes: &[TestQuote],
    options: &BuildOptions,
    report: &mut Report,
) -> Result<Built> {
    let store = Store::new(project.root());
    store.create()?;
    let interpreter = interpreter(context, project, options).await?;
    let declared = read_declared(project.root(), report);
    require_clean(report)?;
    let assumed = declared.pinned("haute").unwrap_or("0.6.0").to_owned();
    let first = lower(project, checked, &assumed, report)
        .filter(|_| !report.has_errors())
        .ok_or_else(failed_check)?;
    let needed = needed(&declared, &first, report);
    require_clean(report)?;
    let request = LockRequest::new(&declared, needed, interpreter.version, options.platform);
    tell(context, 1, "resolving the dependencies");
    let lock = locked(context, project, &store, &interpreter, options, &request).await?;
    let version = lock.haute().unwrap_or(&assumed).to_owned();
    let lowered = if version == assumed {
        first
    } else {
        lower(project, checked, &version, report).filter(|_| !report.has_errors()).ok_or_else(failed_check)?
    };

    let releases = store.releases();
    fs::create_dir_all(&releases).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot make the directory for releases").with_source(source)
    })?;
    let staging = tempfile::Builder::new().prefix(".building-").tempdir_in(&releases).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot make a directory to build in").with_source(source)
    })?;
    let mut manifest = draft(project, &lowered, &version, &interpreter, options.platform, quotes);
    let mut files = Files::new(lowered.files);
    files.add("requirements.lock", lock.text.clone());
    files.add(&manifest.quotes.file, quotes_text(quotes)?);
    let container = &project.config().deploy.container;
    files.add("Dockerfile", dockerfile(&container.base_image, &manifest, container.port));
    manifest.files = files.write(staging.path())?;
    write_manifest(staging.path(), &manifest)?;

    let observation =
        observed(context, project, &store, staging.path(), &manifest, &lock, options, &interpreter).await?;
    if container.leave_out_unused {
        let kept = container.keep.iter().map(String::as_str);
        let asked_for = request.needed.iter().map(String::as_str).chain(declared.direct()).chain(kept);
        manifest.unused_distributions =
            leave_out::unused(&observation.imports, &lock, &leave_out::named(asked_for));
        manifest.unused_modules = leave_out::modules(&observation.imports, &manifest.unused_distributions);
    }
    manifest.scoring = Some(observation.scoring);
    mark_columns(&mut manifest.input, &observation.input_nullable, "nullable");
    mark_columns(&mut manifest.input, &observation.input_widened, "widen");
    write_manifest(staging.path(), &manifest)?;
    place(staging, &releases, &manifest, request.digest())
}

/// Which of the long parts of a build begins.
fn tell(context: &Context, part: u64, activity: &str) {
    let (activity, unit) = (activity.to_owned(), "parts".to_owned());
    context.events.emit(&Event::Progress { activity, done: part, total: Some(3), unit });
}

fn failed_check() -> Error {
    Error::new(ErrorKind::CheckFailed, "the project cannot be released as it is")
        .with_hint("the diagnostics say where and why; nothing was changed")
}

fn require_clean(report: &Report) -> Result<()> {
    if report.has_errors() { Err(failed_check()) } else { Ok(()) }
}

async fn interpreter(context: &Context, project: &Project, options: &BuildOptions) -> Result<Interpreter> {
    let found = find_interpreter(context, project.variables(), options.python).await;
    match (found, options.python) {
        (Err(error), Some(wanted)) if options.any_python && error.kind() == ErrorKind::NotFound => {
            let other = find_interpreter(context, project.variables(), None).await?;
            context.events.emit(&Event::Warning {
                message: format!("Python {wanted} is not here; this release is for Python {}, and is another one than the container's", other.version),
                help: Some(format!("install Python {wanted} to serve the very same release here")),
            });
            Ok(other)
        }
        (found, _) => found,
    }
}

fn draft(
    project: &Project,
    lowered: &Lowered,
    haute: &str,
    interpreter: &Interpreter,
    platform: Platform,
    quotes: &[TestQuote],
) -> Manifest {
    let config = project.config();
    let serving = &config.deploy.serving;
    let mut input = serde_json::to_value(&lowered.input).unwrap_or_else(|_| json!({}));
    if let Some(input) = input.as_object_mut() {
        let flat = input.get("mode").and_then(Value::as_str) == Some("flat");
        input.insert(
            "columns".to_owned(),
            Value::Array(if flat { columns_of_quotes(quotes) } else { Vec::new() }),
        );
    }
    Manifest {
        schema: RELEASE_SCHEMA.to_owned(),
        name: config.deploy.model_name.clone(),
        haute: haute.to_owned(),
        python: interpreter.version.to_string(),
        platform: platform.as_str().to_owned(),
        pipeline: PipelineEntry {
            file: lowered.pipeline_file.clone(),
            directory: lowered.directory.clone(),
            name: lowered.name.clone(),
            nodes: lowered.nodes.clone(),
            output_node: lowered.output_node.clone(),
            output_fields: config.deploy.output_fields.clone(),
        },
        input,
        output: OutputEntry { mapping: lowered.output_mapping.clone() },
        scoring: None,
        limits: Limits::new(
            serving.body_limit_bytes,
            serving.row_limit,
            serving.depth_limit,
            serving.deadline_seconds,
            serving.queue_limit,
        ),
        docs: serving.docs,
        files: Vec::new(),
        quotes: QuotesEntry { file: "quotes.json".to_owned() },
        unused_distributions: Vec::new(),
        unused_modules: BTreeMap::new(),
    }
}

fn quotes_text(quotes: &[TestQuote]) -> Result<String> {
    let quotes: Vec<Value> = quotes
        .iter()
        .map(|quote| json!({"id": quote.id, "input": quote.input, "expected": quote.expected, "tolerance_pct": quote.tolerance_pct}))
        .collect();
    serde_json::to_string_pretty(&quotes)
        .map(|text| text + "\n")
        .map_err(|source| Error::bug("the quotes cannot be written").with_source(source))
}

fn write_manifest(directory: &Path, manifest: &Manifest) -> Result<()> {
    let path = directory.join(MANIFEST);
    fs::write(&path, manifest.to_bytes()?).and_then(|()| set_mode(&path, 0o644)).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot write the release's manifest").with_source(source)
    })
}

#[expect(clippy::too_many_arguments, reason = "the parts of one build, passed on to its longest step")]
async fn observed(
    context: &Context,
    project: &Project,
    store: &Store,
    staging: &Path,
    manifest: &Manifest,
    lock: &Lock,
    options: &BuildOptions,
    interpreter: &Interpreter,
) -> Result<Observation> {
    let key = Digest::of([manifest.to_bytes()?, interpreter.full_version.clone().into_bytes()].concat());
    let kept = store.observation_path(&key);
    if let Some(observation) = fs::read(&kept).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(observation);
    }
    tell(context, 2, "installing the dependencies");
    let elsewhere = !host_lock::is_of_host(Some(options.platform));
    let lock = if elsewhere {
        let (variables, choice) = (project.variables(), options.installer);
        &host_lock::for_host(context, variables, store, lock, choice, interpreter).await?
    } else {
        lock
    };
    let environment = options.environments.ensure(context, &lock.text, interpreter.version).await?;
    tell(context, 3, "scoring the test quotes");
    let observation = observe(context, project.variables(), &environment.python, staging).await?;
    let value = serde_json::to_value(&observation)
        .map_err(|source| Error::bug("the observation cannot be kept").with_source(source))?;
    store.write(&kept, &canonical(&value))?;
    Ok(observation)
}

fn place(
    staging: tempfile::TempDir,
    releases: &Path,
    manifest: &Manifest,
    lock_inputs: Digest,
) -> Result<Built> {
    let digest = Digest::of(manifest.to_bytes()?);
    let directory = releases.join(digest.hex());
    if directory.join(MANIFEST).is_file() {
        match Release::open(&directory) {
            Ok(release) => return Ok(Built { release, unchanged: true, lock_inputs }),
            Err(_) => fs::remove_dir_all(&directory).map_err(|source| {
                Error::new(ErrorKind::BuildFailed, "cannot replace a damaged release")
                    .with_context("directory", directory.display().to_string())
                    .with_source(source)
            })?,
        }
    }
    set_mode(staging.path(), 0o755).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot finish the release").with_source(source)
    })?;
    fs::rename(staging.path(), &directory).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot put the release in its place").with_source(source)
    })?;
    // Renamed: there is nothing left to clean up under the old name.
    let _old = staging.keep();
    Ok(Built { release: Release::open(&directory)?, unchanged: false, lock_inputs })
}
