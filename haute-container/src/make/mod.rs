//! From a release to an image in a registry or an archive: what the `container` target, `haute-cli build --image` and targets
//! that run images share.

mod archive;
mod attach;
mod choose;
mod engine;
mod gauge;
mod layers;
mod prove;
mod push;
mod read;

use std::path::PathBuf;
use std::sync::Arc;

use haute_core::config::ContainerSection;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::proof::Proof;
use haute_core::python::cache_directory;
use haute_core::release::Release;
use haute_core::variables::Variables;

pub use archive::Archived;
pub use attach::PROOF_MEDIA_TYPE;
pub use choose::{Chosen, choose_compression};
pub use push::PushedImage;

use crate::image::{ImagePlan, Previous, Stamp};
use crate::index::{IndexSettings, WheelStore};
use crate::reference::ImageReference;
use crate::registry::{ClientOptions, CredentialSource, DockerCredentials, Registries, RegistryClient};

/// Makes images as `[deploy.container]` says.
#[derive(Clone)]
pub struct ImageMaker {
    settings: ContainerSection,
    variables: Variables,
    cache: PathBuf,
    registries: Registries,
    wheels: WheelStore,
}

/// An image to be.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ImageRequest<'a> {
    /// What it serves.
    pub release: &'a Release,
    /// What it holds.
    pub plan: &'a ImagePlan,
    /// Where it comes from.
    pub stamp: &'a Stamp,
    /// What it is called: repository and tag.
    pub name: &'a ImageReference,
    /// An image of the same repository, whose layers need not be made again.
    pub previous: Option<&'a Previous>,
    /// What is attached to it in a registry as evidence.
    pub proof: Option<&'a Proof>,
}

impl<'a> ImageRequest<'a> {
    /// The image `plan` of `release`, called `name`.
    pub fn new(
        release: &'a Release,
        plan: &'a ImagePlan,
        stamp: &'a Stamp,
        name: &'a ImageReference,
    ) -> Self {
        Self { release, plan, stamp, name, previous: None, proof: None }
    }

    /// Takes layers of `previous`.
    #[must_use]
    pub fn with_previous(mut self, previous: Option<&'a Previous>) -> Self {
        self.previous = previous;
        self
    }

    /// Attaches `proof`.
    #[must_use]
    pub fn with_proof(mut self, proof: &'a Proof) -> Self {
        self.proof = Some(proof);
        self
    }
}

impl ImageMaker {
    /// A maker with `settings`. `variables` say where credentials, package indexes and the cache are; `registry` is the host
    /// that is pushed to, and the only one `DOCKER_USERNAME` and `DOCKER_PASSWORD` go to; `fallback` is where wheels are kept
    /// when there is no cache directory of the user.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a variable names certificates, a proxy or an index that cannot be used.
    pub fn new(
        settings: ContainerSection,
        variables: Variables,
        registry: Option<&str>,
        fallback: &std::path::Path,
    ) -> Result<Self> {
        let mut credentials = DockerCredentials::new(variables.clone());
        if let Some(host) = registry {
            credentials = credentials.with_variables_for(host);
        }
        let mut options = ClientOptions::default().with_variables(&variables)?;
        for host in &settings.insecure_registries {
            options = options.with_insecure(host.clone());
        }
        let cache = cache_directory(&variables, fallback);
        let wheels = WheelStore::new(IndexSettings::from_variables(&variables)?, &cache);
        let registries = Registries::new(Arc::new(credentials), options);
        Ok(Self { settings, variables, cache, registries, wheels })
    }

    /// Signs in to registries with `credentials` instead of Docker's.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Arc<dyn CredentialSource>) -> Self {
        self.registries = Registries::new(credentials, self.registries.options().clone());
        self
    }

    /// Speaks to registries as `options` say.
    #[must_use]
    pub fn with_options(mut self, options: ClientOptions) -> Self {
        self.registries = Registries::new(Arc::clone(self.registries.credentials()), options);
        self
    }

    /// The settings.
    pub fn settings(&self) -> &ContainerSection {
        &self.settings
    }

    /// The variables.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The client of the registry `image` names, the same one each time: its connections and tokens are used again. Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// As [`RegistryClient::new`].
    pub fn client(&self, image: &ImageReference) -> Result<RegistryClient> {
        self.registries.client(image)
    }

    /// Credentials for an engine that pushes to, or pulls from, the registry of `image`.
    ///
    /// # Errors
    /// As [`CredentialSource::credentials`].
    pub async fn credentials(&self, image: &ImageReference) -> Result<Option<crate::registry::Credentials>> {
        self.registries.credentials().credentials(image.host(), false).await
    }

    /// A directory for layers on their way, removed when it is dropped.
    fn work_directory(&self) -> Result<tempfile::TempDir> {
        let failed = |source| {
            Error::new(ErrorKind::BuildFailed, "cannot make a directory for the image's layers")
                .with_operation("image.build")
                .with_context("directory", self.cache.display().to_string())
                .with_source(source)
        };
        std::fs::create_dir_all(&self.cache).map_err(failed)?;
        tempfile::Builder::new().prefix("image-").tempdir_in(&self.cache).map_err(failed)
    }
}
