//! What a test needs of the machine.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use libtest_mimic::{Failed, Trial};

/// Something a test cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Python 3.11 or newer, and `uv` or `pip` with a package index behind it.
    Python,
    /// A Python with the whole of Haute 0.6 in it, named by `HAUTE_PYTHON`.
    Haute,
    /// A Python with MLflow in it, which the whole of Haute brings along.
    Mlflow,
}

impl Requirement {
    /// Why it is not there; `None` when it is.
    fn missing(self) -> Option<String> {
        match self {
            Self::Mlflow => (!haute_test_databricks::python::is_there()).then(|| {
                "neither HAUTE_MLFLOW_PYTHON nor HAUTE_PYTHON names a Python with mlflow in it".to_owned()
            }),
            Self::Python => python().is_none().then(|| "no Python 3.11 or newer on PATH".to_owned()),
            Self::Haute => {
                haute_python().is_none().then(|| "HAUTE_PYTHON names no Python with haute in it".to_owned())
            }
        }
    }
}

/// The first Python 3.11 or newer on PATH.
pub(crate) fn python() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&'static str>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        ["python3.11", "python3", "python3.12", "python3.13"].into_iter().find(|name| {
            let question = "import sys; sys.exit(sys.version_info < (3, 11))";
            Command::new(name).args(["-c", question]).status().is_ok_and(|status| status.success())
        })
    })
}

/// The Python with the whole of Haute.
pub(crate) fn haute_python() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let named = PathBuf::from(std::env::var_os("HAUTE_PYTHON")?);
            let works = Command::new(&named)
                .args(["-c", "import haute"])
                .status()
                .is_ok_and(|status| status.success());
            works.then_some(named)
        })
        .clone()
}

/// A test that needs `requirements`: ignored by name where one is missing, failed where none may be.
pub(crate) fn test(
    name: &str,
    requirements: &[Requirement],
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let missing: Vec<String> = requirements.iter().filter_map(|requirement| requirement.missing()).collect();
    if missing.is_empty() {
        return Trial::test(name, run);
    }
    let why = missing.join("; ");
    if std::env::var_os("HAUTE_TESTS_REQUIRE_ALL").is_some_and(|value| value == "1") {
        return Trial::test(name, move || Err(format!("not run: {why}").into()));
    }
    let kind = format!("skipped: {why}");
    Trial::test(name, move || Err(format!("not run: {why}").into())).with_kind(kind).with_ignored_flag(true)
}
