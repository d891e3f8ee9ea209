//! Configuration: `haute.toml`, its overlay, the environment and flags, merged, decoded and checked.
//!
//! Order, highest first: flags, environment, `.env`, `haute.<env>.toml`, `haute.toml`, defaults. Every value remembers
//! which of them it came from, so that a mistake is shown where it was made.

mod codes;
mod decode;
mod origin;
mod sections;
mod serving;
mod tree;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use origin::Origin;
pub use sections::{
    ApprovalSection, AssistantSection, AwsEcsSection, AzureContainerAppsSection, CiSection, ContainerSection,
    DatabricksSection, DeploySection, EgressSection, GcpRunSection, MlflowSection, ProductionSection,
    ProjectSection, SafetySection, ServerSection, StagingSection, TestQuotesSection,
};
pub use serving::{Architecture, BuildSection, Installer, ServingSection};

use crate::diagnostic::{CodeInfo, Diagnostic, Report};
use crate::project::{LoadOptions, Project};
use crate::target::Registry;
use tree::Table;

/// The codes of this module.
pub const CODES: &[CodeInfo] = &[];

/// The configuration of a project.
///
/// Each field is one table of `haute.toml`. Values are decoded, defaults filled in, and what can be checked without the
/// network is checked.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Config {
    /// `[project]`.
    pub project: ProjectSection,
    /// `[deploy]`.
    pub deploy: DeploySection,
    /// `[test_quotes]`.
    pub test_quotes: TestQuotesSection,
    /// `[safety]`.
    pub safety: SafetySection,
    /// `[ci]`.
    pub ci: CiSection,
    /// `[server]`.
    pub server: ServerSection,
    /// `[mlflow]`.
    pub mlflow: MlflowSection,
    /// `[assistant]`.
    pub assistant: AssistantSection,
    #[serde(skip)]
    tree: Table,
    #[serde(skip)]
    shown: BTreeMap<String, (String, Origin)>,
}

impl Config {
    /// Where the value of `key`, such as `deploy.container.port`, came from: [`Origin::Default`] when nobody set it,
    /// `None` when there is no such key.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.shown.get(key).map(|(_, origin)| origin).or_else(|| self.tree.find(key).map(|node| &node.origin))
    }

    /// Decodes the table `key`, such as `deploy.local`, into a target's own struct.
    ///
    /// Give `T` a `#[serde(default)]`, so that an absent key (or an absent table) takes its default. Keys `T` does not
    /// know are not an error here: loading has checked them against
    /// [`TargetFactory::tables`](crate::target::TargetFactory::tables).
    ///
    /// # Errors
    /// Every value of the wrong type or out of range, at its place.
    pub fn table<T: DeserializeOwned + Default>(&self, key: &str) -> Result<T, Vec<Diagnostic>> {
        let Some(node) = self.tree.find(key) else { return Ok(T::default()) };
        let decoded = decode::decode::<T>(node, key);
        if decoded.diagnostics.is_empty() { Ok(decoded.value) } else { Err(decoded.diagnostics) }
    }

    /// Points `diagnostic` at the value of `key`, wherever it was set.
    #[must_use]
    pub fn point(&self, diagnostic: Diagnostic, key: &str, text: impl Into<String>) -> Diagnostic {
        match self.origin(key) {
            Some(origin) => origin.point(diagnostic, text),
            None => diagnostic,
        }
    }

    /// Every key with its value as TOML and where it came from, in order of key.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str, &Origin)> {
        self.shown.iter().map(|(key, (value, origin))| (key.as_str(), value.as_str(), origin))
    }
}

pub(crate) fn load(options: &LoadOptions, registry: &Registry) -> Result<Project, Report> {
    let _ = (options, registry);
    Err(Report::default())
}
