//! Tokens of a workspace's own token endpoint.

use async_trait::async_trait;
use haute_core::error::Result;
use haute_core::secret::Secret;
use serde_json::Value;

use super::Exchange;
use super::discovery::discover;
use super::identity::Identity;
use crate::http::{ApiClient, Credentials};

/// A service principal with a secret.
#[derive(Debug)]
pub(in super::super) struct Machine {
    pub(in super::super) host: String,
    pub(in super::super) client_id: String,
    pub(in super::super) secret: Secret<String>,
}

#[async_trait]
impl Exchange for Machine {
    async fn exchange(&self) -> Result<Value> {
        let found = discover(&self.host).await?;
        let credentials = Credentials::Basic(self.client_id.clone(), self.secret.clone());
        let client = ApiClient::new(&found.endpoint, credentials)?;
        Ok(client.form(&[("grant_type", "client_credentials"), ("scope", "all-apis")]).await?)
    }
}

/// A service principal that trusts tokens of a CI system: no secret is stored anywhere.
#[derive(Debug)]
pub(in super::super) struct Federated {
    pub(in super::super) host: String,
    pub(in super::super) client_id: String,
    pub(in super::super) identity: Identity,
    /// Whom the CI system's token is for, where that is set.
    pub(in super::super) audience: Option<String>,
}

#[async_trait]
impl Exchange for Federated {
    async fn exchange(&self) -> Result<Value> {
        let found = discover(&self.host).await?;
        let audience = self.audience.as_deref().unwrap_or(&found.audience);
        let token = self.identity.token(audience).await?;
        let client = ApiClient::new(&found.endpoint, Credentials::Anonymous)?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token.expose_secret().as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("scope", "all-apis"),
            ("client_id", self.client_id.as_str()),
        ];
        Ok(client.form(&fields).await?)
    }
}
