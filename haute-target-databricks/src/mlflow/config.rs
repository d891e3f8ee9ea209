//! `[deploy.mlflow]`, and the variables of MLflow's own client.

use haute_core::config::Config;
use haute_core::diagnostic::{Code, CodeInfo, Diagnostic};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::secret::Secret;
use haute_core::variables::Variables;
use serde::{Deserialize, Serialize};

use crate::http::{ApiClient, Credentials};

/// The keys of `[deploy.mlflow]`.
pub(crate) const KEYS: &[&str] = &["tracking_uri", "experiment_name", "alias"];

const VALUE: Code = Code::new("HT0801");

/// The codes of this target.
pub(crate) const CODES: &[CodeInfo] = &[CodeInfo {
    code: VALUE,
    title: "a value of `[deploy.mlflow]` cannot be used",
    explain: "`[deploy.mlflow]` says where a release is registered:\n\n    \
              [deploy.mlflow]\n    tracking_uri = \"https://mlflow.example.com\"\n    \
              experiment_name = \"motor-pricing\"\n    alias = \"production\"\n\n\
              `tracking_uri` is the address of an MLflow server; the variable MLFLOW_TRACKING_URI goes first. \
              `alias` holds letters, digits, `_` and `-`; `latest` and names like `v1` are MLflow's own. The model is named by \
              `model_name` under `[deploy]`, which holds no `/`, `:` or quote here.",
}];

/// `[deploy.mlflow]`: where a release is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MlflowConfig {
    /// The address of the MLflow server; empty: the variable `MLFLOW_TRACKING_URI` names it.
    pub tracking_uri: String,
    /// The experiment runs are logged to; empty: the model's name.
    pub experiment_name: String,
    /// What readers ask for instead of a version.
    pub alias: String,
}

impl Default for MlflowConfig {
    fn default() -> Self {
        Self { tracking_uri: String::new(), experiment_name: String::new(), alias: "production".to_owned() }
    }
}

impl MlflowConfig {
    /// Sets the address of the server.
    #[must_use]
    pub fn with_tracking_uri(mut self, address: impl Into<String>) -> Self {
        self.tracking_uri = address.into();
        self
    }

    /// Sets the experiment.
    #[must_use]
    pub fn with_experiment_name(mut self, name: impl Into<String>) -> Self {
        self.experiment_name = name.into();
        self
    }

    /// Sets the alias.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = alias.into();
        self
    }

    /// Every value that cannot be used, at its place.
    pub fn validate(&self, model: &str, config: &Config) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut wrong = |key: &str, message: String, help: &str| {
            found.push(config.point(Diagnostic::error(VALUE, message).help(help), key, "here"));
        };
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let numbered = self.alias.strip_prefix(['v', 'V']).is_some_and(|rest| rest.parse::<u64>().is_ok());
        if self.alias.is_empty() || !self.alias.chars().all(letters) {
            wrong(
                "deploy.mlflow.alias",
                format!("`{}` is no alias", self.alias),
                "use letters, digits, `_` and `-`",
            );
        } else if numbered || self.alias.eq_ignore_ascii_case("latest") {
            wrong(
                "deploy.mlflow.alias",
                format!("`{}` is an alias of MLflow's own", self.alias),
                "name it otherwise",
            );
        }
        if model.is_empty() || model.contains(['/', ':', '\'', '"']) {
            wrong(
                "deploy.model_name",
                format!("`{model}` cannot name a model of MLflow"),
                "leave out `/`, `:` and quotes",
            );
        }
        found
    }

    /// The experiment of a model.
    pub(crate) fn experiment(&self, model: &str) -> String {
        if self.experiment_name.is_empty() { model.to_owned() } else { self.experiment_name.clone() }
    }

    /// The address of the server: the environment's, else the configuration's.
    pub(crate) fn address(&self, variables: &Variables) -> Option<String> {
        let set = |text: &&str| !text.is_empty();
        let named =
            variables.get("MLFLOW_TRACKING_URI").filter(set).or(Some(self.tracking_uri.as_str()).filter(set));
        named.map(|address| address.trim_end_matches('/').to_owned())
    }

    /// A client of the server, with the environment's credentials. Contacts nothing.
    pub(crate) fn client(&self, variables: &Variables) -> Result<ApiClient> {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let (user, password) = (set("MLFLOW_TRACKING_USERNAME"), set("MLFLOW_TRACKING_PASSWORD"));
        let mut missing = Vec::new();
        let address = self.address(variables);
        if address.is_none() {
            missing.push("`MLFLOW_TRACKING_URI`");
        }
        let credentials = match (set("MLFLOW_TRACKING_TOKEN"), user, password) {
            (_, Some(user), Some(password)) => Credentials::Basic(user, Secret::new(password)),
            (_, Some(_), None) => {
                missing.push("`MLFLOW_TRACKING_PASSWORD`");
                Credentials::Anonymous
            }
            (_, None, Some(_)) => {
                missing.push("`MLFLOW_TRACKING_USERNAME`");
                Credentials::Anonymous
            }
            (Some(token), None, None) => Credentials::Bearer(Secret::new(token)),
            (None, None, None) => Credentials::Anonymous,
        };
        let address = match address {
            Some(address) if missing.is_empty() => address,
            _ => {
                let message = format!("not set: {}", missing.join(", "));
                return Err(Error::new(ErrorKind::Unauthenticated, message)
                    .with_operation("mlflow.connect")
                    .with_hint("set them in the environment or in `.env`; nothing was contacted")
                    .with_hint("`tracking_uri` under [deploy.mlflow] names the server too"));
            }
        };
        if address.starts_with("databricks") {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "`MLFLOW_TRACKING_URI` names Databricks, which is a target of its own",
            )
            .with_operation("mlflow.connect")
            .with_hint("set `target = \"databricks\"` under [deploy]"));
        }
        ApiClient::new(&address, credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_before_anything_is_contacted() {
        let words = |variables: &[(&str, &str)]| {
            let variables: Variables = variables.iter().copied().collect();
            MlflowConfig::default()
                .client(&variables)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert_eq!(words(&[]), "not set: `MLFLOW_TRACKING_URI`");
        assert_eq!(
            words(&[("MLFLOW_TRACKING_PASSWORD", "pw")]),
            "not set: `MLFLOW_TRACKING_URI`, `MLFLOW_TRACKING_USERNAME`"
        );
        let server = ("MLFLOW_TRACKING_URI", "https://mlflow.test");
        assert_eq!(words(&[server]), "");
        assert_eq!(
            words(&[server, ("MLFLOW_TRACKING_USERNAME", "ada")]),
            "not set: `MLFLOW_TRACKING_PASSWORD`"
        );
        assert!(words(&[("MLFLOW_TRACKING_URI", "databricks")]).contains("a target of its own"));
        assert!(words(&[("MLFLOW_TRACKING_URI", "./mlruns")]).contains("not the address of a server"));
        assert!(
            words(&[("MLFLOW_TRACKING_URI", "https://ada:pw@x.test")])
                .contains("holds a user name or password")
        );
    }

    #[test]
    fn names_mlflow_would_refuse_are_refused_before() {
        let found = |model: &str, alias: &str| {
            MlflowConfig::default().with_alias(alias).validate(model, &Config::default()).len()
        };
        assert_eq!(found("motor-pricing", "production"), 0);
        assert_eq!(found("a/b", "v12"), 2);
        assert_eq!(found("it's", "Latest"), 2);
        assert_eq!(found("m", "vip"), 0);
        assert_eq!(found("", ""), 2);
    }
}
