//! Tokens of Azure for a service principal of its own directory.

use async_trait::async_trait;
use haute_core::error::Result;
use haute_core::secret::Secret;
use serde_json::Value;

use super::Exchange;
use crate::http::{ApiClient, Credentials};

/// Azure's id of Databricks (Azure Databricks, "Get a Microsoft Entra ID token").
const DATABRICKS: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

/// A service principal of an Azure directory.
#[derive(Debug)]
pub(in super::super) struct AzureServicePrincipal {
    /// Where Azure gives tokens, `https://login.microsoftonline.com`.
    pub(in super::super) authority: String,
    pub(in super::super) tenant: String,
    pub(in super::super) client_id: String,
    pub(in super::super) secret: Secret<String>,
}

#[async_trait]
impl Exchange for AzureServicePrincipal {
    async fn exchange(&self) -> Result<Value> {
        let address = format!("{}/{}/oauth2/token", self.authority.trim_end_matches('/'), self.tenant);
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.secret.expose_secret().as_str()),
            ("resource", DATABRICKS),
        ];
        Ok(ApiClient::new(&address, Credentials::Anonymous)?.form(&fields).await?)
    }
}
