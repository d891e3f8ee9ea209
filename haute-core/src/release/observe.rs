//! Scores the test quotes through a draft, to learn how the finished release may score.
//!
//! The answer is a function of the draft and its environment, so it is kept by the draft's digest.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::MarkedColumn;
use super::manifest::Scoring;
use crate::error::{Error, ErrorKind, Result};
use crate::python::run_within;
use crate::target::Context;
use crate::variables::Variables;

/// How long scoring the test quotes may take: a pipeline that never ends is ended.
pub(crate) const SCORING_LIMIT: Duration = Duration::from_mins(15);

/// What the runtime's `observe` says (`python/MANIFEST.md`, "Commands").
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Observation {
    pub(super) scoring: Scoring,
    /// Columns in which a test quote is null or absent.
    #[serde(default)]
    pub(super) input_nullable: Vec<MarkedColumn>,
    /// Text columns in which a test quote has a number or a boolean.
    #[serde(default)]
    pub(super) input_widened: Vec<MarkedColumn>,
    #[serde(default)]
    pub(super) quotes: Vec<ObservedQuote>,
    /// Every distribution of the environment, by normalised name.
    #[serde(default)]
    pub(super) imports: BTreeMap<String, ObservedImports>,
}

/// What was imported of a distribution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ObservedImports {
    /// Normalised names of the distributions it requires.
    pub(super) needs: Vec<String>,
    /// Its root modules, dotted, where nothing was imported from it for certain; empty else.
    pub(super) unused: Vec<String>,
}

/// One quote's fate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ObservedQuote {
    pub(super) id: String,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

/// Runs `observe` on the draft in `directory` with the interpreter `python`. Cancel-safe: it reads only.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] with the runtime's own words; a quote that cannot be priced is not an error here, the
/// proof says so with its reason.
pub(super) async fn observe(
    context: &Context,
    variables: &Variables,
    python: &Path,
    directory: &Path,
) -> Result<Observation> {
    let variables = runtime_variables(variables, directory);
    let arguments = ["-B", "-m", "haute_serve", "observe", "--release"]
        .map(str::to_owned)
        .into_iter()
        .chain([directory.display().to_string()])
        .collect::<Vec<_>>();
    let finished = run_within(SCORING_LIMIT, context, "observe", python, &arguments, &variables).await?;
    if !finished.success
        && let Some(error) = runtime_error(&finished.stdout, "the pipeline cannot be loaded in its release")
    {
        return Err(error.with_operation("build.observe"));
    }
    let finished = finished
        .require(ErrorKind::BuildFailed, "the release cannot score its test quotes")
        .map_err(|error| error.with_operation("build.observe"))?;
    serde_json::from_str(&finished.stdout).map_err(|source| {
        Error::bug("the runtime's observation cannot be read")
            .with_operation("build.observe")
            .with_source(source)
    })
}

/// The environment variables a release runs with, wherever it runs: the caller's, with the import path set to the release alone.
pub fn runtime_variables(variables: &Variables, directory: &Path) -> Variables {
    let kept = |name: &str| !name.starts_with("PYTHON") && !name.starts_with("VIRTUAL_ENV");
    let mut own: BTreeMap<String, String> = variables
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    own.insert("PYTHONPATH".to_owned(), directory.join("runtime").display().to_string());
    own.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
    // Haute notes each thing it cannot cache; a release is read-only by design. Who wants to see it sets the level.
    own.entry("HAUTE_LOG_LEVEL".to_owned()).or_insert_with(|| "ERROR".to_owned());
    own.insert("PYTHONUNBUFFERED".to_owned(), "1".to_owned());
    own.into_iter().collect()
}

/// The error object the runtime prints when it cannot run at all.
pub(crate) fn runtime_error(stdout: &str, what: &str) -> Option<Error> {
    let value: Value = serde_json::from_str(stdout.trim().lines().last()?).ok()?;
    let message = value.get("error")?.as_str()?;
    let mut error = Error::new(ErrorKind::BuildFailed, format!("{what}: {message}"));
    if let Some(code) = value.get("error_code").and_then(Value::as_str) {
        error = error.with_context("code", code.to_owned());
    }
    Some(error)
}
