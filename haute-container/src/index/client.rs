//! Requests to indexes and to where their files are: signed in, retried, and never showing an address.

use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{Certificate, Client, NoProxy, Proxy, Response, StatusCode, Url, redirect};

use super::settings::{IndexSettings, host};

/// How often a request is made before its error is given up to.
const ATTEMPTS: u32 = 5;

/// The longest wait another side may ask for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Makes requests.
#[derive(Clone, Debug)]
pub(super) struct IndexClient {
    client: Client,
    pub(super) settings: IndexSettings,
    pause: Duration,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// A page of an index, in the newest form it has.
    Page,
    /// A file from this byte on.
    File(u64),
}

impl IndexClient {
    /// A client that waits `pause` before the second attempt, and twice as long before each other.
    pub(super) fn new(settings: IndexSettings, pause: Duration) -> Result<Self> {
        let wrong =
            |what: &str| Error::new(ErrorKind::InvalidInput, what.to_owned()).with_operation("index.connect");
        let mut builder = Client::builder()
            .user_agent(concat!("haute-cli/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_mins(1))
            .redirect(redirect::Policy::custom(|attempt| {
                let secure = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
                if secure && attempt.url().scheme() != "https" {
                    attempt.error("an address behind TLS was redirected to one without")
                } else {
                    redirect::Policy::limited(10).redirect(attempt)
                }
            }))
            .no_proxy();
        let proxies = &settings.proxies;
        let exceptions = proxies.exceptions.as_deref().and_then(NoProxy::from_string);
        // The parser's error would show the address.
        let unusable = |_| wrong("the proxy of the environment is no address");
        if let Some(address) = &proxies.http {
            builder = builder.proxy(Proxy::http(address).map_err(unusable)?.no_proxy(exceptions.clone()));
        }
        if let Some(address) = &proxies.https {
            builder = builder.proxy(Proxy::https(address).map_err(unusable)?.no_proxy(exceptions));
        }
        let mut roots = Vec::new();
        for path in &settings.roots {
            let unreadable = || {
                wrong("a file of certificates named by the environment cannot be read")
                    .with_context("file", path.display().to_string())
                    .with_hint("`SSL_CERT_FILE`, `PIP_CERT`, `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` name files in PEM form")
            };
            // pip takes a directory here, too; those of the system are known anyway.
            if path.is_dir() {
                continue;
            }
            let pem = std::fs::read(path).map_err(|source| unreadable().with_source(source))?;
            roots.extend(
                Certificate::from_pem_bundle(&pem).map_err(|source| unreadable().with_source(source))?,
            );
        }
        if !roots.is_empty() {
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder.build().map_err(|source| {
            wrong("a connection to package indexes cannot be set up").with_source(source.without_url())
        })?;
        Ok(Self { client, settings, pause })
    }

    /// How long to wait after attempt `attempt`, from 1; `None` when it was the last.
    pub(super) fn wait(&self, attempt: u32, error: &Error) -> Option<Duration> {
        let asked = match error.retry() {
            Retry::Never => return None,
            Retry::Soon => Duration::ZERO,
            Retry::After(time) => time.min(LONGEST_WAIT),
        };
        (attempt < ATTEMPTS).then(|| asked.max(self.pause * 2_u32.pow(attempt - 1)))
    }

    /// Makes one request, whose answer has a status of success. Cancel-safe.
    ///
    /// # Errors
    /// With a retry class that says whether another attempt can help.
    pub(super) async fn get(&self, url: &Url, ask: Ask) -> Result<Response> {
        let mut headers = HeaderMap::new();
        match ask {
            Ask::Page => {
                headers.insert(
                    ACCEPT,
                    HeaderValue::from_static(
                        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1",
                    ),
                );
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            }
            Ask::File(from) => {
                // The bytes of the file, not of a compressed copy.
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                if from > 0
                    && let Ok(range) = HeaderValue::from_str(&format!("bytes={from}-"))
                {
                    headers.insert(RANGE, range);
                }
            }
        }
        let mut url = url.clone();
        // What an index writes into its links is not sent anywhere.
        if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
            return Err(Error::new(
                ErrorKind::BuildFailed,
                "an index names a file by an address that is none",
            ));
        }
        url.set_fragment(None);
        let mut request = self.client.get(url.clone()).headers(headers);
        if let Some(credentials) = self.settings.credentials(&url) {
            request = request.basic_auth(&credentials.username, Some(credentials.password.expose_secret()));
        }
        let response = request.send().await.map_err(|source| unreachable(&url, source))?;
        let status = response.status();
        if status.is_success() { Ok(response) } else { Err(refused(&url, &response, status)) }
    }
}

/// A connection that could not be made, or broke.
pub(super) fn unreachable(url: &Url, source: reqwest::Error) -> Error {
    let error = Error::new(ErrorKind::Unavailable, "a package index cannot be reached, or broke off")
        .with_operation("index.get")
        .with_context("host", host(url));
    let error =
        if source.is_redirect() || source.is_builder() { error } else { error.with_retry(Retry::Soon) };
    let certificate = format!("{source:?}").contains("certificate");
    let error = error.with_source(source.without_url());
    if certificate {
        error.with_hint("a certificate authority of your own is named in `SSL_CERT_FILE`, a file in PEM form")
    } else {
        error
    }
}

fn refused(url: &Url, response: &Response, status: StatusCode) -> Error {
    let number = status.as_u16();
    let (kind, message) = match number {
        401 => (ErrorKind::Unauthenticated, "a package index wants credentials, or refuses those it got"),
        403 => (ErrorKind::PermissionDenied, "a package index does not allow this to be read"),
        404 | 410 => (ErrorKind::NotFound, "a package index does not have it"),
        429 => (ErrorKind::RateLimited, "a package index asks to slow down"),
        408 | 500..=599 => (ErrorKind::Unavailable, "a package index is not able to answer now"),
        _ => (ErrorKind::Unavailable, "a package index gave an answer nobody expected"),
    };
    let after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let error = Error::new(kind, message)
        .with_operation("index.get")
        .with_context("host", host(url))
        .with_context("status", number.to_string());
    let error = match (number, after) {
        (429 | 503, Some(seconds)) => error.with_retry(Retry::After(Duration::from_secs(seconds))),
        (408 | 429 | 500..=599, _) => error.with_retry(Retry::Soon),
        _ => error,
    };
    match kind {
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => error
            .with_hint("write name and password into the index's address in `UV_INDEX_URL` or `UV_INDEX`, or into `~/.netrc`"),
        _ => error,
    }
}
