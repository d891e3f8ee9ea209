//! How a registry is spoken to.

use std::path::Path;
use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::variables::Variables;

/// How a registry is spoken to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Hosts, as names of images write them (`registry.lan:5000`), that speak plain HTTP. This machine's own addresses
    /// (`localhost`, `127.0.0.1`, `[::1]`) always do.
    pub insecure: Vec<String>,
    /// Hosts of this machine that speak HTTPS all the same.
    pub secure: Vec<String>,
    /// Certificates in PEM, trusted besides those of the system.
    pub certificates: Vec<Vec<u8>>,
    /// How often one request is made before it counts as failed, the first time included.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from there, with jitter, up to [`longest_wait`](Self::longest_wait).
    pub first_wait: Duration,
    /// The longest wait between two attempts. A registry that asks for more is not waited for.
    pub longest_wait: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long nothing may move, in either direction.
    pub idle_timeout: Duration,
    /// How long a registry may take to store what it received whole.
    pub commit_timeout: Duration,
}

impl Default for ClientOptions {
    /// Six attempts over about ten seconds; 10 s to connect, 60 s of silence, 5 min to store a blob.
    fn default() -> Self {
        Self {
            insecure: Vec::new(),
            secure: Vec::new(),
            certificates: Vec::new(),
            attempts: 6,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            commit_timeout: Duration::from_mins(5),
        }
    }
}

impl ClientOptions {
    /// Speaks plain HTTP to `host`.
    #[must_use]
    pub fn with_insecure(mut self, host: impl Into<String>) -> Self {
        self.insecure.push(host.into());
        self
    }

    /// Speaks HTTPS to `host`, though it is this machine.
    #[must_use]
    pub fn with_secure(mut self, host: impl Into<String>) -> Self {
        self.secure.push(host.into());
        self
    }

    /// Trusts the certificates in `pem` besides those of the system.
    #[must_use]
    pub fn with_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Trusts the certificates in the file `SSL_CERT_FILE` names, when it names one.
    ///
    /// The variable of the process itself is honoured without this; this is for a caller who hands over variables of its
    /// own, or read them from a `.env` file.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the file cannot be read.
    pub fn with_variables(self, variables: &Variables) -> Result<Self> {
        match variables.get("SSL_CERT_FILE") {
            None | Some("") => Ok(self),
            Some(path) => {
                let pem = std::fs::read(Path::new(path)).map_err(|source| {
                    Error::new(ErrorKind::InvalidInput, format!("cannot read the certificates in `{path}`"))
                        .with_hint("`SSL_CERT_FILE` names it")
                        .with_source(source)
                })?;
                Ok(self.with_certificates(pem))
            }
        }
    }

    /// Sets how often one request is made, at least once.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the first and the longest wait between two attempts.
    #[must_use]
    pub fn with_waits(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }

    /// Sets how long nothing may move, and how long a registry may take to store a blob.
    #[must_use]
    pub fn with_timeouts(mut self, idle: Duration, commit: Duration) -> Self {
        self.idle_timeout = idle;
        self.commit_timeout = commit;
        self
    }

    /// Whether `host` (with its port, as an image names it) is spoken to without encryption.
    pub(super) fn is_plain(&self, host: &str) -> bool {
        let named = |hosts: &[String]| hosts.iter().any(|named| named.eq_ignore_ascii_case(host));
        named(&self.insecure) || (is_this_machine(host) && !named(&self.secure))
    }
}

/// Whether `host`, with or without a port, is this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    let name = if let Some(rest) = host.strip_prefix('[') {
        rest.split(']').next().unwrap_or(rest)
    } else {
        host.split(':').next().unwrap_or(host)
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_and_for_what_is_named() {
        let options =
            ClientOptions::default().with_insecure("registry.lan:5000").with_secure("localhost:5443");
        for plain in ["localhost:5000", "127.0.0.1", "127.0.0.1:5000", "[::1]:5000", "Registry.lan:5000"] {
            assert!(options.is_plain(plain), "{plain}");
        }
        for encrypted in [
            "registry.lan",
            "localhost:5443",
            "localhost.example:5000",
            "127.0.0.1.example",
            "registry.example",
        ] {
            assert!(!options.is_plain(encrypted), "{encrypted}");
        }
    }
}
