//! Tokens for a workspace that are not simply given: got with a client's secret, or for a token of the CI system.
//!
//! Databricks "OAuth machine-to-machine", "OAuth token federation"; Microsoft identity platform v1 for Azure. Held to the
//! recorded requests of the Python SDK.

mod azure;
mod discovery;
mod identity;
mod oauth;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::secret::Secret;
use serde_json::Value;
use tokio::sync::Mutex;

pub(super) use azure::AzureServicePrincipal;
pub(super) use identity::Identity;
pub(super) use oauth::{Federated, Machine};

use crate::http::TokenSource;

/// A token is got anew this long before it ends.
const EARLY: Duration = Duration::from_mins(5);
/// How long a token is taken to hold that does not say.
const UNSAID: Duration = Duration::from_mins(15);

/// A way to get a token.
#[async_trait]
pub(super) trait Exchange: std::fmt::Debug + Send + Sync {
    /// Gets one: the answer of a token endpoint.
    async fn exchange(&self) -> Result<Value>;
}

/// Keeps a token until shortly before it ends.
#[derive(Debug)]
pub(super) struct Kept<E> {
    exchange: E,
    held: Mutex<Option<(Secret<String>, Instant)>>,
}

impl<E> Kept<E> {
    pub(super) fn new(exchange: E) -> Self {
        Self { exchange, held: Mutex::new(None) }
    }
}

#[async_trait]
impl<E: Exchange> TokenSource for Kept<E> {
    async fn token(&self) -> Result<Secret<String>> {
        let mut held = self.held.lock().await;
        if let Some((token, until)) = held.as_ref()
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let answer = self.exchange.exchange().await?;
        let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "the token endpoint gave no token")
                .with_operation("databricks.auth")
        })?;
        // A number, or one in quotes: Azure says it so.
        let seconds = answer.get("expires_in");
        let seconds = seconds.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        let life = seconds.map_or(UNSAID, Duration::from_secs);
        let until = Instant::now() + life.saturating_sub(EARLY).max(life / 2);
        let token = Secret::new(token.to_owned());
        *held = Some((token.clone(), until));
        Ok(token)
    }

    async fn refused(&self) {
        *self.held.lock().await = None;
    }
}
