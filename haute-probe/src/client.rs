//! The HTTP client.

use std::time::Duration;

use async_trait::async_trait;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::verify::{Health, QuoteService};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Map, Value};

use crate::answer::{refusal, rows_of};

/// How a service is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl Default for Options {
    /// 5 s to connect, 35 s to answer: a release's own deadline for a quote is 30 s, and its words say more than ours.
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(35) }
    }
}

impl Options {
    /// Sets how long one answer may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// A served price behind HTTP.
#[derive(Clone, Debug)]
pub struct HttpQuoteService {
    client: Client,
    base: String,
}

impl HttpQuoteService {
    /// A client for the service at `url`: its root, or its `/quote` address.
    ///
    /// Redirects are not followed and no proxy is used for this machine's own addresses: the answer must come from the
    /// address that was asked.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when `url` is not an `http` or `https` address.
    pub fn new(url: &str, options: &Options) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(ErrorKind::InvalidInput, format!("`{url}` is not the address of a service: {why}"))
                .with_hint("an address looks like `http://127.0.0.1:8080`")
        };
        let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong("it begins with neither `http://` nor `https://`"));
        }
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix("/quote").unwrap_or(base).trim_end_matches('/').to_owned();
        let mut builder = Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::none());
        if is_this_machine(&parsed) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            Error::new(ErrorKind::Unexpected, "cannot make an HTTP client").with_source(error)
        })?;
        Ok(Self { client, base })
    }

    /// The root address, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    async fn exchange(&self, request: reqwest::RequestBuilder, path: &str) -> Result<(StatusCode, Vec<u8>)> {
        let response = request.send().await.map_err(|error| self.transport(path, error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.transport(path, error))?;
        Ok((status, body.to_vec()))
    }

    /// What a transport failed with, without its address twice.
    fn transport(&self, path: &str, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let (kind, words) = if error.is_timeout() {
            (ErrorKind::Timeout, "did not answer in time")
        } else if error.is_connect() {
            (ErrorKind::Unavailable, "cannot be reached")
        } else {
            (ErrorKind::Unavailable, "broke off its answer")
        };
        Error::new(kind, format!("`{}{path}` {words}", self.base))
            .with_operation("probe")
            .with_retry(Retry::Soon)
            .with_source(error)
    }
}

#[async_trait]
impl QuoteService for HttpQuoteService {
    async fn health(&self) -> Result<Health> {
        let path = "/health";
        let (status, body) = self.exchange(self.client.get(format!("{}{path}", self.base)), path).await?;
        let parsed: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
        let text = |key: &str| parsed.as_ref()?.get(key)?.as_str().map(str::to_owned);
        if let Some(word) =
            text("status").filter(|_| status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE)
        {
            let release = text("release").and_then(|text| Digest::parse(&text));
            return Ok(Health::new(word, release, text("model")));
        }
        Err(refusal(&self.base, path, status, &body))
    }

    async fn quote(&self, rows: &[Map<String, Value>]) -> Result<Vec<Map<String, Value>>> {
        let path = "/quote";
        let request = self.client.post(format!("{}{path}", self.base));
        // One row as an object, several as an array: both ways callers use.
        let request = match rows {
            [row] => request.json(row),
            rows => request.json(rows),
        };
        let (status, body) = self.exchange(request, path).await?;
        if !status.is_success() {
            return Err(refusal(&self.base, path, status, &body));
        }
        rows_of(&body).map_err(|why| {
            Error::new(ErrorKind::VerificationFailed, format!("`{}{path}` answers {why}", self.base))
                .with_operation("probe")
        })
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
