//! Resolves a lock, by `uv pip compile` or `pip install --dry-run --report`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::Platform;
use super::declared::Declared;
use super::distributions::{OPTIMISER, SCORING, SERVING, normalise};
use super::graph::{Resolved, keep};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
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

/// One distribution of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockEntry {
    /// Its normalised name.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// `sha256:<hex>` of each file that may be installed; files for other platforms may be among them.
    pub hashes: Vec<String>,
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

    /// Every distribution in it with the digests of the files that may be installed, in the order of the text.
    pub fn entries(&self) -> Vec<LockEntry> {
        let mut entries: Vec<LockEntry> = Vec::new();
        for line in self.text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for word in line.split_whitespace() {
                if let Some(hash) = word.strip_prefix("--hash=") {
                    entries.last_mut().into_iter().for_each(|entry| entry.hashes.push(hash.to_owned()));
                } else if let Some((name, version)) = word.split_once("==") {
                    let (name, version) = (normalise(name), version.to_owned());
                    entries.push(LockEntry { name, version, hashes: Vec::new() });
                }
            }
        }
        entries
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
    let mut question =
        Question::new(request.python, request.platform, &inputs, vec!["-c".to_owned(), shown(&pins)]);
    let spared = matches!(installer, Installer::Uv(_)) && !asks_for_optimiser(request);
    if spared
        && request.declared.pinned("haute").is_some_and(|version| !has_known_scoring_requirements(version))
    {
        question.spare_optimiser()?;
    }
    let resolved = match ask(context, variables, installer, interpreter, &question).await {
        Err(error) if spared && lacks_wheels_of_optimiser(&error) && question.spare_optimiser()? => {
            context.events.emit(&Event::Warning {
                message: format!(
                    "{} has no wheel for {}, so it is not in the release: only a pipeline that applies an optimiser's result needs it",
                    OPTIMISER.join(", "),
                    request.platform.as_str()
                ),
                help: None,
            });
            ask(context, variables, installer, interpreter, &question).await
        }
        answer => answer,
    };
    let resolved = resolved.map_err(|error| {
        error.with_hint(
            "the message above is the resolver's; the requirements are the project's own and what serving adds",
        )
    })?;
    let roots = roots(&resolved, request);
    let known = resolved.get("haute").is_some_and(|haute| has_known_scoring_requirements(&haute.version));
    let opaque = if known { "haute" } else { "" };
    Ok(render(&keep(&resolved, &roots, opaque), request.python, request.platform))
}

/// The distributions of `lock` in the same versions for another platform, and nothing else: what a machine of that
/// platform scores a release for the lock's own platform with. Asks the package index. Cancel-safe: it leaves files in
/// `work` only.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] naming what has no wheel there, with the installer's own words; [`ErrorKind::Cancelled`].
pub(in crate::release) async fn resolve_same(
    context: &Context,
    variables: &Variables,
    installer: &Installer,
    interpreter: &Interpreter,
    lock: &Lock,
    platform: Platform,
    work: &Path,
) -> Result<Lock> {
    let inputs = work.join("requirements.in");
    let wanted: Vec<String> =
        lock.versions.iter().map(|(name, version)| format!("{name}=={version}\n")).collect();
    std::fs::write(&inputs, wanted.concat()).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot write what is to be resolved").with_source(source)
    })?;
    let question = Question::new(interpreter.version, platform, &inputs, vec!["--no-deps".to_owned()]);
    let resolved = match ask(context, variables, installer, interpreter, &question).await {
        Ok(resolved) => resolved,
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        Err(error) => {
            let words = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            return Err(no_same(lock, platform, &words).with_source(words));
        }
    };
    // A resolver that answers with less than it was asked for would make an environment with a hole in it.
    if resolved.len() != lock.versions.len() {
        return Err(no_same(lock, platform, ""));
    }
    Ok(render(&resolved, interpreter.version, platform))
}

fn no_same(lock: &Lock, platform: Platform, words: &str) -> Error {
    let is_named = |name: &str, version: &str| words.contains(&format!("{name}=={version}"));
    let named: Vec<String> = lock
        .versions
        .iter()
        .filter(|(name, version)| is_named(name, version) || is_named(&name.replace('-', "_"), version))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let what = if named.is_empty() { "a distribution of the release".to_owned() } else { named.join(", ") };
    Error::new(
        ErrorKind::BuildFailed,
        format!("{what} cannot be installed in that version on {}, where the release is scored", platform.as_str()),
    )
    .with_operation("build.lock")
    .with_hint("build and prove on a machine of the release's own platform, or require a version that has wheels for both")
}

/// What an installer is asked to resolve.
struct Question<'a> {
    python: PythonVersion,
    platform: Platform,
    /// The requirements.
    inputs: &'a Path,
    /// Further arguments, the same for every installer.
    further: Vec<String>,
}

impl<'a> Question<'a> {
    fn new(python: PythonVersion, platform: Platform, inputs: &'a Path, further: Vec<String>) -> Self {
        Self { python, platform, inputs, further }
    }
}

impl Question<'_> {
    /// Resolves without Haute's optimiser; whether that was asked for only now.
    fn spare_optimiser(&mut self) -> Result<bool> {
        let overrides = self.inputs.with_extension("overrides");
        if self.further.iter().any(|argument| argument == "--override") {
            return Ok(false);
        }
        let lines: Vec<String> =
            OPTIMISER.iter().map(|name| format!("{name}; python_version < '3'")).collect();
        std::fs::write(&overrides, lines.join("\n")).map_err(|source| {
            Error::new(ErrorKind::BuildFailed, "cannot write what is to be resolved").with_source(source)
        })?;
        self.further.extend(["--override".to_owned(), shown(&overrides)]);
        Ok(true)
    }
}

/// Whether the project itself, and not only Haute, wants the optimiser.
fn asks_for_optimiser(request: &LockRequest<'_>) -> bool {
    let asked_for = |name: &str| OPTIMISER.contains(&normalise(name).as_str());
    request.declared.direct().any(asked_for) || request.needed.iter().any(|name| asked_for(name))
}

fn lacks_wheels_of_optimiser(error: &Error) -> bool {
    let words = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    OPTIMISER.iter().any(|name| words.lines().any(|line| line.contains(name) && line.contains("wheels")))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

async fn ask(
    context: &Context,
    variables: &Variables,
    installer: &Installer,
    interpreter: &Interpreter,
    question: &Question<'_>,
) -> Result<BTreeMap<String, Resolved>> {
    match installer {
        Installer::Uv(uv) => with_uv(context, variables, uv, question).await,
        Installer::Pip => with_pip(context, variables, interpreter, question).await,
    }
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

fn render(kept: &BTreeMap<String, Resolved>, python: PythonVersion, platform: Platform) -> Lock {
    let mut text = format!("# {} distributions for {} and Python {python}\n", kept.len(), platform.as_str());
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
    question: &Question<'_>,
) -> Result<BTreeMap<String, Resolved>> {
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
    arguments.extend(["--python-version".to_owned(), question.python.to_string()]);
    arguments.extend(["--python-platform".to_owned(), question.platform.uv_name().to_owned()]);
    arguments.extend(question.further.iter().cloned());
    arguments.push(shown(question.inputs));
    let finished = run(context, "uv", uv, &arguments, variables)
        .await?
        .require(ErrorKind::BuildFailed, "the dependencies cannot be resolved")
        .map_err(|error| error.with_operation("build.lock"))?;
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
    question: &Question<'_>,
) -> Result<BTreeMap<String, Resolved>> {
    let report = question.inputs.with_extension("json");
    let target = question.inputs.with_extension("target");
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
    arguments.extend(["--report".to_owned(), shown(&report), "--target".to_owned(), shown(&target)]);
    arguments.extend([
        "--python-version".to_owned(),
        question.python.to_string(),
        "--implementation".to_owned(),
        "cp".to_owned(),
    ]);
    for tag in question.platform.wheel_tags() {
        arguments.extend(["--platform".to_owned(), tag]);
    }
    arguments.extend(["-r".to_owned(), shown(question.inputs)]);
    arguments.extend(question.further.iter().cloned());
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
        let lock = Lock::parse(
            "# 2 distributions\nhaute==0.6.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nRuamel.Yaml==1\n",
        );
        assert_eq!(lock.haute(), Some("0.6.0"));
        assert_eq!(lock.versions.len(), 2);
        let entries = lock.entries();
        assert_eq!(entries[0].hashes, ["sha256:aa", "sha256:bb"]);
        assert_eq!((entries[1].name.as_str(), entries[1].version.as_str()), ("ruamel-yaml", "1"));
        assert!(entries[1].hashes.is_empty());
    }

    #[test]
    fn what_has_no_wheel_here_is_named() {
        let lock = Lock::parse("catboost==1.2.10\npolars==1.44.2\n");
        let words = "Because catboost==1.2.10 has no wheels with a matching platform tag";
        let error = no_same(&lock, Platform::LinuxAmd64, words);
        assert!(error.to_string().contains("catboost 1.2.10 cannot be installed"), "{error}");
        assert!(!error.to_string().contains("polars"), "{error}");
    }
}
