//! Where a model runs: Python, the versions of the release's lock, and MLflow itself.

use std::fmt::Write as _;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::release::lock::normalise;

/// The MLflow a model is loaded with, unless the release's lock names one.
pub const MLFLOW_VERSION: &str = "3.17.2";

/// The first MLflow that leaves a column of type `any` alone.
const FIRST_WITH_ANY: (u32, u32) = (2, 19);

/// A Python version and everything to be installed, each with its exact version.
///
/// Hashes stay in the release's own lock: with them pip would refuse what MLflow needs and the lock does not name.
pub(super) struct Environment {
    python: String,
    mlflow: String,
    /// `name==version`, as in the lock.
    pins: Vec<String>,
}

impl Environment {
    /// Reads a `requirements.lock`: one `name==version` a line, each followed by its hashes.
    pub(super) fn of(python: &str, lock: &str) -> Result<Self> {
        let mut pins = Vec::new();
        let mut mlflow = MLFLOW_VERSION.to_owned();
        for line in lock.lines() {
            if line.trim().is_empty() || line.starts_with([' ', '\t', '#']) {
                continue;
            }
            let pin = line.split(" --hash").next().unwrap_or(line).trim_end_matches(['\\', ' ']);
            let (name, version) =
                pin.split_once("==").filter(|(name, _)| is_name(name)).ok_or_else(|| {
                    wrong(format!(
                        "the release's lock holds `{pin}`, which is no distribution of an exact version"
                    ))
                })?;
            if normalise(name) == "mlflow" {
                version.clone_into(&mut mlflow);
            } else {
                pins.push(pin.to_owned());
            }
        }
        if !leaves_any_alone(&mlflow) {
            let (major, minor) = FIRST_WITH_ANY;
            return Err(wrong(format!(
                "the release's lock names MLflow {mlflow}, which changes numbers before they are priced"
            ))
            .with_hint(format!("ask for `mlflow>={major}.{minor}` in the project's dependencies")));
        }
        Ok(Self { python: python.to_owned(), mlflow, pins })
    }

    /// The version of MLflow.
    pub(super) fn mlflow(&self) -> &str {
        &self.mlflow
    }

    /// The Python minor version, `3.11`.
    pub(super) fn python(&self) -> &str {
        &self.python
    }

    /// `requirements.txt`.
    pub(super) fn requirements(&self) -> String {
        self.distributions().fold(String::new(), |mut text, pin| {
            let _infallible = writeln!(text, "{pin}");
            text
        })
    }

    /// `conda.yaml`. Databricks builds from it, and refuses one that does not name `mlflow` itself among the
    /// distributions of pip.
    pub(super) fn conda(&self, name: &str) -> String {
        let mut text = format!(
            "name: {}\nchannels:\n- conda-forge\ndependencies:\n- python={}\n- pip\n- pip:\n",
            serde_json::Value::from(format!("haute-{name}")),
            self.python
        );
        for pin in self.distributions() {
            let _infallible = writeln!(text, "  - {}", scalar(&pin));
        }
        text
    }

    /// `python_env.yaml`. The version is quoted: 3.10 is a number otherwise, and that number is 3.1.
    pub(super) fn python_env(&self) -> String {
        format!(
            "python: \"{}\"\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n",
            self.python
        )
    }

    fn distributions(&self) -> impl Iterator<Item = String> {
        std::iter::once(format!("mlflow=={}", self.mlflow)).chain(self.pins.iter().cloned())
    }
}

/// A YAML scalar: plain where it cannot be anything else, quoted as JSON is where it could.
fn scalar(text: &str) -> String {
    let plain =
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '=' | '+' | '!'));
    if plain && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '[' | ']' | ','))
}

fn leaves_any_alone(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= FIRST_WITH_ANY,
        _ => false,
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message).with_operation("model.make")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "# 2 distributions for linux/amd64 and Python 3.11\nhaute==0.6.0 \\\n    --hash=sha256:00\n\
                        polars-runtime-32==1.44.2+local \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\n";

    #[test]
    fn mlflow_stands_first_and_nothing_carries_a_hash() {
        let environment = Environment::of("3.10", LOCK).unwrap();
        assert_eq!(
            environment.requirements(),
            "mlflow==3.17.2\nhaute==0.6.0\npolars-runtime-32==1.44.2+local\n"
        );
        assert_eq!(
            environment.conda("motor"),
            "name: \"haute-motor\"\nchannels:\n- conda-forge\ndependencies:\n- python=3.10\n- pip\n- pip:\n  \
             - mlflow==3.17.2\n  - haute==0.6.0\n  - polars-runtime-32==1.44.2+local\n"
        );
        assert!(environment.python_env().starts_with("python: \"3.10\"\n"));
    }

    #[test]
    fn the_locks_own_mlflow_is_taken_unless_it_changes_numbers() {
        let with =
            |version: &str| Environment::of("3.11", &format!("{LOCK}mlflow=={version} \\\n    --hash=x\n"));
        assert_eq!(with("3.11.0").unwrap().requirements().lines().next(), Some("mlflow==3.11.0"));
        let error = with("2.18.0").err().unwrap();
        assert!(error.message().contains("changes numbers"), "{error}");
    }

    #[test]
    fn what_is_not_of_an_exact_version_is_refused() {
        for line in ["haute @ https://x.test/haute.whl", "-e .", "haute>=0.6"] {
            assert!(Environment::of("3.11", line).is_err(), "{line}");
        }
    }
}
