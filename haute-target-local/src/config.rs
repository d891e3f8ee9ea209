//! `[deploy.local]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use haute_core::config::Config;
use haute_core::diagnostic::{Code, CodeInfo, Diagnostic};
use serde::{Deserialize, Serialize};

/// The keys of `[deploy.local]`.
pub(crate) const KEYS: &[&str] = &["host", "port", "drain_seconds", "start_timeout_seconds"];

/// A host that is no address of this machine, or a number out of range.
const VALUE: Code = Code::new("HT0601");

/// The codes of this crate.
pub(crate) const CODES: &[CodeInfo] = &[CodeInfo {
    code: VALUE,
    title: "a value of `[deploy.local]` cannot be used",
    explain: "`[deploy.local]` says where a release serves on this machine:\n\n    \
              [deploy.local]\n    host = \"127.0.0.1\"\n    port = 8080\n    drain_seconds = 10\n    \
              start_timeout_seconds = 120\n\n\
              `host` is an IP address of this machine, or `localhost`; `0.0.0.0` lets other machines ask for prices too. \
              `port` is 1 to 65535. `drain_seconds` (0 to 3600) is how long callers of the old release may keep their \
              connections after a new one has taken over, `start_timeout_seconds` (1 to 3600) how long a release may take \
              until it answers its test quotes.",
}];

/// `[deploy.local]`: where a release serves on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LocalConfig {
    /// An IP address of this machine, or `localhost`. `0.0.0.0` serves other machines too.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How long callers of the old release may keep their connections after a switch, in seconds.
    pub drain_seconds: u64,
    /// How long a release may take until it answers its test quotes, in seconds.
    pub start_timeout_seconds: u64,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 8080, drain_seconds: 10, start_timeout_seconds: 120 }
    }
}

impl LocalConfig {
    /// Sets where it serves.
    #[must_use]
    pub fn with_address(mut self, host: impl Into<String>, port: u16) -> Self {
        self.host = host.into();
        self.port = port;
        self
    }

    /// Sets how long callers of the old release may keep their connections, in seconds.
    #[must_use]
    pub fn with_drain_seconds(mut self, seconds: u64) -> Self {
        self.drain_seconds = seconds;
        self
    }

    /// Sets how long a release may take until it answers its test quotes, in seconds.
    #[must_use]
    pub fn with_start_timeout_seconds(mut self, seconds: u64) -> Self {
        self.start_timeout_seconds = seconds;
        self
    }

    /// Every value that cannot be used, at its place.
    pub fn validate(&self, config: &Config) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut wrong = |key: &str, message: String, help: &str| {
            let diagnostic = Diagnostic::error(VALUE, message).help(help);
            found.push(config.point(diagnostic, &format!("deploy.local.{key}"), "here"));
        };
        if self.ip().is_none() {
            wrong(
                "host",
                format!("`{}` is not an IP address", self.host),
                "write an address of this machine, such as `127.0.0.1`",
            );
        }
        if self.port == 0 {
            wrong("port", "`port` is 0".to_owned(), "write a port from 1 to 65535");
        }
        if self.drain_seconds > 3600 {
            wrong("drain_seconds", format!("`drain_seconds` is {}", self.drain_seconds), "write 0 to 3600");
        }
        if !(1..=3600).contains(&self.start_timeout_seconds) {
            let message = format!("`start_timeout_seconds` is {}", self.start_timeout_seconds);
            wrong("start_timeout_seconds", message, "write 1 to 3600");
        }
        found
    }

    /// The address as it is bound; `None` when the host is none.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self.host.as_str() {
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            host => host.trim_matches(['[', ']']).parse().ok(),
        }
    }

    /// The socket that is bound.
    pub(crate) fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.ip().unwrap_or(Ipv4Addr::LOCALHOST.into()), self.port)
    }

    /// Where this machine asks for quotes.
    pub(crate) fn url(&self) -> String {
        let mut socket = self.socket();
        if socket.ip().is_unspecified() {
            let own = if socket.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            socket.set_ip(own);
        }
        format!("http://{socket}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_this_machine() {
        let url = |host: &str| LocalConfig::default().with_address(host, 80).url();
        assert_eq!(url("127.0.0.1"), "http://127.0.0.1:80");
        assert_eq!(url("0.0.0.0"), "http://127.0.0.1:80");
        assert_eq!(url("localhost"), "http://127.0.0.1:80");
        assert_eq!(url("::"), "http://[::1]:80");
    }

    #[test]
    fn every_bad_value_is_told_at_once() {
        let config = LocalConfig {
            host: "nowhere".to_owned(),
            port: 0,
            drain_seconds: 3601,
            start_timeout_seconds: 0,
        };
        let messages: Vec<_> =
            config.validate(&Config::default()).into_iter().map(|diagnostic| diagnostic.message).collect();
        assert_eq!(
            messages,
            [
                "`nowhere` is not an IP address",
                "`port` is 0",
                "`drain_seconds` is 3601",
                "`start_timeout_seconds` is 0",
            ]
        );
        assert!(LocalConfig::default().validate(&Config::default()).is_empty());
    }
}
