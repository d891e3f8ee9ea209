//! What comes over a connection, and what a connection ends with.

use std::time::Duration;

use bytes::Bytes;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::RETRY_AFTER;

use super::error::{Place, is_ecr, missing_ecr_repository};

/// The most that is read of a refusal, in bytes.
const REFUSAL: usize = 64 * 1024;

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
pub(super) async fn words(mut response: reqwest::Response, idle: Duration, place: &Place) -> Vec<u8> {
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
    if place.writes && is_ecr(&place.host) {
        // Amazon's ECR cuts the connection where others answer that there is no such repository.
        return error.with_hint(missing_ecr_repository(&place.host, &place.repository));
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
