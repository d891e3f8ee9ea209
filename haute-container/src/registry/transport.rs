//! One HTTP exchange with a registry: signing in, redirects, silence, and what is worth another attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};

use super::authority::{Authority, Authorization};
use super::backoff::Backoff;
use super::challenge;
use super::error::{Place, Refusal};
use super::options::ClientOptions;
use super::scope::Scopes;
use super::source::Feed;
use super::token::authority_of;

/// How many redirects are followed.
const HOPS: usize = 5;

/// How many times one exchange may sign in: without a name, with what was known, with what is fresh.
const SIGN_INS: usize = 4;

/// The most that is read of a refusal, in bytes.
const REFUSAL: usize = 64 * 1024;

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
    http: reqwest::Client,
    base: Url,
    authority: Authority,
    options: ClientOptions,
}

impl Transport {
    pub(super) fn new(
        http: reqwest::Client,
        base: Url,
        authority: Authority,
        options: ClientOptions,
    ) -> Self {
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
        // What cannot be read of a refusal is not worth an error of its own.
        let body = read(answer.response, REFUSAL, self.options.idle_timeout, place).await.unwrap_or_default();
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
                self.http.request(exchange.method.clone(), url.clone()).headers(exchange.headers.clone());
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

/// How long an answer asks to wait (RFC 9110 §10.2.3), in seconds or as a date.
pub(super) fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let seconds = until.as_second() - jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// The next piece of a body.
pub(super) async fn chunk(
    response: &mut reqwest::Response,
    idle: Duration,
    place: &Place,
) -> Result<Option<Bytes>> {
    match tokio::time::timeout(idle, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(broken(place, error)),
        Err(_) => Err(place
            .error(ErrorKind::Timeout, format!("the registry was silent for {} s", idle.as_secs()))
            .with_retry(Retry::Soon)),
    }
}

/// A whole body of at most `most` bytes.
pub(super) async fn read(
    mut response: reqwest::Response,
    most: usize,
    idle: Duration,
    place: &Place,
) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = chunk(&mut response, idle, place).await? {
        if body.len() + chunk.len() > most {
            return Err(place.error(
                ErrorKind::BuildFailed,
                format!("the registry's answer is larger than {most} bytes, which nothing of its kind is"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The body of a refusal, as far as it comes and is worth reading: what cannot be read of it is no error of its own.
async fn words(mut response: reqwest::Response, idle: Duration, place: &Place) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = chunk(&mut response, idle, place).await {
        body.extend_from_slice(&chunk);
        if body.len() >= REFUSAL {
            break;
        }
    }
    body
}

/// The error for a connection that could not be made or broke off. Addresses are left out: they may hold signatures.
pub(super) fn broken(place: &Place, error: reqwest::Error) -> Error {
    let error = error.without_url();
    if error.is_builder() || error.is_request() && error.is_redirect() {
        return place
            .error(ErrorKind::Unexpected, "a request to the registry cannot be made")
            .with_source(error);
    }
    if error.is_timeout() {
        return place
            .error(ErrorKind::Timeout, "the registry did not answer in time")
            .with_retry(Retry::Soon)
            .with_source(error);
    }
    if error.is_connect() {
        if untrusted(&error) {
            return place
                .error(ErrorKind::Unavailable, "no encrypted connection to the registry can be made")
                .with_hint("if its certificate is of a private authority, name that authority's certificate in SSL_CERT_FILE")
                .with_hint("if it speaks plain HTTP, name it as an insecure registry")
                .with_source(error);
        }
        return place
            .error(ErrorKind::Unavailable, "the registry cannot be reached")
            .with_retry(Retry::Soon)
            .with_hint(format!("see whether `{}` is its right name and is reached from here", place.host))
            .with_source(error);
    }
    let error = place
        .error(ErrorKind::Unavailable, "the connection to the registry broke off")
        .with_retry(Retry::Soon)
        .with_source(error);
    if place.writes && super::error::is_ecr(&place.host) {
        // Amazon's ECR cuts the connection where others answer that there is no such repository.
        return error.with_hint(super::error::missing_ecr_repository(&place.host, &place.repository));
    }
    error
}

/// Whether a connection failed because of what the other side proved to be: the TLS library reports that as invalid data.
fn untrusted(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            if io.kind() == std::io::ErrorKind::InvalidData {
                return true;
            }
            if let Some(inner) = io.get_ref() {
                next = Some(inner);
                continue;
            }
        }
        next = error.source();
    }
    false
}
