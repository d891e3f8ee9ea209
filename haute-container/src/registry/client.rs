//! A client of one registry.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use reqwest::Url;

use super::authority::Authority;
use super::credentials::CredentialSource;
use super::error::{Place, is_ecr};
use super::http::Http;
use super::options::ClientOptions;
use super::transport::Transport;
use crate::reference::ImageReference;

/// A client of one registry that speaks the OCI distribution protocol (distribution-spec 1.1; Docker's registry API v2).
///
/// Clones share connections, tokens and what was learnt about the registry. Every call is safe to cancel by dropping its
/// future: at worst a registry keeps an unfinished upload, which it forgets after a while, or a blob nobody names yet.
#[derive(Clone)]
pub struct RegistryClient(Arc<Inner>);

struct Inner {
    host: String,
    pub(super) transport: Transport,
    /// Whether an upload that broke off may be taken up where it ended. Amazon's ECR loses what comes after the first
    /// part without saying so (aws/containers-roadmap issue 2831).
    resumes: AtomicBool,
}

impl std::fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryClient").field("host", &self.0.host).finish_non_exhaustive()
    }
}

impl RegistryClient {
    /// A client of the registry that `image` names. Nothing is sent yet.
    ///
    /// Proxies are those of the process (`HTTPS_PROXY` …), but for this machine's own addresses.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a certificate of `options` cannot be read.
    pub fn new(
        image: &ImageReference,
        credentials: Arc<dyn CredentialSource>,
        options: &ClientOptions,
    ) -> Result<Self> {
        let host = image.host().to_owned();
        let scheme = if options.is_plain(&host) { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/")).map_err(|source| {
            Error::new(ErrorKind::InvalidInput, format!("`{host}` is no registry's host"))
                .with_operation("registry.connect")
                .with_source(source)
        })?;
        let http = Http::new(&host, options)?;
        let authority = Authority::new(host.clone(), credentials, http.clone(), options.clone());
        let transport = Transport::new(http, base, authority, options.clone());
        let resumes = AtomicBool::new(!is_ecr(&host));
        Ok(Self(Arc::new(Inner { host, transport, resumes })))
    }

    /// The host, with its port when the image's name has one.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// Whether both are clients of the same registry.
    pub fn is_same_registry(&self, other: &Self) -> bool {
        self.0.host.eq_ignore_ascii_case(&other.0.host)
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(super) fn resumes(&self) -> bool {
        self.0.resumes.load(Ordering::Relaxed)
    }

    pub(super) fn resumes_no_more(&self) {
        self.0.resumes.store(false, Ordering::Relaxed);
    }

    /// What errors of a call say about where it was made.
    pub(super) fn place(&self, operation: &'static str, repository: &str, writes: bool) -> Place {
        Place { operation, host: self.0.host.clone(), repository: repository.to_owned(), writes }
    }

    /// The address of something in a repository: `/v2/<repository>/<rest>`.
    pub(super) fn url(&self, repository: &str, rest: &str) -> Result<Url> {
        checked(repository)?;
        self.0
            .transport
            .base()
            .join(&format!("v2/{repository}/{rest}"))
            .map_err(|source| Error::bug("the address of a registry cannot be made").with_source(source))
    }
}

/// Refuses what is no repository: the name becomes a part of an address.
fn checked(repository: &str) -> Result<()> {
    let named = format!("registry.invalid/{repository}").parse::<ImageReference>();
    match named {
        Ok(named) if named.tag().is_none() && named.digest().is_none() => Ok(()),
        _ => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("`{}` is no name of a repository", repository.escape_debug()),
        )),
    }
}

/// Refuses what is neither tag nor digest.
pub(super) fn checked_reference(reference: &str) -> Result<Option<Digest>> {
    if let Some(digest) = Digest::parse(reference) {
        return Ok(Some(digest));
    }
    "registry.invalid/a".parse::<ImageReference>()?.with_tag(reference).map(|_| None)
}

#[cfg(test)]
mod tests {
    use super::super::credentials::Anonymous;
    use super::*;

    fn client(image: &str) -> RegistryClient {
        let options = ClientOptions::default();
        RegistryClient::new(&image.parse().unwrap(), Arc::new(Anonymous), &options).unwrap()
    }

    #[test]
    fn the_host_decides_how_it_is_spoken_to() {
        let amazon = client("123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor");
        assert!(!amazon.resumes(), "later parts of an upload would be lost");
        assert_eq!(amazon.transport().base().scheme(), "https");
        let own = client("localhost:5000/motor");
        assert!(own.resumes());
        assert_eq!(
            own.url("motor", "tags/list").unwrap().as_str(),
            "http://localhost:5000/v2/motor/tags/list"
        );
        let hub = client("python:3.11-slim");
        assert_eq!(hub.host(), "registry-1.docker.io");
        assert!(hub.url("library/../etc", "x").is_err());
        assert_eq!(format!("{hub:?}"), "RegistryClient { host: \"registry-1.docker.io\", .. }");
    }
}
