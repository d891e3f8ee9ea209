//! What a project declares it needs: `uv.lock`, `requirements.txt`, `pyproject.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::distributions::normalise;
use crate::diagnostic::{Diagnostic, Report};
use crate::release::codes;

/// A project's declared dependencies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declared {
    /// The requirements as written (PEP 508), without hashes and options.
    pub requirements: Vec<String>,
    /// Exact versions from a lock, by normalised name.
    pub pins: BTreeMap<String, String>,
    /// The files they were read from.
    pub files: Vec<String>,
}

impl Declared {
    /// The exact version of a distribution, where the project names one.
    pub fn pinned(&self, name: &str) -> Option<&str> {
        if let Some(version) = self.pins.get(&normalise(name)) {
            return Some(version);
        }
        self.requirements.iter().find_map(|requirement| {
            let (found, rest) = split_requirement(requirement);
            let version = rest.strip_prefix("==")?.split([',', ';', ' ']).next()?.trim();
            (normalise(found) == normalise(name) && !version.contains('*')).then_some(version)
        })
    }

    /// The names of what the project asks for itself, as written: not what a lock adds to that.
    pub fn direct(&self) -> impl Iterator<Item = &str> {
        self.requirements.iter().map(|requirement| split_requirement(requirement).0)
    }

    /// Whether the project names the distribution at all.
    pub fn names(&self, name: &str) -> bool {
        let wanted = normalise(name);
        self.pins.contains_key(&wanted)
            || self
                .requirements
                .iter()
                .any(|requirement| normalise(split_requirement(requirement).0) == wanted)
    }
}

/// Name, and what follows it without extras.
fn split_requirement(requirement: &str) -> (&str, &str) {
    let end = requirement
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .unwrap_or(requirement.len());
    let (name, rest) = requirement.split_at_checked(end).unwrap_or((requirement, ""));
    let rest = rest.trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
    (name, rest.trim_start())
}

#[derive(Deserialize)]
struct UvLock {
    #[serde(default)]
    package: Vec<UvPackage>,
}

#[derive(Deserialize)]
struct UvPackage {
    name: String,
    version: Option<String>,
    #[serde(default)]
    source: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Pyproject {
    project: Option<PyprojectProject>,
}

#[derive(Deserialize)]
struct PyprojectProject {
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Reads what `root` declares: requirements from `pyproject.toml` or else `requirements.txt`, exact versions from
/// `uv.lock` or a `requirements.txt` that pins. Files that are there but cannot be read are diagnostics.
pub fn read_declared(root: &Path, report: &mut Report) -> Declared {
    let mut declared = Declared::default();
    let uv_lock = read(root, "uv.lock", report);
    let pyproject = read(root, "pyproject.toml", report);
    let requirements = read(root, "requirements.txt", report);
    if let Some(text) = pyproject {
        match toml::from_str::<Pyproject>(&text) {
            Ok(file) => declared
                .requirements
                .extend(file.project.map(|project| project.dependencies).unwrap_or_default()),
            Err(error) => unreadable(report, "pyproject.toml", &text, &error),
        }
        declared.files.push("pyproject.toml".to_owned());
    }
    if let Some(text) = requirements {
        read_requirements(root, "requirements.txt", &text, 0, &mut declared, report);
    }
    if let Some(text) = uv_lock {
        match toml::from_str::<UvLock>(&text) {
            Ok(lock) => pin_uv(lock, &mut declared),
            Err(error) => unreadable(report, "uv.lock", &text, &error),
        }
        declared.files.push("uv.lock".to_owned());
    }
    declared.requirements.sort();
    declared.requirements.dedup();
    declared
}

/// A package that is locked in two versions (for two platforms) is left to the resolver.
fn pin_uv(lock: UvLock, declared: &mut Declared) {
    let mut several = Vec::new();
    for package in lock.package {
        let Some(version) = package.version.filter(|_| package.source.contains_key("registry")) else {
            continue;
        };
        let name = normalise(&package.name);
        if declared.pins.insert(name.clone(), version.clone()).is_some_and(|before| before != version) {
            several.push(name);
        }
    }
    for name in several {
        declared.pins.remove(&name);
    }
}

fn read_requirements(
    root: &Path,
    name: &str,
    text: &str,
    depth: usize,
    declared: &mut Declared,
    report: &mut Report,
) {
    declared.files.push(name.to_owned());
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for line in joined.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(other) = line.strip_prefix("-r ").or_else(|| line.strip_prefix("--requirement ")) {
            let other = other.trim();
            if depth < 8
                && !other.contains("..")
                && let Some(text) = read(root, other, report)
            {
                read_requirements(root, other, &text, depth + 1, declared, report);
            }
            continue;
        }
        if line.starts_with('-') {
            continue;
        }
        let requirement = line.split(" --hash").next().unwrap_or(line).trim();
        declared.requirements.push(requirement.to_owned());
    }
}

fn read(root: &Path, name: &str, report: &mut Report) -> Option<String> {
    match std::fs::read_to_string(root.join(name)) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let diagnostic =
                Diagnostic::error(codes::DEPENDENCY_FILE, format!("`{name}` cannot be read: {error}"));
            report.push(diagnostic.help("make it a readable UTF-8 file, or remove it"));
            None
        }
    }
}

fn unreadable(report: &mut Report, name: &str, text: &str, error: &toml::de::Error) {
    let file = report.sources.add(name, text);
    let range = error.span().unwrap_or(0..0);
    report.push(
        Diagnostic::error(codes::DEPENDENCY_FILE, format!("`{name}` cannot be read: {}", error.message()))
            .at(file, range, ""),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(files: &[(&str, &str)]) -> Declared {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        let mut report = Report::default();
        let declared = read_declared(root.path(), &mut report);
        assert!(!report.has_errors(), "{:?}", report.diagnostics);
        declared
    }

    #[test]
    fn a_lock_pins_what_pyproject_leaves_open() {
        let found = declared(&[
            ("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"haute>=0.5\", \"scipy\"]\n"),
            (
                "uv.lock",
                "version = 1\n[[package]]\nname = \"haute\"\nversion = \"0.6.0\"\nsource = { registry = \"r\" }\n[[package]]\nname = \"x\"\nversion = \"0\"\nsource = { virtual = \".\" }\n",
            ),
        ]);
        assert_eq!(found.pinned("haute"), Some("0.6.0"));
        assert_eq!(found.pinned("x"), None);
        assert!(found.names("SciPy") && !found.names("numpy"));
        assert_eq!(found.direct().collect::<Vec<_>>(), ["haute", "scipy"]);
    }

    #[test]
    fn requirements_with_hashes_extras_and_comments_are_read() {
        let found = declared(&[(
            "requirements.txt",
            "haute[databricks]==0.6.0 \\\n  --hash=sha256:00 # why\n# note\n-i somewhere\nScikit_Learn>=1\n",
        )]);
        assert_eq!(found.pinned("haute"), Some("0.6.0"));
        assert!(found.names("scikit-learn"));
        assert_eq!(found.requirements, ["Scikit_Learn>=1", "haute[databricks]==0.6.0"]);
    }

    #[test]
    fn a_broken_lock_is_a_diagnostic_with_a_place() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("uv.lock"), "version = \n").unwrap();
        let mut report = Report::default();
        read_declared(root.path(), &mut report);
        assert_eq!(report.diagnostics.len(), 1);
        assert!(report.diagnostics[0].primary().is_some());
    }
}
