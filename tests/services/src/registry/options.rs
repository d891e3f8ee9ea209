//! How a registry of a test is to be.

/// A plain registry, unless told otherwise.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RegistryOptions {
    /// User and password it asks for, as HTTP Basic.
    pub credentials: Option<(String, String)>,
    /// Whether it speaks TLS, by a certificate nobody knows.
    pub tls: bool,
    /// Whether it refuses changes.
    pub read_only: bool,
    /// Whether it names addresses without a host.
    pub relative: bool,
}

impl RegistryOptions {
    /// A plain registry everybody may write to.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Asks for `user` and `password`.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Speaks TLS; [`Registry::certificates`](crate::Registry::certificates) has the authority to trust.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Refuses changes.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Names addresses without a host, as the specification allows: `Location: /v2/…`.
    #[must_use]
    pub fn with_relative_addresses(mut self) -> Self {
        self.relative = true;
        self
    }
}
