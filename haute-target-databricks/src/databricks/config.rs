//! `[deploy.databricks]`.

use haute_core::config::Config;
use haute_core::diagnostic::{Code, CodeInfo, Diagnostic};
use haute_core::engine::OnFailure;
use serde::{Deserialize, Serialize};

/// The keys of `[deploy.databricks]`: Haute's own, and this project's.
pub(crate) const KEYS: &[&str] = &[
    "experiment_name",
    "catalog",
    "schema",
    "serving_workload_size",
    "serving_scale_to_zero",
    "endpoint_suffix",
    "alias",
    "timeout_minutes",
    "on_failure",
];

const VALUE: Code = Code::new("HT0802");

/// The codes of this target.
pub(crate) const CODES: &[CodeInfo] = &[CodeInfo {
    code: VALUE,
    title: "a value of `[deploy.databricks]` cannot be used",
    explain: "`[deploy.databricks]` says where a release is registered and how it is served:\n\n    \
              [deploy.databricks]\n    experiment_name = \"/Shared/haute/default\"\n    catalog = \"main\"\n    \
              schema = \"pricing\"\n    serving_workload_size = \"Small\"\n    serving_scale_to_zero = true\n    \
              alias = \"production\"\n    timeout_minutes = 60\n    on_failure = \"report\"\n\n\
              The model is `<catalog>.<schema>.<model_name>`: no part holds a dot, a space, a slash or a quote. An experiment \
              is a path in the workspace and begins with `/`. An endpoint's name holds letters, digits, `-` and `_`, \
              and begins with a letter or digit. `timeout_minutes` is 1 to 1440. `on_failure` is `report`, or `rollback`: then what \
              served before is brought back and verified.",
}];

/// `[deploy.databricks]`, with the names of `[deploy]` that go with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DatabricksConfig {
    /// The experiment runs are logged to: a path in the workspace.
    pub experiment_name: String,
    /// The Unity Catalog catalog.
    pub catalog: String,
    /// The Unity Catalog schema.
    pub schema: String,
    /// The endpoint's workload size, such as `Small`.
    pub serving_workload_size: String,
    /// Whether the endpoint may go down to no instance when idle.
    pub serving_scale_to_zero: bool,
    /// What stands behind the names of model, experiment and endpoint, such as `-staging`.
    pub endpoint_suffix: String,
    /// The alias that is moved last.
    pub alias: String,
    /// How long an endpoint may take to serve a new version, in minutes.
    pub timeout_minutes: u64,
    /// What to do when a deployment fails after the endpoint was changed; `None` leaves it to the caller.
    pub on_failure: Option<OnFailure>,
    /// `deploy.model_name`.
    #[serde(skip)]
    pub model_name: String,
    /// `deploy.endpoint_name`.
    #[serde(skip)]
    pub endpoint_name: Option<String>,
}

impl Default for DatabricksConfig {
    fn default() -> Self {
        Self {
            experiment_name: "/Shared/haute/default".to_owned(),
            catalog: "main".to_owned(),
            schema: "pricing".to_owned(),
            serving_workload_size: "Small".to_owned(),
            serving_scale_to_zero: true,
            endpoint_suffix: String::new(),
            alias: "production".to_owned(),
            timeout_minutes: 60,
            on_failure: None,
            model_name: String::new(),
            endpoint_name: None,
        }
    }
}

impl DatabricksConfig {
    /// Sets the name of the model, and of the endpoint if one is wanted.
    #[must_use]
    pub fn with_names(mut self, model: impl Into<String>, endpoint: Option<&str>) -> Self {
        self.model_name = model.into();
        self.endpoint_name = endpoint.map(str::to_owned);
        self
    }

    /// Sets what stands behind every name.
    #[must_use]
    pub fn with_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.endpoint_suffix = suffix.into();
        self
    }

    /// Sets the endpoint's workload size, and whether it may go down to nothing when idle.
    #[must_use]
    pub fn with_serving(mut self, workload_size: impl Into<String>, scale_to_zero: bool) -> Self {
        self.serving_workload_size = workload_size.into();
        self.serving_scale_to_zero = scale_to_zero;
        self
    }

    /// Every value that cannot be used, at its place.
    pub fn validate(&self, config: &Config) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut wrong = |key: &str, message: String, help: &str| {
            found.push(config.point(Diagnostic::error(VALUE, message).help(help), key, "here"));
        };
        let parts = [
            ("deploy.databricks.catalog", &self.catalog),
            ("deploy.databricks.schema", &self.schema),
            ("deploy.model_name", &self.model_name),
        ];
        for (key, part) in parts {
            if part.is_empty() || part.contains(['.', ' ', '/', '\'', '"', '`']) {
                let message = format!("`{part}` cannot be a part of a name in Unity Catalog");
                wrong(key, message, "leave out dots, spaces, slashes and quotes");
            }
        }
        if !self.experiment_name.starts_with('/') || self.experiment_name.ends_with('/') {
            let message = format!("`{}` is no path of an experiment", self.experiment_name);
            wrong("deploy.databricks.experiment_name", message, "write a path such as `/Shared/haute/motor`");
        }
        if let Some(endpoint) = self.endpoint() {
            let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let fits = endpoint.len() <= 63
                && endpoint.starts_with(|c: char| c.is_ascii_alphanumeric())
                && endpoint.chars().all(letters);
            if !fits {
                let message = format!("`{endpoint}` cannot name a serving endpoint");
                wrong("deploy.endpoint_name", message, "use at most 63 letters, digits, `-` and `_`");
            }
        }
        if self.alias.is_empty()
            || !self.alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            wrong(
                "deploy.databricks.alias",
                format!("`{}` is no alias", self.alias),
                "use letters, digits, `_` and `-`",
            );
        }
        if !(1..=1440).contains(&self.timeout_minutes) {
            let message = format!("`timeout_minutes` is {}", self.timeout_minutes);
            wrong("deploy.databricks.timeout_minutes", message, "write 1 to 1440");
        }
        found
    }

    /// The model's name in Unity Catalog.
    pub(crate) fn model(&self) -> String {
        format!("{}.{}.{}{}", self.catalog, self.schema, self.model_name, self.endpoint_suffix)
    }

    /// The experiment's path.
    pub(crate) fn experiment(&self) -> String {
        format!("{}{}", self.experiment_name, self.endpoint_suffix)
    }

    /// The endpoint's name; `None`: nothing is to serve. A suffix asks for an endpoint, as in Haute.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let named = self.endpoint_name.as_deref().filter(|name| !name.is_empty());
        let base =
            named.or_else(|| (!self.endpoint_suffix.is_empty()).then_some(self.model_name.as_str()))?;
        Some(format!("{base}{}", self.endpoint_suffix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_stands_behind_every_name() {
        let config = DatabricksConfig::default().with_names("motor", None);
        assert_eq!((config.model().as_str(), config.endpoint()), ("main.pricing.motor", None));
        let staging = config.with_suffix("-staging");
        assert_eq!(staging.model(), "main.pricing.motor-staging");
        assert_eq!(staging.experiment(), "/Shared/haute/default-staging");
        assert_eq!(staging.endpoint().as_deref(), Some("motor-staging"));
        assert_eq!(staging.with_names("motor", Some("prices")).endpoint().as_deref(), Some("prices-staging"));
    }

    #[test]
    fn every_bad_value_is_told_at_once() {
        let config = DatabricksConfig {
            catalog: "a.b".to_owned(),
            experiment_name: "haute".to_owned(),
            alias: "x y".to_owned(),
            timeout_minutes: 0,
            ..DatabricksConfig::default()
        };
        let found = config.with_names("motor", Some("-motor")).validate(&Config::default());
        assert_eq!(found.len(), 5, "{found:?}");
    }
}
