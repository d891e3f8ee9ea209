//! Requests to one server, with one set of credentials.
//!
//! A request is sent once: the engine decides when to try again, by the retry class of the error.

mod body;
mod credentials;
mod failure;
mod once;
mod signed;

use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;

pub(crate) use credentials::{Credentials, TokenSource};
pub(crate) use failure::{CallError, CallResult, absent};
pub(crate) use once::Once;
pub(crate) use signed::{Signed, Store};

use crate::model::ModelFile;

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server may be silent.
const SILENCE: Duration = Duration::from_mins(2);

/// One server.
#[derive(Clone)]
pub(crate) struct ApiClient {
    client: Client,
    base: Url,
    credentials: Credentials,
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) headers: HeaderMap,
}

/// A request without its body.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// Without a leading `/`; each segment is encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
}

impl ApiClient {
    /// A client for the server at `base`.
    ///
    /// Redirects are not followed: what answers must be what was asked, and no other host is sent the credentials.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when `base` is no `http` or `https` address.
    pub(crate) fn new(base: &str, credentials: Credentials) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(ErrorKind::InvalidInput, format!("`{base}` is not the address of a server: {why}"))
                .with_hint("an address looks like `https://mlflow.example.com`")
        };
        let parsed = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong("it begins with neither `http://` nor `https://`"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the server's address holds a user name or password",
            )
            .with_hint("set them in environment variables of their own"));
        }
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("haute-cli/", env!("CARGO_PKG_VERSION")));
        if is_this_machine(&parsed) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|source| {
            Error::new(ErrorKind::Unavailable, "an HTTP client cannot be made").with_source(source)
        })?;
        Ok(Self { client, base: parsed, credentials })
    }

    /// The server's address, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks. Cancel-safe.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> CallResult<Value> {
        Ok(self.call(Call { method: &Method::GET, path, query }, None).await?.value)
    }

    /// Sends a JSON body.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> CallResult<Value> {
        Ok(self.call(Call { method: &method, path, query: &[] }, Some(body)).await?.value)
    }

    /// Sends a request, with a JSON body or none.
    pub(crate) async fn call(&self, call: Call<'_>, body: Option<&Value>) -> CallResult<Answer> {
        let mut request = self.request(call)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        self.exchange(call, request).await
    }

    /// Sends a form, to the client's own address.
    pub(crate) async fn form(&self, fields: &[(&str, &str)]) -> CallResult<Value> {
        let call = Call { method: &Method::POST, path: "", query: &[] };
        let request = self.request(call)?.form(fields);
        Ok(self.exchange(call, request).await?.value)
    }

    /// Sends the bytes of a file, told to `sent` as they go. Held in memory a piece at a time.
    pub(crate) async fn put_file(
        &self,
        call: Call<'_>,
        file: &ModelFile,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> CallResult<()> {
        // The length is said: without it the body is chunked, which signed addresses of clouds refuse.
        let request = self
            .request(call)?
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, file.size);
        let body = body::of(file, sent).await?;
        self.exchange(call, request.body(body)).await.map(drop)
    }

    fn request(&self, call: Call<'_>) -> Result<RequestBuilder> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::bug("the server's address takes no path"))?
            .pop_if_empty()
            .extend(call.path.split('/').filter(|_| !call.path.is_empty()));
        let mut request = self.client.request(call.method.clone(), url);
        if !call.query.is_empty() {
            request = request.query(call.query);
        }
        Ok(request)
    }

    async fn exchange(&self, call: Call<'_>, request: RequestBuilder) -> CallResult<Answer> {
        let broken = |error| failure::transport(self.base(), call.path, error);
        let response = self.credentials.sign(request).await?.send().await.map_err(broken)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(broken)?;
        if !status.is_success() {
            let refused = failure::refused(self.base(), call, status, &headers, &body);
            if let (StatusCode::UNAUTHORIZED, Credentials::Source(source)) = (status, &self.credentials) {
                // It ended early, or was taken back: another one may do.
                source.refused().await;
                return Err(refused.again());
            }
            return Err(refused);
        }
        Ok(Answer { value: serde_json::from_slice(&body).unwrap_or_default(), headers })
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
