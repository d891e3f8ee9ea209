//! Where wheels are looked for: the variables uv and pip read (uv documentation, "Environment variables"; pip
//! documentation, "Configuration", environment variables).

use std::fmt;
use std::path::PathBuf;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::variables::Variables;
use reqwest::Url;

use super::netrc::{Credentials, Netrc};

const PYPI: &str = "https://pypi.org/simple";

/// Where wheels are looked for, and as whom.
///
/// `Debug` shows hosts only: an address may hold a token.
#[derive(Clone)]
pub struct IndexSettings {
    pub(super) indexes: Vec<Index>,
    pub(super) netrc: Netrc,
    pub(super) roots: Vec<PathBuf>,
    pub(super) proxies: Proxies,
}

/// One index.
#[derive(Clone)]
pub(super) struct Index {
    /// Ends in `/`, without name and password.
    pub(super) url: Url,
    pub(super) credentials: Option<Credentials>,
}

/// The proxies of the conventional variables.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    pub(super) http: Option<String>,
    pub(super) https: Option<String>,
    pub(super) exceptions: Option<String>,
}

impl IndexSettings {
    /// Reads the settings:
    ///
    /// - indexes: `UV_INDEX`, `UV_EXTRA_INDEX_URL`, `PIP_EXTRA_INDEX_URL`, then the main one, the first that is set of
    ///   `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `PIP_INDEX_URL`, else PyPI. Each is asked only when those before it
    ///   do not have what the lock names, which its digests decide;
    /// - credentials: in an index's address, `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD` for one written as `name=address`, else the file
    ///   `NETRC`, else `~/.netrc`. They are sent to their host alone;
    /// - roots beyond the system's: `SSL_CERT_FILE`, `PIP_CERT`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`;
    /// - proxies: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an index that is no `https://` or `http://` address; the message never holds the address.
    pub fn from_variables(variables: &Variables) -> Result<Self> {
        let set = |name: &str| variables.get(name).filter(|value| !value.trim().is_empty());
        let mut indexes = Vec::new();
        let many = ["UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"];
        for name in many {
            for entry in set(name).unwrap_or_default().split_whitespace() {
                indexes.push(Index::parse(name, entry, variables)?);
            }
        }
        let main = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"];
        let (name, entry) = main
            .into_iter()
            .find_map(|name| set(name).map(|value| (name, value)))
            .unwrap_or(("the built-in index", PYPI));
        indexes.push(Index::parse(name, entry.trim(), variables)?);
        let mut unique: Vec<Index> = Vec::new();
        for index in indexes {
            if !unique.iter().any(|other| other.url == index.url) {
                unique.push(index);
            }
        }
        let netrc = set("NETRC")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".netrc")))
            .and_then(|path| std::fs::read_to_string(path).ok())
            .map_or_else(Netrc::default, |text| Netrc::parse(&text));
        let mut roots: Vec<PathBuf> = ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
            .into_iter()
            .filter_map(|name| set(name).map(PathBuf::from))
            .collect();
        roots.sort();
        roots.dedup();
        let either = |upper: &str| {
            set(upper).or_else(|| set(&upper.to_ascii_lowercase())).map(|value| value.trim().to_owned())
        };
        let proxies = Proxies {
            // A server's request header `Proxy` becomes `HTTP_PROXY` in CGI programs; this is none, so both cases are read.
            http: either("HTTP_PROXY").or_else(|| either("ALL_PROXY")),
            https: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")),
            exceptions: either("NO_PROXY"),
        };
        Ok(Self { indexes: unique, netrc, roots, proxies })
    }

    /// The hosts that are asked, in order, as `host` or `host:port`.
    pub fn hosts(&self) -> Vec<String> {
        self.indexes.iter().map(|index| host(&index.url)).collect()
    }

    /// The credentials for a request to `url`: an index's own where scheme, host and port are the index's, else the host's
    /// in the `.netrc`.
    pub(super) fn credentials(&self, url: &Url) -> Option<&Credentials> {
        self.indexes
            .iter()
            .filter(|index| index.url.origin() == url.origin())
            .find_map(|index| index.credentials.as_ref())
            .or_else(|| url.host_str().and_then(|host| self.netrc.of(host)))
    }
}

impl fmt::Debug for IndexSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSettings")
            .field("hosts", &self.hosts())
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

impl Index {
    fn parse(variable: &str, entry: &str, variables: &Variables) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::InvalidInput, format!("an index in `{variable}` {what}"))
                .with_operation("index.settings")
                .with_hint("write it as `https://host/simple`")
        };
        let (name, address) = match entry.split_once('=') {
            Some((name, address)) if !name.contains([':', '/']) => (Some(name), address),
            _ => (None, entry),
        };
        // The parser's error would show the address.
        let mut url = Url::parse(address).map_err(|_| wrong("is no address"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("is not on the web: a directory or another protocol cannot be asked"));
        }
        let mut credentials = (!url.username().is_empty() || url.password().is_some())
            .then(|| Credentials::new(decode(url.username()), decode(url.password().unwrap_or_default())));
        if let Some(name) = name {
            let key: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect();
            let of = |what: &str| variables.get(&format!("UV_INDEX_{key}_{what}"));
            if of("USERNAME").is_some() || of("PASSWORD").is_some() {
                let known = credentials.as_ref().map(|known| known.username.clone()).unwrap_or_default();
                credentials = Some(Credentials::new(
                    of("USERNAME").map_or(known, str::to_owned),
                    of("PASSWORD").unwrap_or_default(),
                ));
            }
        }
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| wrong("is no address"))?;
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { url, credentials })
    }
}

/// `host` or `host:port`: all that is ever shown of an address, for tokens also hide in paths and queries.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Percent-decodes (RFC 3986 §2.1); what is no UTF-8 afterwards is replaced.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let pair = tail.first_chunk::<2>().filter(|_| first == b'%').and_then(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        });
        bytes.push(pair.unwrap_or(first));
        rest = if pair.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<IndexSettings> {
        IndexSettings::from_variables(&pairs.iter().copied().collect())
    }

    #[test]
    fn indexes_come_in_the_order_they_are_asked() {
        assert_eq!(settings(&[]).unwrap().hosts(), ["pypi.org"]);
        let some = settings(&[
            ("PIP_INDEX_URL", "https://never.test/simple"),
            ("UV_DEFAULT_INDEX", "main=https://main.test:8443/simple"),
            ("PIP_EXTRA_INDEX_URL", "https://c.test/s/ https://c.test/s"),
            ("UV_INDEX", "a=https://a.test/simple https://b.test/simple"),
        ]);
        assert_eq!(some.unwrap().hosts(), ["a.test", "b.test", "c.test", "main.test:8443"]);
    }

    #[test]
    fn credentials_belong_to_their_host_and_never_show() {
        let settings = settings(&[
            ("UV_INDEX", "corp=https://corp.test/simple"),
            ("UV_INDEX_CORP_USERNAME", "robot"),
            ("UV_INDEX_CORP_PASSWORD", "canary-1"),
            ("PIP_INDEX_URL", "https://me%40corp:can%61ry-2@main.test/simple"),
        ])
        .unwrap();
        let of = |url: &str| settings.credentials(&Url::parse(url).unwrap()).cloned();
        assert_eq!(of("https://corp.test/files/a.whl"), Some(Credentials::new("robot", "canary-1")));
        assert_eq!(of("https://main.test/a"), Some(Credentials::new("me@corp", "canary-2")));
        for other in ["http://main.test/a", "https://main.test:444/a", "https://files.test/a"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn what_is_no_index_is_refused_without_showing_it() {
        for address in ["canary-secret", "file:///canary/x", "https://u:canary@", "ftp://canary.test/"] {
            let error = settings(&[("UV_INDEX_URL", address)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!format!("{error:?}").contains("canary"), "{address}");
        }
    }
}
