//! A client that is made when it is first needed, and shared from then on: with it its connections and its token.

use std::sync::{Arc, OnceLock};

use haute_core::error::Result;

use super::ApiClient;

/// A client that may not be made yet. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Once(Arc<OnceLock<ApiClient>>);

impl Once {
    /// The client, made by `make` the first time.
    pub(crate) fn get(&self, make: impl FnOnce() -> Result<ApiClient>) -> Result<ApiClient> {
        if let Some(client) = self.0.get() {
            return Ok(client.clone());
        }
        let made = make()?;
        Ok(self.0.get_or_init(|| made).clone())
    }
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Once")
    }
}
