//! Loading: `haute.toml`, its overlay, the environment and flags become a [`Project`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::diagnostic::Report;
use crate::target::Registry;
use crate::variables::Variables;

/// The directory below the project that holds releases, records, journals and target state.
/// It ignores itself for git by a `.gitignore` of its own.
pub const STATE_DIRECTORY: &str = ".haute-cli";

/// What to load.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadOptions {
    /// The directory that holds `haute.toml`.
    pub root: PathBuf,
    /// `staging` reads `haute.staging.toml` over `haute.toml`.
    pub overlay: Option<String>,
    /// Values from flags by key path, such as `deploy.target` → `local`: the highest layer.
    pub flags: BTreeMap<String, String>,
    /// The environment, before `.env`.
    pub variables: Variables,
    /// Refuse what is resolved at release time (a floating base image).
    pub frozen: bool,
}

impl LoadOptions {
    /// Loads the project at `root` with no overlay, no flags and an empty environment.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            overlay: None,
            flags: BTreeMap::new(),
            variables: Variables::empty(),
            frozen: false,
        }
    }

    /// Reads `haute.<overlay>.toml` too.
    #[must_use]
    pub fn with_overlay(mut self, overlay: Option<String>) -> Self {
        self.overlay = overlay;
        self
    }

    /// Sets a value as a flag would.
    #[must_use]
    pub fn with_flag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.insert(key.into(), value.into());
        self
    }

    /// Sets the environment.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// Refuses what is resolved at release time.
    #[must_use]
    pub fn with_frozen(mut self, frozen: bool) -> Self {
        self.frozen = frozen;
        self
    }
}

/// A loaded project.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
    config: Config,
    variables: Variables,
    report: Report,
}

impl Project {
    /// Puts a project together. [`load`] is the way to get one from files.
    pub fn new(root: PathBuf, config: Config, variables: Variables, report: Report) -> Self {
        Self { root, config, variables, report }
    }

    /// The absolute, link-free path of the directory that holds `haute.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The environment with `.env` below it.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The files read so far, and warnings about them.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Where releases, records and journals are kept.
    pub fn state_directory(&self) -> PathBuf {
        self.root.join(STATE_DIRECTORY)
    }
}

/// Loads a project.
///
/// # Errors
/// Every mistake of the files at once, each with its place.
pub fn load(options: &LoadOptions, registry: &Registry) -> Result<Project, Report> {
    crate::config::load(options, registry)
}
