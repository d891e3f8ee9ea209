//! Which targets there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::DeployTarget;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, ErrorKind, Result};
use crate::project::Project;

/// Makes a target from a project's configuration.
pub trait TargetFactory: Send + Sync {
    /// The name in `deploy.target`, `^[a-z][a-z0-9-]*$`.
    fn name(&self) -> &'static str;

    /// The tables below `[deploy]` it reads, such as `["container", "aws-ecs"]`, each with every key it knows.
    fn tables(&self) -> &'static [(&'static str, &'static [&'static str])];

    /// Binds the configuration. Pure: no network, no clock; files only below the project.
    ///
    /// # Errors
    /// Every mistake in its tables at once.
    fn bind(&self, project: &Project) -> std::result::Result<Arc<dyn DeployTarget>, Vec<Diagnostic>>;
}

/// The targets a program knows, by name. Registration is explicit.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<dyn TargetFactory>>);

impl Registry {
    /// No target.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a target.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when one of that name is there: neither silently wins.
    pub fn register(&mut self, factory: impl TargetFactory + 'static) -> Result<&mut Self> {
        let name = factory.name();
        if self.0.contains_key(name) {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("a target named `{name}` is registered already"),
            ));
        }
        self.0.insert(name, Arc::new(factory));
        Ok(self)
    }

    /// The target named `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn TargetFactory>> {
        self.0.get(name)
    }

    /// Every target, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn TargetFactory>> {
        self.0.values()
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}
