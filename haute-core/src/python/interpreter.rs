//! Finds a Python interpreter of a given minor version.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::run;
use crate::error::{Error, ErrorKind, Result};
use crate::target::Context;
use crate::variables::Variables;

/// The oldest Python the runtime package works with.
const OLDEST: PythonVersion = PythonVersion { major: 3, minor: 11 };

/// A Python minor version, such as 3.11: what wheels are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PythonVersion {
    /// 3.
    pub major: u8,
    /// 11, 12, …
    pub minor: u8,
}

impl PythonVersion {
    /// Reads `3.11` or `3.11.9`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        parts.all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(Self { major, minor })
    }

    /// The version in an image name, `python:3.11.9-slim` → 3.11; `None` where the tag names none.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?;
        let (repository, tag) = name.rsplit_once(':')?;
        let python = repository.rsplit('/').next()?.contains("python");
        let numbers: String = tag.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        if python { Self::parse(numbers.trim_end_matches('.')) } else { None }
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl TryFrom<String> for PythonVersion {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a Python version such as 3.11"))
    }
}

impl From<PythonVersion> for String {
    fn from(version: PythonVersion) -> Self {
        version.to_string()
    }
}

/// An interpreter that was found and asked for its version.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Interpreter {
    /// The program.
    pub path: PathBuf,
    /// Its minor version.
    pub version: PythonVersion,
    /// Its full version, such as 3.11.7.
    pub full_version: String,
}

/// Finds an interpreter: of exactly `wanted`, or, where nothing is wanted, the first of 3.11 or newer.
///
/// Looks for `python3.<minor>`, `python3` and `python` on `PATH`, in that order, and asks each for its version.
/// Cancel-safe: it changes nothing.
///
/// # Errors
/// [`ErrorKind::NotFound`] naming what was found instead and how to get the wanted one.
pub async fn find_interpreter(
    context: &Context,
    variables: &Variables,
    wanted: Option<PythonVersion>,
) -> Result<Interpreter> {
    let mut names: Vec<String> = match wanted {
        Some(version) => vec![format!("python{version}")],
        None => vec![],
    };
    names.extend(["python3".to_owned(), "python".to_owned()]);
    if wanted.is_none() {
        names.extend((OLDEST.minor..=14).map(|minor| format!("python3.{minor}")));
    }
    let mut seen = Vec::new();
    for path in names.iter().flat_map(|name| on_path(variables, name)) {
        let Some(interpreter) = ask(context, variables, &path).await? else { continue };
        if wanted.map_or(interpreter.version >= OLDEST, |wanted| interpreter.version == wanted) {
            return Ok(interpreter);
        }
        let found = format!("{} ({})", path.display(), interpreter.full_version);
        if !seen.contains(&found) {
            seen.push(found);
        }
    }
    let what = wanted.map_or_else(|| format!("{OLDEST} or newer"), |wanted| wanted.to_string());
    let error = Error::new(ErrorKind::NotFound, format!("no Python {what} was found"))
        .with_operation("python.find")
        .with_context("found", if seen.is_empty() { "none".to_owned() } else { seen.join(", ") });
    Err(match wanted {
        Some(wanted) => error.with_hint(format!(
            "install it (`uv python install {wanted}`, or the package python{wanted} of your system) so that `python{wanted}` is on PATH"
        )),
        None => error.with_hint("install Python 3.11 or newer and put it on PATH"),
    })
}

fn on_path(variables: &Variables, name: &str) -> Vec<PathBuf> {
    let path = variables.get("PATH").unwrap_or_default();
    std::env::split_paths(path)
        .map(|directory| directory.join(name))
        .filter(|candidate| candidate.is_file())
        .collect()
}

/// `None` when the program does not answer like a Python 3.
async fn ask(context: &Context, variables: &Variables, path: &Path) -> Result<Option<Interpreter>> {
    let question = "import platform; print(platform.python_version())";
    let finished = match run(context, "python", path, &["-I", "-c", question], variables).await {
        Ok(finished) => finished,
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        Err(_) => return Ok(None),
    };
    let full_version = finished.stdout.trim().to_owned();
    let version = PythonVersion::parse(&full_version).filter(|_| finished.success);
    Ok(version.map(|version| Interpreter { path: path.to_owned(), version, full_version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_comes_from_the_tag_of_a_python_image_only() {
        let of = |image| PythonVersion::of_image(image).map(|v| v.to_string());
        assert_eq!(of("python:3.11.9-slim").as_deref(), Some("3.11"));
        assert_eq!(of("registry.test:5000/base/python:3.12-slim@sha256:00").as_deref(), Some("3.12"));
        assert_eq!(of("debian:12.5"), None);
        assert_eq!(of("python:latest"), None);
        assert_eq!(of(""), None);
    }
}
