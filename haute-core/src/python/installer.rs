//! Which package installer resolves and installs: `uv` where it is there, else `pip`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::interpreter::Interpreter;
use super::process::run;
use crate::error::{Error, ErrorKind, Result};
use crate::target::Context;
use crate::variables::Variables;

/// Which installer to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallerChoice {
    /// `uv` where it is on PATH, else `pip`.
    #[default]
    Auto,
    /// `uv`, or an error.
    Uv,
    /// The interpreter's own `pip`.
    Pip,
}

/// An installer that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Installer {
    /// The program `uv`.
    Uv(PathBuf),
    /// `python -m pip`.
    Pip,
}

impl Installer {
    /// Finds the installer of `choice`. Cancel-safe: it changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the chosen one, or any at all, is missing.
    pub async fn find(
        context: &Context,
        variables: &Variables,
        choice: InstallerChoice,
        python: &Interpreter,
    ) -> Result<Self> {
        if choice != InstallerChoice::Pip {
            let path = variables.get("PATH").unwrap_or_default();
            if let Some(uv) = std::env::split_paths(path)
                .map(|directory| directory.join("uv"))
                .find(|candidate| candidate.is_file())
            {
                let works = run(context, "uv", &uv, &["--version"], variables)
                    .await
                    .is_ok_and(|finished| finished.success);
                if works {
                    return Ok(Self::Uv(uv));
                }
            }
            if choice == InstallerChoice::Uv {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    "`uv` is not on PATH, and the configuration asks for it",
                )
                .with_hint("`pip install uv`, or set `installer = \"auto\"` under [deploy.build]"));
            }
        }
        let pip = run(context, "pip", &python.path, &["-m", "pip", "--version"], variables).await?;
        if pip.success {
            return Ok(Self::Pip);
        }
        Err(Error::new(ErrorKind::NotFound, "neither `uv` nor `pip` is there to install packages with")
            .with_context("python", python.path.display().to_string())
            .with_hint("install `uv`, or the package python3-pip of your system"))
    }

    /// `uv` or `pip`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uv(_) => "uv",
            Self::Pip => "pip",
        }
    }
}
