//! Signing in: what goes into the `Authorization` header (Docker's token protocol; RFC 7617 for names and passwords).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::secret::Secret;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::challenge::Challenge;
use super::credentials::{CredentialSource, Credentials};
use super::error::Place;
use super::http::Http;
use super::options::ClientOptions;
use super::scope::Scopes;
use super::token::{Realm, TokenRequest, token};

/// A token is taken for this part of its life only, so that it does not end on its way.
const USED_LIFE: f64 = 0.9;

/// Secrets that are kept to be struck out of a registry's words.
const REMEMBERED: usize = 16;

/// Signs requests to one registry in.
pub(super) struct Authority {
    host: String,
    source: Arc<dyn CredentialSource>,
    http: Http,
    options: ClientOptions,
    state: tokio::sync::Mutex<State>,
    secrets: Mutex<VecDeque<Secret<String>>>,
}

#[derive(Default)]
struct State {
    scheme: Option<Scheme>,
    credentials: Option<Credentials>,
    basic: Option<HeaderValue>,
    tokens: Vec<(Scopes, HeaderValue, Instant)>,
}

#[derive(Clone, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer(Realm),
}

/// The value of an `Authorization` header, and whether it was made because another one was refused.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) value: HeaderValue,
    fresh: bool,
}

impl Authority {
    pub(super) fn new(
        host: String,
        source: Arc<dyn CredentialSource>,
        http: Http,
        options: ClientOptions,
    ) -> Self {
        Self { host, source, http, options, state: tokio::sync::Mutex::default(), secrets: Mutex::default() }
    }

    /// What to send with a first request; `None` while the registry has not asked who calls.
    pub(super) async fn header(&self, scopes: &Scopes, place: &Place) -> Result<Option<Authorization>> {
        let mut state = self.state.lock().await;
        match state.scheme.clone() {
            None => Ok(None),
            Some(scheme) => self.make(&mut state, &scheme, scopes, None, false, place).await,
        }
    }

    /// What to send after `401`, when `used` was sent before; `None` when nothing else is left to try.
    pub(super) async fn answer(
        &self,
        challenges: &[Challenge],
        scopes: &Scopes,
        used: Option<&Authorization>,
        place: &Place,
    ) -> Result<Option<Authorization>> {
        if used.is_some_and(|used| used.fresh) {
            return Ok(None);
        }
        let (scheme, asked) = self.choose(challenges, place)?;
        // Held while a token is fetched: parallel uploads wait for one token instead of fetching one each.
        let mut state = self.state.lock().await;
        state.scheme = Some(scheme.clone());
        let known = state.known(&scheme, scopes);
        if let Some(value) = known {
            match used {
                // Somebody else renewed it meanwhile.
                Some(used) if used.value != value => return Ok(Some(Authorization { value, fresh: false })),
                None => return Ok(Some(Authorization { value, fresh: false })),
                Some(_) => state.forget(scopes),
            }
        }
        self.make(&mut state, &scheme, scopes, asked.as_deref(), used.is_some(), place).await
    }

    /// Strikes every secret that was sent out of `text`: a registry, or a proxy before it, may repeat what it got.
    pub(super) fn strike(&self, text: String) -> String {
        let Ok(secrets) = self.secrets.lock() else { return String::new() };
        secrets.iter().fold(text, |text, secret| text.replace(secret.expose_secret(), "[redacted]"))
    }

    fn remember(&self, secret: &str) {
        if secret.len() < 3 {
            return;
        }
        if let Ok(mut secrets) = self.secrets.lock()
            && !secrets.iter().any(|own| own.expose_secret() == secret)
        {
            secrets.truncate(REMEMBERED - 1);
            secrets.push_front(Secret::new(secret.to_owned()));
        }
    }

    fn choose(&self, challenges: &[Challenge], place: &Place) -> Result<(Scheme, Option<String>)> {
        if let Some(bearer) =
            challenges.iter().find(|c| c.scheme == "bearer" && c.parameter("realm").is_some())
        {
            let realm = Realm::parse(
                bearer.parameter("realm").unwrap_or_default(),
                bearer.parameter("service"),
                &self.options,
                place,
            )?;
            return Ok((Scheme::Bearer(realm), bearer.parameter("scope").map(str::to_owned)));
        }
        if challenges.iter().any(|c| c.scheme == "basic") {
            return Ok((Scheme::Basic, None));
        }
        Err(place.error(
            ErrorKind::Unauthenticated,
            "the registry wants to know who calls, but offers no way of signing in that is known here (Basic or Bearer)",
        ))
    }

    async fn make(
        &self,
        state: &mut State,
        scheme: &Scheme,
        scopes: &Scopes,
        asked: Option<&str>,
        fresh: bool,
        place: &Place,
    ) -> Result<Option<Authorization>> {
        if let Some(value) = state.known(scheme, scopes) {
            return Ok(Some(Authorization { value, fresh }));
        }
        match scheme {
            Scheme::Basic => {
                let before = state.credentials.take();
                let Some(now) = self.source.credentials(&self.host, fresh).await? else {
                    return Err(self.nobody(place));
                };
                // The same again would be refused again.
                if fresh && before.as_ref() == Some(&now) {
                    return Ok(None);
                }
                self.remember(now.secret());
                let value = match &now {
                    Credentials::Password { username, password } => {
                        let pair = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
                        self.remember(&pair);
                        header("Basic", &pair)?
                    }
                    Credentials::RegistryToken(token) => header("Bearer", token.expose_secret())?,
                    Credentials::IdentityToken(_) => {
                        return Err(place
                            .error(
                                ErrorKind::Unauthenticated,
                                "the registry asks for a name and a password, and the stored credentials are an identity token",
                            )
                            .with_hint(format!("run `docker login {}` again", self.host)));
                    }
                };
                state.credentials = Some(now);
                state.basic = Some(value.clone());
                Ok(Some(Authorization { value, fresh }))
            }
            Scheme::Bearer(realm) => {
                if state.credentials.is_none() {
                    state.credentials = self.source.credentials(&self.host, false).await?;
                }
                let mut renewed = false;
                loop {
                    if let Some(credentials) = &state.credentials {
                        self.remember(credentials.secret());
                    }
                    if let Some(Credentials::RegistryToken(token)) = &state.credentials {
                        let value = header("Bearer", token.expose_secret())?;
                        if !fresh || renewed {
                            return Ok(Some(Authorization { value, fresh }));
                        }
                    } else {
                        let request = TokenRequest {
                            realm,
                            scopes,
                            asked,
                            credentials: state.credentials.as_ref(),
                            place,
                        };
                        match token(&self.http, &self.options, &request).await {
                            Ok(granted) => {
                                self.remember(granted.value.expose_secret());
                                let value = header("Bearer", granted.value.expose_secret())?;
                                let ends = Instant::now() + granted.life.mul_f64(USED_LIFE);
                                state.forget(scopes);
                                state.tokens.push((scopes.clone(), value.clone(), ends));
                                return Ok(Some(Authorization { value, fresh }));
                            }
                            Err(error) if renewed || !is_refusal(&error) || state.credentials.is_none() => {
                                return Err(error);
                            }
                            Err(error) => {
                                let now = self.source.credentials(&self.host, true).await?;
                                if now == state.credentials {
                                    return Err(error);
                                }
                                state.credentials = now;
                                renewed = true;
                                continue;
                            }
                        }
                    }
                    state.credentials = self.source.credentials(&self.host, true).await?;
                    renewed = true;
                }
            }
        }
    }

    fn nobody(&self, place: &Place) -> Error {
        let host = &self.host;
        place
            .error(ErrorKind::Unauthenticated, "the registry wants to know who calls, and there are no credentials for it")
            .with_hint(format!(
                "set DOCKER_USERNAME and DOCKER_PASSWORD for the registry that is pushed to, or run `docker login {host}`"
            ))
    }
}

impl State {
    fn known(&self, scheme: &Scheme, scopes: &Scopes) -> Option<HeaderValue> {
        match scheme {
            Scheme::Basic => self.basic.clone(),
            Scheme::Bearer(_) => self
                .tokens
                .iter()
                .find(|(held, _, ends)| held.cover(scopes) && *ends > Instant::now())
                .map(|(_, value, _)| value.clone()),
        }
    }

    fn forget(&mut self, scopes: &Scopes) {
        self.basic = None;
        self.tokens.retain(|(held, _, ends)| !held.cover(scopes) && *ends > Instant::now());
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied)
}

fn header(scheme: &str, secret: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {secret}")).map_err(|_| {
        Error::new(ErrorKind::Unauthenticated, "the credentials hold characters no HTTP header can carry")
            .with_operation("registry.sign-in")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// How long a token lives when the server does not say (Docker's token protocol).
pub(super) const DEFAULT_LIFE: Duration = Duration::from_mins(1);
