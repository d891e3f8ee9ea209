//! Where a workspace gives tokens.

use haute_core::error::Result;
use serde_json::Value;

use crate::http::{ApiClient, Credentials, absent};

/// What a workspace says about signing in.
#[derive(Debug)]
pub(super) struct Discovered {
    /// Where tokens are given.
    pub(super) endpoint: String,
    /// Whom a token of the CI system must be for.
    pub(super) audience: String,
}

/// Asks a workspace. One that says nothing of itself gives tokens at its usual address.
pub(super) async fn discover(host: &str) -> Result<Discovered> {
    let client = ApiClient::new(host, Credentials::Anonymous)?;
    let said = absent(client.get(".well-known/databricks-config", &[]).await)?.unwrap_or_default();
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let oidc = text(&said, "oidc_endpoint").unwrap_or_else(|| format!("{host}/oidc"));
    let oidc = oidc.trim_end_matches('/');
    let server = ApiClient::new(oidc, Credentials::Anonymous)?;
    let server = absent(server.get(".well-known/oauth-authorization-server", &[]).await)?.unwrap_or_default();
    let endpoint = text(&server, "token_endpoint").unwrap_or_else(|| format!("{oidc}/v1/token"));
    let default = said.pointer("/token_federation_default_oidc_audiences/0").and_then(Value::as_str);
    // An account's own address has no workspace.
    let account =
        || text(&said, "account_id").filter(|_| text(&said, "workspace_id").is_none() && !said.is_null());
    let audience = default.map(str::to_owned).or_else(account).unwrap_or_else(|| endpoint.clone());
    Ok(Discovered { endpoint, audience })
}
