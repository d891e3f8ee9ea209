//! Tokens that a CI system gives its jobs to say who they are.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::secret::Secret;
use haute_core::variables::Variables;
use reqwest::Method;
use serde_json::Value;

use crate::http::{ApiClient, Call, Credentials};

/// Where a job's token comes from.
#[derive(Clone, Debug)]
pub(in super::super) enum Identity {
    /// GitHub Actions, "OIDC": asked for, for an audience.
    GitHub { address: String, token: Secret<String> },
    /// Azure Pipelines, "OIDC token": asked for.
    AzureDevOps { address: String, token: Secret<String> },
    /// Given in a variable: GitLab's `id_tokens`.
    Given(Secret<String>),
    /// In a file, which is read each time: it may be renewed.
    File(String),
}

impl Identity {
    /// The first way the variables show.
    pub(in super::super) fn of(variables: &Variables) -> Option<Self> {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let named = set("DATABRICKS_OIDC_TOKEN_ENV").unwrap_or_else(|| "DATABRICKS_OIDC_TOKEN".to_owned());
        if let Some(token) = set(&named) {
            return Some(Self::Given(Secret::new(token)));
        }
        if let Some(path) = set("DATABRICKS_OIDC_TOKEN_FILEPATH") {
            return Some(Self::File(path));
        }
        if let (Some(address), Some(token)) =
            (set("ACTIONS_ID_TOKEN_REQUEST_URL"), set("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
        {
            return Some(Self::GitHub { address, token: Secret::new(token) });
        }
        let collection = set("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")?;
        let address = format!(
            "{}/{}/_apis/distributedtask/hubs/{}/plans/{}/jobs/{}/oidctoken",
            collection.trim_end_matches('/'),
            set("SYSTEM_TEAMPROJECTID")?,
            set("SYSTEM_HOSTTYPE")?,
            set("SYSTEM_PLANID")?,
            set("SYSTEM_JOBID")?
        );
        Some(Self::AzureDevOps { address, token: Secret::new(set("SYSTEM_ACCESSTOKEN")?) })
    }

    /// A token for `audience`.
    pub(super) async fn token(&self, audience: &str) -> Result<Secret<String>> {
        let (answer, key) = match self {
            Self::Given(token) => return Ok(token.clone()),
            Self::File(path) => {
                let text = tokio::fs::read_to_string(path).await.map_err(|source| {
                    Error::new(ErrorKind::Unauthenticated, format!("the token file `{path}` cannot be read"))
                        .with_operation("databricks.auth")
                        .with_source(source)
                })?;
                return Ok(Secret::new(text.trim().to_owned()));
            }
            Self::GitHub { address, token } => {
                let client = ApiClient::new(address, Credentials::Bearer(token.clone()))?;
                (client.get("", &[("audience", audience)]).await?, "value")
            }
            Self::AzureDevOps { address, token } => {
                let client = ApiClient::new(address, Credentials::Bearer(token.clone()))?;
                let query = [("api-version", "7.2-preview.1")];
                let call = Call { method: &Method::POST, path: "", query: &query };
                (client.call(call, Some(&serde_json::json!({}))).await?.value, "oidcToken")
            }
        };
        let token = answer.get(key).and_then(Value::as_str).filter(|token| !token.is_empty());
        token.map(|token| Secret::new(token.to_owned())).ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "the CI system gave no token for this job")
                .with_operation("databricks.auth")
                .with_hint("GitHub wants `permissions: id-token: write` in the workflow")
        })
    }
}
