//! One client for each registry.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use haute_core::error::Result;

use super::client::RegistryClient;
use super::credentials::CredentialSource;
use super::options::ClientOptions;
use crate::reference::ImageReference;

/// Clients by registry, made when they are first asked for and kept: connections and tokens serve every call that follows.
/// Clones share them. To be used in one runtime only, as connections are.
#[derive(Clone)]
pub struct Registries {
    credentials: Arc<dyn CredentialSource>,
    options: ClientOptions,
    clients: Arc<Mutex<BTreeMap<String, RegistryClient>>>,
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registries").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Registries {
    /// No client yet.
    pub fn new(credentials: Arc<dyn CredentialSource>, options: ClientOptions) -> Self {
        Self { credentials, options, clients: Arc::default() }
    }

    /// The client of the registry `image` names. Nothing is sent.
    ///
    /// # Errors
    /// As [`RegistryClient::new`].
    pub fn client(&self, image: &ImageReference) -> Result<RegistryClient> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(image.host()) {
            return Ok(client.clone());
        }
        let client = RegistryClient::new(image, Arc::clone(&self.credentials), &self.options)?;
        clients.insert(image.host().to_owned(), client.clone());
        Ok(client)
    }

    /// Where credentials come from.
    pub fn credentials(&self) -> &Arc<dyn CredentialSource> {
        &self.credentials
    }

    /// How registries are spoken to.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }
}
