//! Resolves a lock, by `uv pip compile` or `pip install --dry-run --report`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::Platform;
use super::declared::Declared;
use super::distributions::{SCORING, SERVING, UNUSED_BEFORE_0_5, normalise};
use super::graph::{Resolved, keep};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::python::{Installer, Interpreter, PythonVersion, run};
use crate::target::Context;
use crate::variables::Variables;

/// Bumped when the same inputs would give another lock.
const RECIPE: u32 = 2;

/// What to resolve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LockRequest<'a> {
    /// What the project declares.
    pub declared: &'a Declared,
    /// What else the release needs by name: model libraries, modules its pipeline imports.
    pub needed: BTreeSet<String>,
    /// The Python the release runs on.
    pub python: PythonVersion,
    /// Where it runs.
    pub platform: Platform,
}

impl<'a> LockRequest<'a> {
    /// A request.
    pub fn new(
        declared: &'a Declared,
        needed: BTreeSet<String>,
        python: PythonVersion,
        platform: Platform,
    ) -> Self {
        Self { declared, needed, python, platform }
    }

    /// The digest of everything the result depends on, but for the state of the package index.
    pub fn digest(&self) -> Digest {
        let inputs = (
            RECIPE,
            &self.declared.requirements,
            &self.declared.pins,
            &self.needed,
            self.python.to_string(),
            self.platform.as_str(),
        );
        Digest::of(serde_json::to_vec(&inputs).unwrap_or_default())
    }
}

/// A resolved lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lock {
    /// The text of `requirements.lock`.
    pub text: String,
    /// Every distribution in it, by normalised name, with its version.
    pub versions: BTreeMap<String, String>,
}

impl Lock {
    /// Reads the text of a lock back.
    pub fn parse(text: &str) -> Self {
        let versions = text
            .lines()
            .filter(|line| !line.starts_with([' ', '#']))
            .filter_map(|line| line.trim_end_matches(['\\', ' ']).split_once("=="))
            .map(|(name, version)| (normalise(name), version.trim().to_owned()))
            .collect();
        Self { text: text.to_owned(), versions }
    }

    /// The version of Haute in it.
    pub fn haute(&self) -> Option<&str> {
        self.versions.get("haute").map(String::as_str)
    }

    /// The digest of its text.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }
}

/// Resolves a lock in `work`, a directory for files that are handed to the installer. Asks the package index.
/// Cancel-safe: it leaves files in `work` only.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] with the installer's own words, [`ErrorKind::Cancelled`].
pub async fn resolve(
    context: &Context,
    variables: &Variables,
    installer: &Installer,
    interpreter: &Interpreter,
    request: &LockRequest<'_>,
    work: &Path,
) -> Result<Lock> {
    let mut wanted: Vec<String> = request.declared.requirements.clone();
    if !request.declared.names("haute") {
        wanted.push("haute".to_owned());
    }
    wanted.extend(SERVING.iter().map(|name| (*name).to_owned()));
    wanted.extend(request.needed.iter().cloned());
    let constraints: String =
        request.declared.pins.iter().fold(String::new(), |mut text, (name, version)| {
            let _written = writeln!(text, "{name}=={version}");
            text
        });
    let inputs = work.join("requirements.in");
    let pins = work.join("constraints.txt");
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|source| {
            Error::new(ErrorKind::BuildFailed, "cannot write what is to be resolved").with_source(source)
        })
    };
    write(&inputs, &format!("{}\n", wanted.join("\n")))?;
    write(&pins, &constraints)?;
    let resolved = match installer {
        Installer::Uv(uv) => with_uv(context, variables, uv, request, &inputs, &pins).await?,
        Installer::Pip => with_pip(context, variables, interpreter, request, &inputs, &pins).await?,
    };
    let roots = roots(&resolved, request);
    let known = resolved.get("haute").is_some_and(|haute| has_known_scoring_requirements(&haute.version));
    let opaque = if known { "haute" } else { "" };
    Ok(render(&keep(&resolved, &roots, opaque), request))
}

/// Haute 0.5 and later: the list of what scoring needs is known, and its other requirements are left out.
fn has_known_scoring_requirements(haute: &str) -> bool {
    PythonVersion::parse(haute).is_some_and(|version| (version.major, version.minor) >= (0, 5))
}

fn roots(resolved: &BTreeMap<String, Resolved>, request: &LockRequest<'_>) -> BTreeSet<String> {
    let mut roots: BTreeSet<String> = SERVING.iter().map(|name| normalise(name)).collect();
    roots.insert("haute".to_owned());
    roots.extend(SCORING.iter().map(|name| normalise(name)).filter(|name| resolved.contains_key(name)));
    roots.extend(request.needed.iter().map(|name| normalise(name)));
    roots
}

fn render(kept: &BTreeMap<String, Resolved>, request: &LockRequest<'_>) -> Lock {
    let mut text = format!(
        "# {} distributions for {} and Python {}\n",
        kept.len(),
        request.platform.as_str(),
        request.python
    );
    for (name, resolved) in kept {
        let _written = write!(text, "{name}=={}", resolved.version);
        for hash in &resolved.hashes {
            let _written = write!(text, " \\\n    --hash={hash}");
        }
        text.push('\n');
    }
    Lock::parse(&text)
}

async fn with_uv(
    context: &Context,
    variables: &Variables,
    uv: &Path,
    request: &LockRequest<'_>,
    inputs: &Path,
    pins: &Path,
) -> Result<BTreeMap<String, Resolved>> {
    let text = |path: &Path| path.display().to_string();
    let mut arguments = [
        "pip",
        "compile",
        "--quiet",
        "--no-progress",
        "--generate-hashes",
        "--no-header",
        "--annotation-style",
        "line",
        "--only-binary",
        ":all:",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.extend(["--python-version".to_owned(), request.python.to_string()]);
    arguments.extend(["--python-platform".to_owned(), request.platform.uv_name().to_owned()]);
    arguments.extend(["--constraint".to_owned(), text(pins)]);
    if request.declared.pinned("haute").is_some_and(|version| !has_known_scoring_requirements(version)) {
        let overrides = inputs.with_extension("overrides");
        let lines: Vec<String> =
            UNUSED_BEFORE_0_5.iter().map(|name| format!("{name}; python_version < '3'")).collect();
        std::fs::write(&overrides, lines.join("\n")).map_err(|source| {
            Error::new(ErrorKind::BuildFailed, "cannot write what is to be resolved").with_source(source)
        })?;
        arguments.extend(["--override".to_owned(), text(&overrides)]);
    }
    arguments.push(text(inputs));
    let finished = run(context, "uv", uv, &arguments, variables)
        .await?
        .require(ErrorKind::BuildFailed, "the dependencies cannot be resolved");
    let finished = finished.map_err(|error| error.with_operation("build.lock").with_hint("the message above is the resolver's; the requirements are the project's own and what serving adds"))?;
    Ok(read_uv(&finished.stdout))
}

/// Reads requirements with hashes and `# via` lines.
fn read_uv(text: &str) -> BTreeMap<String, Resolved> {
    let mut all: BTreeMap<String, Resolved> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        let trimmed = line.trim().trim_end_matches('\\').trim_end();
        if let Some(hash) = trimmed.strip_prefix("--hash=") {
            if let Some(entry) = current.as_ref().and_then(|name| all.get_mut(name)) {
                entry.hashes.insert(hash.to_owned());
            }
        } else if let Some(parents) = trimmed.strip_prefix("# via ") {
            if let Some(entry) = current.as_ref().and_then(|name| all.get_mut(name)) {
                let parents = parents.split(", ").filter(|parent| !parent.starts_with('-'));
                entry
                    .needed_by
                    .extend(parents.map(|parent| normalise(parent.split('[').next().unwrap_or(parent))));
            }
        } else if let Some((name, version)) = trimmed.split_once("==") {
            let version = version.split(';').next().unwrap_or(version).trim().to_owned();
            let name = normalise(name.split('[').next().unwrap_or(name));
            all.insert(
                name.clone(),
                Resolved { version, hashes: BTreeSet::new(), needed_by: BTreeSet::new() },
            );
            current = Some(name);
        }
    }
    all
}

#[derive(Deserialize)]
struct PipReport {
    install: Vec<PipItem>,
}

#[derive(Deserialize)]
struct PipItem {
    metadata: PipMetadata,
    download_info: PipDownload,
}

#[derive(Deserialize)]
struct PipMetadata {
    name: String,
    version: String,
    #[serde(default)]
    requires_dist: Vec<String>,
}

#[derive(Deserialize)]
struct PipDownload {
    archive_info: Option<PipArchive>,
}

#[derive(Deserialize)]
struct PipArchive {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// pip's installation report (pip documentation, "Installation Report", version 1).
async fn with_pip(
    context: &Context,
    variables: &Variables,
    interpreter: &Interpreter,
    request: &LockRequest<'_>,
    inputs: &Path,
    pins: &Path,
) -> Result<BTreeMap<String, Resolved>> {
    let text = |path: &Path| path.display().to_string();
    let report = inputs.with_extension("json");
    let target = inputs.with_extension("target");
    let mut arguments = [
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--dry-run",
        "--ignore-installed",
        "--only-binary",
        ":all:",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.extend(["--report".to_owned(), text(&report), "--target".to_owned(), text(&target)]);
    arguments.extend([
        "--python-version".to_owned(),
        request.python.to_string(),
        "--implementation".to_owned(),
        "cp".to_owned(),
    ]);
    for tag in request.platform.wheel_tags() {
        arguments.extend(["--platform".to_owned(), tag]);
    }
    arguments.extend(["-r".to_owned(), text(inputs), "-c".to_owned(), text(pins)]);
    run(context, "pip", &interpreter.path, &arguments, variables)
        .await?
        .require(ErrorKind::BuildFailed, "the dependencies cannot be resolved")
        .map_err(|error| error.with_operation("build.lock"))?;
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::BuildFailed, "pip's report cannot be read").with_source(source)
    };
    let bytes = std::fs::read(&report).map_err(|source| unreadable(source.into()))?;
    let report: PipReport = serde_json::from_slice(&bytes).map_err(|source| unreadable(source.into()))?;
    Ok(read_pip(report))
}

/// Markers are not evaluated: a requirement that holds nowhere here names a distribution that was not resolved either.
/// What an extra would need is passed over.
fn read_pip(report: PipReport) -> BTreeMap<String, Resolved> {
    let mut needed_by: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in &report.install {
        for requirement in
            item.metadata.requires_dist.iter().filter(|requirement| !requirement.contains("extra =="))
        {
            let end = requirement
                .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
                .unwrap_or(requirement.len());
            let name = requirement.get(..end).unwrap_or(requirement);
            needed_by.entry(normalise(name)).or_default().insert(normalise(&item.metadata.name));
        }
    }
    let resolve_item = |item: PipItem| {
        let name = normalise(&item.metadata.name);
        let hashes = item
            .download_info
            .archive_info
            .into_iter()
            .flat_map(|archive| archive.hashes)
            .filter(|(kind, _)| kind == "sha256");
        let hashes = hashes.map(|(_, hex)| format!("sha256:{hex}")).collect();
        let needed_by = needed_by.get(&name).cloned().unwrap_or_default();
        (name, Resolved { version: item.metadata.version, hashes, needed_by })
    };
    report.install.into_iter().map(resolve_item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uv_output_is_read_with_its_hashes_and_its_reasons() {
        let all = read_uv(
            "anyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via -r requirements.in, starlette\nPolars_Runtime==1.0\n    # via polars\n",
        );
        assert_eq!(all["anyio"].hashes.len(), 2);
        assert_eq!(all["anyio"].needed_by, BTreeSet::from(["starlette".to_owned()]));
        assert_eq!(all["polars-runtime"].version, "1.0");
    }

    #[test]
    fn pip_report_is_read_and_extras_are_passed_over() {
        let report = serde_json::json!({"install": [
            {"metadata": {"name": "Polars", "version": "1.44.2", "requires_dist": ["polars-runtime-32==1.44.2", "numpy>=1 ; extra == 'numpy'"]},
             "download_info": {"archive_info": {"hashes": {"sha256": "aa"}}}},
            {"metadata": {"name": "polars-runtime-32", "version": "1.44.2"}, "download_info": {}},
        ]});
        let all = read_pip(serde_json::from_value(report).unwrap());
        assert_eq!(all["polars-runtime-32"].needed_by, BTreeSet::from(["polars".to_owned()]));
        assert!(all["polars"].hashes.contains("sha256:aa"));
    }

    #[test]
    fn a_lock_reads_back_as_it_was_written() {
        let lock = Lock::parse("# 1 distributions\nhaute==0.6.0 \\\n    --hash=sha256:aa\n");
        assert_eq!(lock.haute(), Some("0.6.0"));
        assert_eq!(lock.versions.len(), 1);
    }
}
