//! A served model of MLflow, asked for quotes: `mlflow models serve`, or a serving endpoint of Databricks.

use async_trait::async_trait;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::verify::{Health, QuoteService};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::http::{ApiClient, CallError, Credentials};

/// A served model that answers at `<address>/invocations`.
///
/// Such an address says nothing of the release it answers for: [`with_release`](Self::with_release) sets what its target
/// knows of it, and [`health`](QuoteService::health) gives that back.
#[derive(Clone)]
pub struct InvocationsService {
    client: ApiClient,
    /// Below the client's address.
    path: String,
    release: Option<Digest>,
}

impl InvocationsService {
    /// The model served at `url`, which asks for no credentials.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when `url` is no `http` or `https` address.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self::at(ApiClient::new(url, Credentials::Anonymous)?, "invocations".to_owned(), None))
    }

    /// The model served at `path` of `client`'s server.
    pub(crate) fn at(client: ApiClient, path: String, release: Option<Digest>) -> Self {
        Self { client, path, release }
    }

    /// Sets the release that is served, as its target says.
    #[must_use]
    pub fn with_release(mut self, release: Digest) -> Self {
        self.release = Some(release);
        self
    }
}

#[async_trait]
impl QuoteService for InvocationsService {
    async fn health(&self) -> Result<Health> {
        Ok(Health::new("ok", self.release.clone(), None))
    }

    async fn quote(&self, rows: &[Map<String, Value>]) -> Result<Vec<Map<String, Value>>> {
        let body = json!({"dataframe_records": rows});
        let answer = match self.client.send(Method::POST, &self.path, &body).await {
            Ok(answer) => answer,
            // A model that refuses a quote is a finding, not a fault of the way to it.
            Err(CallError::Refused { code, error }) if error.kind() == ErrorKind::InvalidInput => {
                return Err(Error::new(ErrorKind::VerificationFailed, error.message().to_owned())
                    .with_operation("databricks.invocations")
                    .with_context("error code", code));
            }
            Err(error) => return Err(error.into()),
        };
        let unfit = |what: &str| {
            Error::new(ErrorKind::VerificationFailed, format!("`{}` answers {what}", self.client.base()))
                .with_operation("databricks.invocations")
        };
        let rows =
            answer.get("predictions").and_then(Value::as_array).ok_or_else(|| unfit("no predictions"))?;
        rows.iter()
            .map(|row| row.as_object().cloned().ok_or_else(|| unfit("a row that is no object")))
            .collect()
    }
}
