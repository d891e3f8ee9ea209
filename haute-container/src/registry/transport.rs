//! One HTTP exchange with a registry: signing in, redirects, silence, and what is worth another attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};

use super::authority::{Authority, Authorization};
use super::backoff::Backoff;
use super::challenge;
use super::error::{Place, Refusal};
use super::http::Http;
use super::options::ClientOptions;
use super::scope::Scopes;
use super::source::Feed;
use super::token::authority_of;
use super::wire::{broken, read, retry_after, words};

/// How many redirects are followed.
const HOPS: usize = 5;

/// How many times one exchange may sign in: without a name, with what was known, with what is fresh.
const SIGN_INS: usize = 4;

/// How often a caller is told how far a body is.
const TICK: Duration = Duration::from_millis(100);

/// What is sent.
pub(super) enum Payload<'a> {
    Empty,
    Bytes(Bytes),
    /// A part of a blob, from an offset to its end.
    Feed(&'a Feed<'a>),
}

/// One request.
pub(super) struct Exchange<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) scopes: Scopes,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload<'a>,
    pub(super) place: Place,
}

/// The beginning of an answer; its body is still on the way.
pub(super) struct Answer {
    pub(super) response: reqwest::Response,
    /// Whether the registry itself answered, and not a host it redirected to.
    pub(super) own: bool,
    /// Where it came from: what a relative `Location` is relative to.
    pub(super) url: Url,
}

/// The connection to one registry.
pub(super) struct Transport {
    http: Http,
    base: Url,
    authority: Authority,
    options: ClientOptions,
}

impl Transport {
    pub(super) fn new(http: Http, base: Url, authority: Authority, options: ClientOptions) -> Self {
        Self { http, base, authority, options }
    }

    pub(super) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(&self.options)
    }

    /// Makes a request until it is answered with something that would not change by asking again.
    pub(super) async fn call(&self, exchange: &Exchange<'_>) -> Result<Answer> {
        let mut backoff = self.backoff();
        loop {
            match self.once(exchange).await {
                Ok(answer) => return Ok(answer),
                Err(error) => backoff.wait(error).await?,
            }
        }
    }

    /// The same, with the body, of at most `most` bytes.
    pub(super) async fn fetch(
        &self,
        exchange: &Exchange<'_>,
        most: usize,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
        let mut backoff = self.backoff();
        loop {
            let attempt = async {
                let answer = self.once(exchange).await?;
                let (status, headers) = (answer.response.status(), answer.response.headers().clone());
                // A refusal is not what was asked for: its words may be longer than that.
                let body = if status.is_success() {
                    read(answer.response, most, self.options.idle_timeout, &exchange.place).await?
                } else {
                    words(answer.response, self.options.idle_timeout, &exchange.place).await
                };
                Ok((status, headers, body))
            };
            match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(error) => backoff.wait(error).await?,
            }
        }
    }

    /// Makes a request once, signing in where the registry asks for it. An answer that may be another one a moment later
    /// is an error with its retry class set.
    pub(super) async fn once(&self, exchange: &Exchange<'_>) -> Result<Answer> {
        let place = &exchange.place;
        let mut used = self.authority.header(&exchange.scopes, place).await?;
        for _ in 0..SIGN_INS {
            let answer = self.hops(exchange, used.as_ref()).await?;
            let status = answer.response.status();
            if status != StatusCode::UNAUTHORIZED || !answer.own {
                let passing = Refusal::new(status, b"");
                if passing.passes() {
                    return Err(self.refuse(place, "answer", answer).await);
                }
                return Ok(answer);
            }
            let challenges: Vec<_> = answer
                .response
                .headers()
                .get_all(WWW_AUTHENTICATE)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(challenge::parse)
                .collect();
            let scarce = challenges.iter().any(|c| c.parameter("error") == Some("insufficient_scope"));
            match self.authority.answer(&challenges, &exchange.scopes, used.as_ref(), place).await? {
                Some(next) => used = Some(next),
                None => return Err(self.stranger(place, answer, scarce).await),
            }
        }
        Err(place.error(ErrorKind::Unauthenticated, "the registry asks who calls again and again"))
    }

    /// The error for an answer that refuses.
    pub(super) async fn refuse(&self, place: &Place, what: &str, answer: Answer) -> Error {
        place.refused(what, &self.refusal(place, answer).await)
    }

    /// What an answer that refuses says.
    pub(super) async fn refusal(&self, place: &Place, answer: Answer) -> Refusal {
        let status = answer.response.status();
        let wait = retry_after(&answer.response);
        let body = words(answer.response, self.options.idle_timeout, place).await;
        self.refusal_of(status, wait, &body)
    }

    /// The same for a body that was read already.
    pub(super) fn refusal_of(&self, status: StatusCode, wait: Option<Duration>, body: &[u8]) -> Refusal {
        let mut refusal = Refusal::new(status, body);
        refusal.retry_after = wait;
        refusal.words = self.authority.strike(std::mem::take(&mut refusal.words));
        refusal.codes = refusal.codes.into_iter().map(|code| self.authority.strike(code)).collect();
        refusal
    }

    /// The error when the registry refuses even fresh credentials.
    async fn stranger(&self, place: &Place, answer: Answer, scarce: bool) -> Error {
        let refusal = self.refusal(place, answer).await;
        let kind = if scarce { ErrorKind::PermissionDenied } else { refusal.kind() };
        let what = if place.writes { "write" } else { "read" };
        if kind == ErrorKind::PermissionDenied {
            return place.refused_as(kind, what, &refusal);
        }
        let words = if refusal.words.is_empty() { String::new() } else { format!(": {}", refusal.words) };
        place
            .error(ErrorKind::Unauthenticated, format!("the registry refused the credentials{words}"))
            .with_context("answer", refusal.status.to_string())
            .with_hint(format!(
                "see whether DOCKER_USERNAME and DOCKER_PASSWORD are right and have not expired, or run `docker login {}` again",
                place.host
            ))
    }

    /// Follows redirects. Only the registry itself is told who calls.
    async fn hops(&self, exchange: &Exchange<'_>, authorization: Option<&Authorization>) -> Result<Answer> {
        let place = &exchange.place;
        let mut url = exchange.url.clone();
        for _ in 0..=HOPS {
            let own = self.is_own(&url);
            let mut request =
                self.http.request(exchange.method.clone(), url.clone())?.headers(exchange.headers.clone());
            if let Some(authorization) = authorization.filter(|_| own) {
                request = request.header(AUTHORIZATION, authorization.value.clone());
            }
            let response = match &exchange.payload {
                Payload::Empty => {
                    // Some registries refuse a write without a length.
                    if exchange.method != Method::GET && exchange.method != Method::HEAD {
                        request = request.header(CONTENT_LENGTH, 0);
                    }
                    self.guard(request.send(), &Arc::default(), 0, place, &|_| {}).await
                }
                Payload::Bytes(bytes) => {
                    let length = bytes.len() as u64;
                    let moved = Arc::new(AtomicU64::new(length));
                    let request = request.header(CONTENT_LENGTH, length).body(bytes.clone());
                    self.guard(request.send(), &moved, length, place, &|_| {}).await
                }
                Payload::Feed(feed) => {
                    let meter = Arc::new(AtomicU64::new(feed.from));
                    let body = feed.body(Arc::clone(&meter)).await?;
                    let request = request
                        .header(CONTENT_LENGTH, feed.descriptor.size.saturating_sub(feed.from))
                        .body(body);
                    let sent =
                        self.guard(request.send(), &meter, feed.descriptor.size, place, feed.progress).await;
                    // The other end breaks off when our side stops: why it stopped is what matters.
                    feed.failure().map_or(sent, Err)
                }
            }?;
            match self.next(&response, &url, &exchange.method, place)? {
                None => return Ok(Answer { response, own, url }),
                Some(next) => url = next,
            }
        }
        Err(place.error(ErrorKind::Unavailable, format!("the registry redirects more than {HOPS} times")))
    }

    /// Where an answer sends the request on to.
    fn next(
        &self,
        response: &reqwest::Response,
        from: &Url,
        method: &Method,
        place: &Place,
    ) -> Result<Option<Url>> {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let follows = match response.status().as_u16() {
            307 | 308 => true,
            301..=303 => reads,
            _ => false,
        };
        if !follows {
            return Ok(None);
        }
        let Some(location) = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()) else {
            return Ok(None);
        };
        self.locate(from, location, place).map(Some)
    }

    /// An address the registry names, made absolute. Never from an encrypted registry to one that is not.
    pub(super) fn locate(&self, from: &Url, location: &str, place: &Place) -> Result<Url> {
        let mut url = from.join(location).map_err(|_| {
            place.error(ErrorKind::Unavailable, "the registry names an address that cannot be read")
        })?;
        if url.scheme() == "http" && self.base.scheme() == "https" {
            if url.host_str() == self.base.host_str() {
                // A registry behind a proxy that ends the encryption often does not know that it is encrypted.
                let port = self.base.port();
                if url.set_scheme("https").is_ok() && url.set_port(port).is_ok() {
                    return Ok(url);
                }
            }
            return Err(place.error(
                ErrorKind::Unavailable,
                format!("the registry redirects to `{}`, which is not encrypted", authority_of(&url)),
            ));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(
                place.error(ErrorKind::Unavailable, "the registry redirects to something that is not HTTP")
            );
        }
        Ok(url)
    }

    fn is_own(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
    }

    /// Waits for an answer while something moves; `meter` counts what left this side, `total` is when all has.
    async fn guard(
        &self,
        call: impl Future<Output = reqwest::Result<reqwest::Response>>,
        meter: &Arc<AtomicU64>,
        total: u64,
        place: &Place,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<reqwest::Response> {
        let mut call = std::pin::pin!(call);
        let (mut last, mut still) = (meter.load(Ordering::Relaxed), Duration::ZERO);
        let tick = TICK.min(self.options.idle_timeout);
        loop {
            let answer = tokio::time::timeout(tick, &mut call).await;
            let now = meter.load(Ordering::Relaxed);
            if now != last {
                progress(now);
            }
            if let Ok(answer) = answer {
                return answer.map_err(|error| broken(place, error));
            }
            still = if now == last { still + tick } else { Duration::ZERO };
            last = now;
            let patience = if total > 0 && now >= total {
                self.options.commit_timeout.max(self.options.idle_timeout)
            } else {
                self.options.idle_timeout
            };
            if still >= patience {
                return Err(place
                    .error(
                        ErrorKind::Timeout,
                        format!("the registry was silent for {} s", patience.as_secs()),
                    )
                    .with_retry(Retry::Soon));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::client::RegistryClient;
    use super::super::credentials::Anonymous;
    use super::*;

    #[test]
    fn an_encrypted_registry_is_not_left_for_an_address_that_is_not() {
        let image = "registry.example/motor".parse().unwrap();
        let client = RegistryClient::new(&image, Arc::new(Anonymous), &ClientOptions::default()).unwrap();
        let (transport, place) = (client.transport(), client.place("registry.blob", "motor", false));
        let from = client.url("motor", "blobs/uploads/").unwrap();
        let locate = |location: &str| transport.locate(&from, location, &place);
        assert_eq!(locate("/v2/x?y=1").unwrap().as_str(), "https://registry.example/v2/x?y=1");
        // Its own address, by a registry that does not know what stands before it.
        assert_eq!(
            locate("http://registry.example:5000/v2/x").unwrap().as_str(),
            "https://registry.example/v2/x"
        );
        let storage = locate("https://storage.example/x?signature=s").unwrap();
        assert!(!transport.is_own(&storage) && transport.is_own(&from));
        for refused in
            ["http://storage.example/x?signature=s3cret", "file:///etc/passwd", "ftp://registry.example/x"]
        {
            let error = locate(refused).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
