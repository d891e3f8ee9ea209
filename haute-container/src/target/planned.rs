//! What a plan meant, for targets that run the image it makes.

use haute_core::digest::Digest;
use haute_core::error::Result;

use super::ContainerTarget;
use crate::reference::ImageReference;
use crate::registry::RegistryClient;

/// The image a plan is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedImage {
    /// Its repository and tag.
    pub name: ImageReference,
    /// What it is made of: release, base and settings, without the commit.
    pub image_key: Digest,
    /// The digest of its manifest, where the registry has it already and lets it be seen.
    pub digest: Option<Digest>,
    /// The commit, with `-dirty` behind it where files differ from it; `None` outside git.
    pub revision: Option<String>,
}

impl ContainerTarget {
    /// The image the last plan of this target was about; `None` before the first.
    ///
    /// A target that runs the image plans it here first, and puts the steps of that plan before its own.
    pub fn planned(&self) -> Option<PlannedImage> {
        let (wanted, observed) = self.memory.last()?;
        let key = &wanted.plan.key;
        let there = observed.tagged.as_ref().filter(|found| found.image_key.as_ref() == Some(key));
        Some(PlannedImage {
            name: wanted.tag.clone(),
            image_key: key.clone(),
            digest: there.map(|found| found.digest.clone()),
            revision: wanted.stamp.revision.clone(),
        })
    }

    /// The client of the registry images go to, signed in as a push is. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`RegistryClient::new`].
    pub fn client(&self) -> Result<RegistryClient> {
        self.maker.client(&self.config.repository)
    }

    /// The configuration.
    pub fn config(&self) -> &super::ContainerConfig {
        &self.config
    }
}
