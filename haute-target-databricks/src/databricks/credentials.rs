//! The variables that say who asks, for the model and for the endpoint apart.

use std::sync::Arc;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::secret::Secret;
use haute_core::variables::Variables;

use super::auth::{AzureServicePrincipal, Federated, Identity, Kept, Machine};
use crate::http::{ApiClient, Credentials};

/// A set of variables: Haute keeps two, so that who may register a model need not be who may change what serves.
///
/// Each set names a workspace, and one way to sign in there; the first that is set is taken:
///
/// | `DATABRICKS_MLFLOW_…`, `DATABRICKS_RATING_…` | |
/// |---|---|
/// | `…HOST` | the workspace, `https://adb-1.azuredatabricks.net` |
/// | `…TOKEN` | a personal access token |
/// | `…CLIENT_ID` with `…CLIENT_SECRET` | a service principal with a secret (OAuth) |
/// | `…CLIENT_ID` alone | a service principal that trusts the CI system: the job's token is taken from `DATABRICKS_OIDC_TOKEN` (GitLab), the file `DATABRICKS_OIDC_TOKEN_FILEPATH`, GitHub Actions or Azure Pipelines; `DATABRICKS_TOKEN_AUDIENCE` says whom it is for |
/// | `ARM_TENANT_ID`, `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET` | a service principal of Azure, for both sets |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Space {
    /// Experiments, runs and the registry: `DATABRICKS_MLFLOW_*`.
    Mlflow,
    /// Serving endpoints: `DATABRICKS_RATING_*`.
    Rating,
}

/// The variables of a service principal of Azure.
const ARM: [&str; 3] = ["ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"];
/// Where Azure gives tokens, unless `AZURE_AUTHORITY_HOST` says otherwise.
const AUTHORITY: &str = "https://login.microsoftonline.com";

impl Space {
    fn variable(self, name: &str) -> String {
        let space = match self {
            Self::Mlflow => "MLFLOW",
            Self::Rating => "RATING",
        };
        format!("DATABRICKS_{space}_{name}")
    }

    fn get(self, variables: &Variables, name: &str) -> Option<String> {
        set(variables, &self.variable(name))
    }

    /// The workspace's address, with a scheme; `None` when it is not set.
    pub(crate) fn host(self, variables: &Variables) -> Option<String> {
        let host = self.get(variables, "HOST")?;
        let host = host.trim_end_matches('/');
        Some(if host.contains("://") { host.to_owned() } else { format!("https://{host}") })
    }

    /// What is not set and should be.
    fn missing(self, variables: &Variables) -> Vec<String> {
        let mut missing = Vec::new();
        if self.host(variables).is_none() {
            missing.push(self.variable("HOST"));
        }
        if self.get(variables, "TOKEN").is_some() {
            return missing;
        }
        if self.get(variables, "CLIENT_ID").is_some() {
            if self.get(variables, "CLIENT_SECRET").is_none() && Identity::of(variables).is_none() {
                missing.push(self.variable("CLIENT_SECRET"));
            }
            return missing;
        }
        let unset: Vec<String> =
            ARM.iter().filter(|name| set(variables, name).is_none()).map(|name| (*name).to_owned()).collect();
        if unset.len() == ARM.len() {
            missing.push(self.variable("TOKEN"));
        } else {
            missing.extend(unset);
        }
        missing
    }

    /// A client of the workspace. Contacts nothing yet.
    pub(crate) fn client(self, variables: &Variables) -> Result<ApiClient> {
        require(&[self], variables)?;
        let host = self.host(variables).unwrap_or_default();
        let credentials = self.credentials(variables, &host);
        ApiClient::new(&host, credentials)
    }

    fn credentials(self, variables: &Variables, host: &str) -> Credentials {
        if let Some(token) = self.get(variables, "TOKEN") {
            return Credentials::Bearer(Secret::new(token));
        }
        let host = host.to_owned();
        if let Some(client_id) = self.get(variables, "CLIENT_ID") {
            if let Some(secret) = self.get(variables, "CLIENT_SECRET") {
                let machine = Machine { host, client_id, secret: Secret::new(secret) };
                return Credentials::Source(Arc::new(Kept::new(machine)));
            }
            if let Some(identity) = Identity::of(variables) {
                let audience = set(variables, "DATABRICKS_TOKEN_AUDIENCE");
                let federated = Federated { host, client_id, identity, audience };
                return Credentials::Source(Arc::new(Kept::new(federated)));
            }
        }
        let arm = |name: &str| set(variables, name).unwrap_or_default();
        Credentials::Source(Arc::new(Kept::new(AzureServicePrincipal {
            authority: set(variables, "AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.to_owned()),
            tenant: arm("ARM_TENANT_ID"),
            client_id: arm("ARM_CLIENT_ID"),
            secret: Secret::new(arm("ARM_CLIENT_SECRET")),
        })))
    }
}

fn set(variables: &Variables, name: &str) -> Option<String> {
    variables.get(name).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Fails unless every variable of `spaces` is set, naming all that are not.
pub(crate) fn require(spaces: &[Space], variables: &Variables) -> Result<()> {
    let mut missing: Vec<String> = spaces.iter().flat_map(|space| space.missing(variables)).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Error::new(ErrorKind::Unauthenticated, format!("not set: {list}"))
        .with_operation("databricks.credentials")
        .with_hint("set them in the environment or in `.env`; nothing was contacted")
        .with_hint("a `…_CLIENT_ID`, with a `…_CLIENT_SECRET` or in a CI system that gives its jobs tokens, does instead of a `…_TOKEN`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(pairs: &[(&str, &str)]) -> String {
        let variables: Variables = pairs.iter().copied().collect();
        require(&[Space::Mlflow, Space::Rating], &variables)
            .err()
            .map(|error| error.message().to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        assert_eq!(
            missing(&[("DATABRICKS_MLFLOW_HOST", "https://w.test"), ("DATABRICKS_TOKEN", "not looked at")]),
            "not set: `DATABRICKS_MLFLOW_TOKEN`, `DATABRICKS_RATING_HOST`, `DATABRICKS_RATING_TOKEN`"
        );
    }

    #[test]
    fn each_way_to_sign_in_wants_its_own_variables() {
        let hosts = [("DATABRICKS_MLFLOW_HOST", "a.test"), ("DATABRICKS_RATING_HOST", "b.test")];
        let with = |more: &[(&str, &str)]| missing(&[hosts.as_slice(), more].concat());
        let clients = [("DATABRICKS_MLFLOW_CLIENT_ID", "1"), ("DATABRICKS_RATING_CLIENT_ID", "2")];
        assert_eq!(
            with(&clients),
            "not set: `DATABRICKS_MLFLOW_CLIENT_SECRET`, `DATABRICKS_RATING_CLIENT_SECRET`"
        );
        assert_eq!(with(&[clients.as_slice(), &[("DATABRICKS_OIDC_TOKEN", "x")]].concat()), "");
        assert_eq!(with(&[("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c")]), "not set: `ARM_CLIENT_SECRET`");
        assert_eq!(with(&[("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c"), ("ARM_CLIENT_SECRET", "s")]), "");
    }

    #[test]
    fn a_host_may_come_without_its_scheme() {
        let variables: Variables = [("DATABRICKS_RATING_HOST", "adb-1.test/")].into_iter().collect();
        assert_eq!(Space::Rating.host(&variables).as_deref(), Some("https://adb-1.test"));
    }
}
