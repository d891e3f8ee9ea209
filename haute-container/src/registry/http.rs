//! The HTTP clients under a registry client.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use reqwest::{Certificate, Client, Method, RequestBuilder, Url, redirect};

use super::options::{ClientOptions, is_this_machine};

/// One client for plain addresses and one for encrypted ones, each made when it is first used: to read the certificates a
/// system trusts takes longer than to push a small image to a registry next door. Clones share both.
#[derive(Clone)]
pub(super) struct Http(Arc<Clients>);

struct Clients {
    proxied: bool,
    connect_timeout: Duration,
    certificates: Vec<Certificate>,
    plain: OnceLock<Client>,
    encrypted: OnceLock<Client>,
}

impl Http {
    pub(super) fn new(host: &str, options: &ClientOptions) -> Result<Self> {
        let mut certificates = Vec::new();
        for pem in &options.certificates {
            certificates.extend(Certificate::from_pem_bundle(pem).map_err(|source| {
                Error::new(ErrorKind::InvalidInput, "a file of trusted certificates is not in PEM")
                    .with_operation("registry.connect")
                    .with_source(source)
            })?);
        }
        Ok(Self(Arc::new(Clients {
            proxied: !is_this_machine(host),
            connect_timeout: options.connect_timeout,
            certificates,
            plain: OnceLock::new(),
            encrypted: OnceLock::new(),
        })))
    }

    /// The beginning of a request.
    pub(super) fn request(&self, method: Method, url: Url) -> Result<RequestBuilder> {
        let Clients { plain, encrypted, .. } = &*self.0;
        let is_encrypted = url.scheme() != "http";
        let slot = if is_encrypted { encrypted } else { plain };
        if let Some(client) = slot.get() {
            return Ok(client.request(method, url));
        }
        let made = self.make(is_encrypted)?;
        Ok(slot.get_or_init(|| made).request(method, url))
    }

    fn make(&self, encrypted: bool) -> Result<Client> {
        let clients = &*self.0;
        let mut builder = Client::builder()
            .user_agent(concat!("haute-deploy/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(clients.connect_timeout)
            .tcp_keepalive(Duration::from_secs(30));
        if !clients.proxied {
            builder = builder.no_proxy();
        }
        if !encrypted {
            // Trusts nobody: it is not asked for anything encrypted.
            builder = builder.tls_certs_only([]);
        } else if !clients.certificates.is_empty() {
            builder = builder.tls_certs_merge(clients.certificates.clone());
        }
        builder.build().map_err(|source| {
            Error::new(ErrorKind::Unexpected, "an HTTP client cannot be made")
                .with_operation("registry.connect")
                .with_hint("the certificates of the system could not be read, or one that was named is none")
                .with_source(source)
        })
    }
}
