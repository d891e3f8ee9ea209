//! Configuration: `haute.toml`, its overlay, the environment and flags, merged, decoded and checked.
//!
//! Order, highest first: flags, environment, `.env`, `haute.<env>.toml`, `haute.toml`, defaults. Every value remembers
//! which of them it came from, so that a mistake is shown where it was made.

mod check;
mod codes;
mod container;
mod decode;
mod dotenv;
mod files;
mod image;
mod load;
mod mismatch;
mod origin;
mod overlay;
mod parse;
mod pipeline_file;
mod schema;
pub(crate) mod secrets;
mod sections;
mod serving;
mod tree;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use codes::CODES;
pub use container::{Builder, Compression, ContainerSection, ProveIn};
pub use image::is_pinned;
pub(crate) use load::load;
pub use origin::Origin;
pub use sections::{
    ApprovalSection, AssistantSection, AwsEcsSection, AzureContainerAppsSection, CiSection,
    DatabricksSection, DeploySection, EgressSection, GcpRunSection, MlflowSection, ProductionSection,
    ProjectSection, SafetySection, ServerSection, StagingSection, TestQuotesSection,
};
pub use serving::{Architecture, BuildSection, Installer, ServingSection};

use crate::diagnostic::{Diagnostic, Report};
use crate::target::{Registry, TargetFactory};
use tree::Table;

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
    /// The dotted paths of values that were reported and are not here.
    #[serde(skip)]
    failed: Vec<String>,
    /// Every key with its value, for people, and its origin.
    #[serde(skip)]
    shown: BTreeMap<String, (String, Origin)>,
}

impl Config {
    /// Where the value of `key`, such as `deploy.container.port`, came from: [`Origin::Default`] when nobody set it,
    /// `None` when there is no such key.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        static DEFAULT: Origin = Origin::Default;
        let set = self.shown.get(key).map(|(_, origin)| origin);
        let set = set.or_else(|| self.tree.find(key).map(|node| &node.origin));
        set.or_else(|| schema::is_built_in(key).then_some(&DEFAULT))
    }

    /// Decodes the table `key`, such as `deploy.local`, into a target's own struct.
    ///
    /// Give `T` a `#[serde(default)]`, so that an absent key (or an absent table) takes its default. Keys `T` does not
    /// know are not an error here: loading has checked them against
    /// [`TargetFactory::tables`].
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

    /// Every key that has a value, with the value as TOML and where it came from, in order of key.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str, &Origin)> {
        self.shown.iter().map(|(key, (value, origin))| (key.as_str(), value.as_str(), origin))
    }

    /// The target the configuration names, out of those a program has.
    ///
    /// Loading accepts every target that Haute knows, so that `check`, `build` and `prove` work without it. Who deploys
    /// asks here.
    ///
    /// # Errors
    /// A diagnostic that names what the program can deploy to.
    pub fn require_target<'a>(
        &self,
        registry: &'a Registry,
    ) -> Result<&'a Arc<dyn TargetFactory>, Box<Diagnostic>> {
        let target = self.deploy.target.as_str();
        if let Some(factory) = registry.get(target) {
            return Ok(factory);
        }
        let subject = self.subject("deploy.target");
        let message = format!("{subject}: this program cannot deploy to `{}`", target.escape_debug());
        let diagnostic = Diagnostic::error(codes::TARGET_NOT_HERE, message);
        let diagnostic = self.point(diagnostic, "deploy.target", "not in this program");
        let names: Vec<_> = registry.names().map(|name| format!("`{name}`")).collect();
        Err(Box::new(match names.as_slice() {
            [] => diagnostic.help("this program was built without any target"),
            names => diagnostic.help(format!("it can deploy to {}", names.join(", "))),
        }))
    }

    /// What a message about `key` is about: the key, or the variable that set it.
    fn subject(&self, key: &str) -> String {
        self.origin(key).map_or_else(|| format!("`{key}`"), |origin| origin.subject(key))
    }

    /// Whether the value of `key` was reported already, so that what stands here is a stand-in.
    fn failed(&self, key: &str) -> bool {
        self.failed.iter().any(|failed| {
            failed.is_empty()
                || key
                    .strip_prefix(failed.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// Where the model's name comes from, as in Haute: a key that is set but empty counts as set.
    fn model_name_key(&self) -> &'static str {
        ["deploy.model_name", "project.name"]
            .into_iter()
            .find(|key| self.tree.find(key).is_some() || self.failed(key))
            .unwrap_or(check::PIPELINE)
    }

    fn resolve_model_name(&mut self) {
        match self.model_name_key() {
            "deploy.model_name" => {}
            "project.name" => self.deploy.model_name = self.project.name.clone().unwrap_or_default(),
            _ => {
                let stem =
                    std::path::Path::new(&self.project.pipeline).file_stem().and_then(|stem| stem.to_str());
                self.deploy.model_name = stem.unwrap_or_default().to_owned();
            }
        }
    }

    /// Lists every value with its origin, once everything is resolved.
    fn show(&mut self) {
        let mut shown = BTreeMap::new();
        if let Ok(value) = serde_json::to_value(&*self) {
            list(&value, "", &mut |key, value| {
                let derived = match key.as_str() {
                    "deploy.model_name" => self.model_name_key(),
                    "deploy.build.python" if self.tree.find(&key).is_none() => image::KEY,
                    _ => key.as_str(),
                };
                let origin = self.tree.find(derived).map_or(Origin::Default, |node| node.origin.clone());
                shown.insert(key, (value, origin));
            });
        }
        self.tree.each_leaf("", &mut |key, node| {
            shown.entry(key.to_owned()).or_insert_with(|| (node.value.shown(), node.origin.clone()));
        });
        self.shown = shown;
    }
}

fn list(value: &serde_json::Value, path: &str, add: &mut dyn FnMut(String, String)) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                list(value, &full, add);
            }
        }
        serde_json::Value::Null => {}
        // Strings, numbers, booleans and arrays of strings read the same in JSON and TOML.
        leaf => add(path.to_owned(), leaf.to_string()),
    }
}

/// Checks the text of one `haute.toml` alone: no file is opened, no variable read, and no target known beyond those of
/// Haute. For editors, and for tests that try many texts.
///
/// `path` is the name to show. The configuration is complete only when the report holds no error; its pipeline is as
/// written.
pub fn parse_text(path: &str, text: &str) -> (Config, Report) {
    load::check_text(path, text)
}
