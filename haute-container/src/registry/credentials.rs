//! Who signs in to a registry.

use async_trait::async_trait;
use haute_core::error::Result;
use haute_core::secret::Secret;

/// What a registry is signed in to with. Its `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A name and a password, or a token in the place of a password (Amazon ECR: `AWS` and a token that lives 12 h).
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Secret<String>,
    },
    /// A refresh token of an OAuth 2 server, exchanged for tokens at the registry's realm (`identitytoken` of a Docker
    /// configuration, `<token>` of a credential helper).
    IdentityToken(Secret<String>),
    /// A token that is sent to the registry as it is (`registrytoken` of a Docker configuration).
    RegistryToken(Secret<String>),
}

impl Credentials {
    /// A name and a password.
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Password { username: username.into(), password: Secret::new(password.into()) }
    }

    /// A refresh token.
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self::IdentityToken(Secret::new(token.into()))
    }

    /// A token for the registry itself.
    pub fn registry_token(token: impl Into<String>) -> Self {
        Self::RegistryToken(Secret::new(token.into()))
    }

    /// The name and the password, for an engine that signs in by itself; `None` for tokens.
    pub fn username_and_password(&self) -> Option<(&str, &str)> {
        match self {
            Self::Password { username, password } => Some((username, password.expose_secret())),
            Self::IdentityToken(_) | Self::RegistryToken(_) => None,
        }
    }

    /// The part nobody may see.
    pub(super) fn secret(&self) -> &str {
        match self {
            Self::Password { password: secret, .. }
            | Self::IdentityToken(secret)
            | Self::RegistryToken(secret) => secret.expose_secret(),
        }
    }
}

/// Where credentials come from: a Docker configuration, a cloud.
///
/// A client asks when the registry first demands to know who calls, not before, and keeps the answer.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credentials for `host` (with its port, when the name of the image has one); `None` when there are none, and
    /// the client goes on without a name.
    ///
    /// `fresh` says that the registry refused what this source gave last: a source that caches asks again.
    ///
    /// # Errors
    /// When a source that should know cannot tell: an unreadable configuration, a helper that fails, a cloud out of reach.
    async fn credentials(&self, host: &str, fresh: bool) -> Result<Option<Credentials>>;
}

/// Calls without a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

#[async_trait]
impl CredentialSource for Anonymous {
    async fn credentials(&self, _host: &str, _fresh: bool) -> Result<Option<Credentials>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_who_but_not_the_secret() {
        for credentials in [
            Credentials::password("deployer", "hunter2"),
            Credentials::identity_token("hunter2"),
            Credentials::registry_token("hunter2"),
        ] {
            assert!(!format!("{credentials:?}").contains("hunter2"));
            assert_eq!(credentials.secret(), "hunter2");
        }
        assert!(format!("{:?}", Credentials::password("deployer", "x")).contains("deployer"));
    }
}
