//! What an engine signs in to a registry with.

use bollard::auth::DockerCredentials;
use haute_core::secret::Secret;

use crate::reference::ImageReference;

/// A user of a registry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// The user's name; `AWS` for ECR.
    pub username: String,
    /// The password or token.
    pub password: Secret<String>,
}

impl Credentials {
    /// A user and a password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: Secret::new(password.into()) }
    }
}

/// As the engine's API takes them for the registry of `image`.
pub(super) fn for_engine(
    credentials: Option<&Credentials>,
    image: &ImageReference,
) -> Option<DockerCredentials> {
    credentials.map(|credentials| DockerCredentials {
        username: Some(credentials.username.clone()),
        password: Some(credentials.password.expose_secret().clone()),
        serveraddress: Some(image.registry().to_owned()),
        ..DockerCredentials::default()
    })
}
