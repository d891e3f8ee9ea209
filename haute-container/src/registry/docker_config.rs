//! The part of Docker's `config.json` that says who signs in (docs.docker.com, `docker login`, "Credential stores").

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::credentials::Credentials;

/// Docker Hub under the name its configuration uses.
const HUB: &str = "index.docker.io";

/// The address Docker's tools keep the credentials of Docker Hub under.
const HUB_ADDRESS: &str = "https://index.docker.io/v1/";

/// A configuration file. Keys it does not name are none of its business.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DockerConfig {
    auths: BTreeMap<String, Entry>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// Why an entry of the file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadEntry;

impl DockerConfig {
    /// Reads the file's text.
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// The program that knows the credentials of `host`: what follows `docker-credential-` in its name.
    pub(super) fn helper(&self, host: &str) -> Option<&str> {
        let wanted = normal(host);
        let own = self
            .cred_helpers
            .iter()
            .find(|(key, _)| normal(key) == wanted)
            .map(|(_, helper)| helper.as_str());
        own.or(Some(self.creds_store.as_str())).filter(|helper| !helper.is_empty())
    }

    /// What the file itself holds for `host`.
    pub(super) fn stored(&self, host: &str) -> Result<Option<Credentials>, BadEntry> {
        let wanted = normal(host);
        let exact = self.auths.get(host);
        let entry = exact
            .or_else(|| self.auths.iter().find(|(key, _)| normal(key) == wanted).map(|(_, entry)| entry));
        let Some(entry) = entry else { return Ok(None) };
        if !entry.registrytoken.is_empty() {
            return Ok(Some(Credentials::registry_token(&entry.registrytoken)));
        }
        if !entry.identitytoken.is_empty() {
            return Ok(Some(Credentials::identity_token(&entry.identitytoken)));
        }
        if !entry.auth.is_empty() {
            return decode(&entry.auth).map(Some).ok_or(BadEntry);
        }
        Ok((!entry.username.is_empty()).then(|| Credentials::password(&entry.username, &entry.password)))
    }
}

/// `base64(name:password)`.
fn decode(auth: &str) -> Option<Credentials> {
    let lenient = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text = String::from_utf8(lenient.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Old versions of Docker end it with a NUL.
    Some(Credentials::password(username, password.trim_end_matches('\0')))
}

/// What a helper is asked for: the host, but for Docker Hub the address its tools use.
pub(super) fn helper_address(host: &str) -> &str {
    if normal(host) == HUB { HUB_ADDRESS } else { host }
}

/// Whether two names mean the same registry.
pub(super) fn same_registry(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// The host of a key, which may be a host or an address, with one name for Docker Hub.
fn normal(key: &str) -> String {
    let host = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let host = host.split('/').next().unwrap_or(host).to_ascii_lowercase();
    match host.as_str() {
        "docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => HUB.to_owned(),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> DockerConfig {
        DockerConfig::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn each_form_of_an_entry_is_read() {
        let config = config(
            r#"{"auths": {
                "a.example": {"auth": "dXNlcjpwYTpzcw=="},
                "https://b.example/v2/": {"auth": "dXNlcjpwYTpzcw"},
                "https://index.docker.io/v1/": {"username": "u", "password": "p"},
                "c.example:5000": {"identitytoken": "t", "auth": ""},
                "d.example": {"registrytoken": "r"},
                "e.example": {"auth": "???"},
                "f.example": {}
            }, "HttpHeaders": {"a": "b"}}"#,
        );
        assert_eq!(config.stored("a.example"), Ok(Some(Credentials::password("user", "pa:ss"))));
        assert_eq!(config.stored("b.example"), Ok(Some(Credentials::password("user", "pa:ss"))));
        for hub in ["docker.io", "registry-1.docker.io", "index.docker.io"] {
            assert_eq!(config.stored(hub), Ok(Some(Credentials::password("u", "p"))), "{hub}");
        }
        assert_eq!(config.stored("c.example:5000"), Ok(Some(Credentials::identity_token("t"))));
        assert_eq!(config.stored("c.example"), Ok(None));
        assert_eq!(config.stored("d.example"), Ok(Some(Credentials::registry_token("r"))));
        assert_eq!(config.stored("e.example"), Err(BadEntry));
        assert_eq!(config.stored("f.example"), Ok(None));
        assert_eq!(config.helper("a.example"), None);
    }

    #[test]
    fn a_helper_of_the_host_goes_before_the_store() {
        let config =
            config(r#"{"credsStore": "desktop", "credHelpers": {"https://a.example": "ecr-login"}}"#);
        assert_eq!(config.helper("a.example"), Some("ecr-login"));
        assert_eq!(config.helper("b.example"), Some("desktop"));
        assert_eq!(helper_address("docker.io"), "https://index.docker.io/v1/");
        assert_eq!(helper_address("a.example:5000"), "a.example:5000");
    }
}
