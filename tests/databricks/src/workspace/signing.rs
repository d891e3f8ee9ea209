//! Where tokens are given: the workspace's own token endpoint, GitHub's, Azure's.

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Asked, Reply, TOKEN, decode, refuse};

/// The token of a job of the CI system.
pub const JOB: &str = "canary-job-77aa";
/// A client's secret.
pub const SECRET: &str = "canary-secret-31";

/// A form as an object.
pub(super) fn form(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (decode(key), Value::from(decode(value))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The answer to a request for signing in; `None` for any other.
pub(super) fn answer(asked: &Asked, headers: &HeaderMap) -> Option<Reply> {
    let host = format!("http://{}", headers["host"].to_str().unwrap());
    let signed = headers.get("authorization").and_then(|given| given.to_str().ok()).unwrap_or_default();
    let given = (200, json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}));
    let form = if asked.path.ends_with("/token") { form(&asked.bytes) } else { Value::Null };
    Some(match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/.well-known/databricks-config") => (
            200,
            json!({"oidc_endpoint": format!("{host}/oidc"), "account_id": "0", "workspace_id": "1", "cloud": "AWS"}),
        ),
        ("GET", "/oidc/.well-known/oauth-authorization-server") => {
            (200, json!({"token_endpoint": format!("{host}/oidc/v1/token")}))
        }
        ("POST", "/oidc/v1/token") => {
            // "cid:canary-secret-31" in base 64.
            let machine =
                signed == "Basic Y2lkOmNhbmFyeS1zZWNyZXQtMzE=" && form["grant_type"] == "client_credentials";
            let federated = form["subject_token"] == JOB && form["client_id"] == "cid";
            if machine || federated { given } else { refuse(401, "invalid_client", "who asks?") }
        }
        ("GET", "/gh/token") if signed == "Bearer request-token" => (200, json!({"value": JOB, "count": 1})),
        ("POST", path) if path.ends_with("/oidctoken") && signed == "Bearer request-token" => {
            (200, json!({"oidcToken": JOB}))
        }
        ("POST", "/tenant/oauth2/token") if form["client_secret"] == SECRET => {
            (200, json!({"access_token": TOKEN, "expires_in": "3599"}))
        }
        _ => return None,
    })
}
