//! Who asks.

use std::sync::Arc;

use async_trait::async_trait;
use haute_core::error::Result;
use haute_core::secret::Secret;
use reqwest::RequestBuilder;

/// What a request is signed with. Shows no secret in debug output.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// Nothing.
    Anonymous,
    /// A user name and a password (RFC 7617).
    Basic(String, Secret<String>),
    /// A token (RFC 6750).
    Bearer(Secret<String>),
    /// A token that is got, and got again before it ends.
    Source(Arc<dyn TokenSource>),
}

/// Where tokens come from.
#[async_trait]
pub(crate) trait TokenSource: std::fmt::Debug + Send + Sync {
    /// A token that holds for the next minutes. Cancel-safe.
    async fn token(&self) -> Result<Secret<String>>;

    /// The token that was given last was refused: the next one is got anew.
    async fn refused(&self);
}

impl Credentials {
    /// Signs a request.
    pub(crate) async fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder> {
        Ok(match self {
            Self::Anonymous => request,
            Self::Basic(user, password) => request.basic_auth(user, Some(password.expose_secret())),
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Self::Source(source) => request.bearer_auth(source.token().await?.expose_secret()),
        })
    }
}
