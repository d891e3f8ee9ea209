//! Environments made from a lock, kept by the lock's digest.

use std::fs;
use std::path::{Path, PathBuf};

use super::installer::{Installer, InstallerChoice};
use super::interpreter::{Interpreter, PythonVersion, find_interpreter};
use super::process::run;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::target::Context;
use crate::variables::Variables;

/// Written last: an environment without it was interrupted and is made again.
const COMPLETE: &str = ".complete";

/// Bumped when the same lock is installed in another way.
const RECIPE: u32 = 2;

/// A Python environment that holds exactly what a lock names.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Environment {
    /// The environment's interpreter.
    pub python: PathBuf,
    /// The interpreter's minor version.
    pub version: PythonVersion,
    /// Whether it was there already.
    pub reused: bool,
}

/// Makes environments and keeps them, one per lock and interpreter.
#[derive(Clone, Debug)]
pub struct EnvironmentCache {
    directory: PathBuf,
    variables: Variables,
    choice: InstallerChoice,
}

/// Where this user's caches are: `HAUTE_CLI_CACHE`, else `haute-cli` below `XDG_CACHE_HOME` or `~/.cache` (XDG base directory
/// specification), else below `fallback`. What is there may be removed at any time.
pub fn cache_directory(variables: &Variables, fallback: &Path) -> PathBuf {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("HAUTE_CLI_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("haute-cli")))
        .or_else(|| set("HOME").map(|home| home.join(".cache").join("haute-cli")))
        .unwrap_or_else(|| fallback.join("cache"))
}

impl EnvironmentCache {
    /// Environments below `directory`, installed with `choice` under `variables`.
    pub fn new(directory: impl Into<PathBuf>, variables: Variables, choice: InstallerChoice) -> Self {
        Self { directory: directory.into(), variables, choice }
    }

    /// The user's cache: `HAUTE_CLI_CACHE`, else `XDG_CACHE_HOME/haute-cli`, else `HOME/.cache/haute-cli`, else below `fallback`.
    pub fn of_user(variables: &Variables, fallback: &Path, choice: InstallerChoice) -> Self {
        let directory = cache_directory(variables, fallback).join("environments");
        Self::new(directory, variables.clone(), choice)
    }

    /// The variables programs are run with.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The environment of `lock` (the text of a `requirements.lock` with hashes) for Python `version`.
    ///
    /// What is there is used as it is; what is not is installed with every hash checked and no dependency followed.
    /// Two callers at once wait for each other. Not cancel-safe in time, but in effect: an interrupted installation is
    /// made again from the start.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without an interpreter or installer, [`ErrorKind::BuildFailed`] with the installer's own
    /// words, [`ErrorKind::Cancelled`].
    pub async fn ensure(&self, context: &Context, lock: &str, version: PythonVersion) -> Result<Environment> {
        let interpreter = find_interpreter(context, &self.variables, Some(version)).await?;
        let key = Digest::of(format!(
            "{RECIPE} {}\n{}\n{lock}",
            interpreter.full_version,
            interpreter.path.display()
        ));
        let directory = self.directory.join(key.hex());
        let python = directory.join("bin").join("python");
        if directory.join(COMPLETE).is_file() && python.exists() {
            return Ok(Environment { python, version, reused: true });
        }
        let world = |what: &'static str| {
            let directory = directory.display().to_string();
            move |source: std::io::Error| {
                Error::new(ErrorKind::BuildFailed, format!("cannot {what} the environment"))
                    .with_context("directory", directory)
                    .with_source(source)
            }
        };
        fs::create_dir_all(&self.directory).map_err(world("make a place for"))?;
        let guard =
            fs::File::create(self.directory.join(format!("{}.lock", key.hex()))).map_err(world("lock"))?;
        let guard = tokio::task::spawn_blocking(move || guard.lock().map(|()| guard))
            .await
            .map_err(|source| Error::bug("waiting for an environment was interrupted").with_source(source))?
            .map_err(world("lock"))?;
        if directory.join(COMPLETE).is_file() && python.exists() {
            return Ok(Environment { python, version, reused: true });
        }
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(world("clear"))?;
        }
        self.install(context, &interpreter, &directory, &python, lock).await?;
        fs::write(directory.join(COMPLETE), key.as_str()).map_err(world("finish"))?;
        drop(guard);
        Ok(Environment { python, version, reused: false })
    }

    async fn install(
        &self,
        context: &Context,
        interpreter: &Interpreter,
        directory: &Path,
        python: &Path,
        lock: &str,
    ) -> Result<()> {
        let installer = Installer::find(context, &self.variables, self.choice, interpreter).await?;
        let lock_file = self.directory.join(format!("{}.txt", Digest::of(lock).hex()));
        fs::write(&lock_file, lock).map_err(|source| {
            Error::new(ErrorKind::BuildFailed, "cannot write the lock").with_source(source)
        })?;
        let text = |path: &Path| path.display().to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (make, mut fill) = match &installer {
            Installer::Uv(uv) => {
                let make = words(&["venv", "--quiet", "--no-project", "--python", &text(&interpreter.path)]);
                // Byte code as pip makes it by itself: a release never writes any, so each start would compile again.
                let fill = words(&["pip", "install", "--python", &text(python), "--compile-bytecode"]);
                ((uv.clone(), [make, vec![text(directory)]].concat()), (uv.clone(), fill))
            }
            Installer::Pip => {
                let make = words(&["-m", "venv", &text(directory)]);
                let fill = words(&["-m", "pip", "install", "--disable-pip-version-check"]);
                ((interpreter.path.clone(), make), (python.to_owned(), fill))
            }
        };
        // The lock is everything, whichever installer: nothing that it does not name, every hash checked, nothing built.
        fill.1.extend(words(&[
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            &text(&lock_file),
        ]));
        run(context, installer.name(), &make.0, &make.1, &self.variables)
            .await?
            .require(ErrorKind::BuildFailed, "cannot make a Python environment")
            .map_err(|error| {
                error.with_hint(
                    "on Debian and Ubuntu the package python3-venv is needed, unless `uv` is installed",
                )
            })?;
        run(context, installer.name(), &fill.0, &fill.1, &self.variables)
            .await?
            .require(ErrorKind::BuildFailed, "cannot install the release's dependencies from its lock")
            .map_err(|error| error.with_operation("environment.install"))?;
        Ok(())
    }
}
