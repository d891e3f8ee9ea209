//! Who asks.

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
}

impl Credentials {
    /// Signs a request.
    pub(crate) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Anonymous => request,
            Self::Basic(user, password) => request.basic_auth(user, Some(password.expose_secret())),
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
        }
    }
}
