//! Tokens of a registry's token server (Docker's "Token Authentication Specification" and its OAuth 2 form).

use std::time::Duration;

use haute_core::error::{ErrorKind, Result, Retry};
use haute_core::secret::Secret;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::authority::DEFAULT_LIFE;
use super::credentials::Credentials;
use super::error::{Place, Refusal};
use super::http::Http;
use super::options::{ClientOptions, is_this_machine};
use super::scope::Scopes;
use super::wire::{broken, read, retry_after};

/// The name this client gives itself.
const CLIENT: &str = "haute-deploy";

/// The most a token server's answer may hold, in bytes.
const MOST: usize = 1 << 20;

/// No token is taken to live longer, in seconds: a wrong number must not end in an overflow.
const LONGEST: u64 = 24 * 3600;

/// A token server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Realm {
    url: Url,
    service: Option<String>,
}

impl Realm {
    /// Reads the address a registry names. Credentials are sent there, so it must be encrypted, but on this machine or on
    /// a host the caller named as insecure.
    pub(super) fn parse(
        realm: &str,
        service: Option<&str>,
        options: &ClientOptions,
        place: &Place,
    ) -> Result<Self> {
        let wrong = |why: &str| {
            place.error(
                ErrorKind::Unauthenticated,
                format!("the registry names a token server that is not used: {why}"),
            )
        };
        let url = Url::parse(realm).map_err(|_| wrong("its address cannot be read"))?;
        let host = authority_of(&url);
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&host) || options.is_plain(&host) => {}
            "http" => {
                return Err(wrong(&format!(
                    "`{host}` is reached without encryption, and credentials would be sent"
                ))
                .with_hint(format!("if that is meant, name `{host}` as an insecure registry as well")));
            }
            _ => return Err(wrong("its address begins with neither `https://` nor `http://`")),
        }
        Ok(Self { url, service: service.map(str::to_owned) })
    }
}

/// The host of an address, with the port when the address names one.
pub(super) fn authority_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What a token is asked with.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: &'a Realm,
    pub(super) scopes: &'a Scopes,
    /// The scope the registry named, which may differ where a proxy renames repositories.
    pub(super) asked: Option<&'a str>,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) place: &'a Place,
}

/// A token.
pub(super) struct Granted {
    pub(super) value: Secret<String>,
    pub(super) life: Duration,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// Fetches a token, once.
pub(super) async fn token(
    http: &Http,
    options: &ClientOptions,
    request: &TokenRequest<'_>,
) -> Result<Granted> {
    let place = request.place;
    let mut scopes = request.scopes.texts();
    if let Some(asked) = request.asked {
        scopes.extend(asked.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned));
        let mut seen = std::collections::BTreeSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
    }
    let mut url = request.realm.url.clone();
    let service = request.realm.service.as_deref();
    let call = match request.credentials {
        Some(Credentials::IdentityToken(token)) => {
            let mut form = Url::parse("form:").map_err(|source| {
                place.error(ErrorKind::Unexpected, "a form cannot be written").with_source(source)
            })?;
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("client_id", CLIENT)
                .append_pair("service", service.unwrap_or_default())
                .append_pair("scope", &scopes.join(" "))
                .append_pair("refresh_token", token.expose_secret());
            http.request(Method::POST, url)?
                .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.query().unwrap_or_default().to_owned())
        }
        credentials => {
            {
                let mut query = url.query_pairs_mut();
                if let Some(service) = service {
                    query.append_pair("service", service);
                }
                for scope in &scopes {
                    query.append_pair("scope", scope);
                }
                query.append_pair("client_id", CLIENT);
            }
            let call = http.request(Method::GET, url)?;
            match credentials {
                Some(Credentials::Password { username, password }) => {
                    call.basic_auth(username, Some(password.expose_secret()))
                }
                _ => call,
            }
        }
    };
    let response = tokio::time::timeout(options.idle_timeout, call.send())
        .await
        .map_err(|_| silent(place))?
        .map_err(|error| broken(place, error))?;
    let status = response.status();
    let retry_after = retry_after(&response);
    let body = read(response, MOST, options.idle_timeout, place).await?;
    if !status.is_success() {
        let mut refusal = Refusal::new(status, &body);
        refusal.retry_after = retry_after;
        // The server's own words are left out: it was sent the credentials.
        refusal.words = String::new();
        // To ask for a token is to sign in: whatever is wrong with it is wrong with the credentials.
        let kind = match refusal.kind() {
            ErrorKind::BuildFailed | ErrorKind::NotFound => ErrorKind::Unauthenticated,
            kind => kind,
        };
        return Err(place.refused_as(kind, "get a token of its token server", &refusal));
    }
    let no_token = || place.error(ErrorKind::Unauthenticated, "the registry's token server gave no token");
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| no_token())?;
    let value = [answer.token, answer.access_token]
        .into_iter()
        .find(|token| !token.is_empty())
        .ok_or_else(no_token)?;
    let life = answer.expires_in.map_or(DEFAULT_LIFE, |seconds| Duration::from_secs(seconds.min(LONGEST)));
    Ok(Granted { value: Secret::new(value), life })
}

fn silent(place: &Place) -> haute_core::error::Error {
    place
        .error(ErrorKind::Timeout, "the registry's token server did not answer in time")
        .with_retry(Retry::Soon)
}
