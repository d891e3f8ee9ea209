//! Where a target that runs a release gets Python from.

use std::path::PathBuf;

use async_trait::async_trait;

use super::{EnvironmentCache, PythonVersion, find_interpreter};
use crate::error::{Error, ErrorKind, Result};
use crate::release::Release;
use crate::release::lock::Platform;
use crate::target::Context;

/// Gives a target that runs releases on this machine the Python to run them with.
#[async_trait]
pub trait EnvironmentProvider: Send + Sync {
    /// The interpreter of an environment that holds exactly what the release's lock names. May install, and tells so in
    /// events; asking again finds it there.
    ///
    /// # Errors
    /// When there is none and it cannot be made.
    async fn python_for(&self, context: &Context, release: &Release) -> Result<PathBuf>;

    /// An interpreter of 3.11 or newer for programs that need only the standard library. Cancel-safe: it reads only.
    ///
    /// # Errors
    /// When there is none.
    async fn base_python(&self, context: &Context) -> Result<PathBuf>;
}

#[async_trait]
impl EnvironmentProvider for EnvironmentCache {
    async fn python_for(&self, context: &Context, release: &Release) -> Result<PathBuf> {
        let platform = &release.manifest().platform;
        if let Some(host) = Platform::of_host().filter(|host| host.as_str() != platform) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the release is for {platform}, and this machine is {}", host.as_str()),
            )
            .with_hint("remove `architecture` under [deploy.build] to run it here"));
        }
        let text = &release.manifest().python;
        let version = PythonVersion::parse(text).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the release wants Python `{text}`, which is no version"),
            )
        })?;
        Ok(self.ensure(context, &release.lock()?, version).await?.python)
    }

    async fn base_python(&self, context: &Context) -> Result<PathBuf> {
        Ok(find_interpreter(context, self.variables(), None).await?.path)
    }
}
