//! The base: an image in a registry, by digest.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::release::lock::Platform;

use crate::oci::{ImageConfig, Manifest};
use crate::reference::ImageReference;

/// A base image of one platform, as its registry describes it. None of its layers has been read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Base {
    name: ImageReference,
    digest: Digest,
    manifest: Manifest,
    config: ImageConfig,
}

impl Base {
    /// The image `name`, whose manifest for the platform has `digest`.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when it is for another platform than `platform`, or holds another Python than `python`
    /// (`3.11`), as far as it says.
    pub fn new(
        name: ImageReference,
        digest: Digest,
        manifest: Manifest,
        config: ImageConfig,
        platform: Platform,
        python: &str,
    ) -> Result<Self> {
        let wrong = |message: String| {
            Error::new(ErrorKind::BuildFailed, message)
                .with_operation("image.base")
                .with_context("base", name.to_string())
        };
        let has = format!("{}/{}", config.os, config.architecture);
        if has != platform.as_str() {
            return Err(wrong(format!("the base image is for {has}, the release for {}", platform.as_str()))
                .with_hint(
                    "name a base image of that platform, or set `architecture` under [deploy.build]",
                ));
        }
        if manifest.layers.len() != config.rootfs.diff_ids.len() {
            return Err(wrong("the base image's configuration does not fit its layers".to_owned()));
        }
        // Official images say it (docker-library/python, `PYTHON_VERSION`); others are held to it when the server starts.
        let says = config.config.env.iter().flatten().find_map(|entry| entry.strip_prefix("PYTHON_VERSION="));
        if let Some(version) = says
            && version != python
            && !version.starts_with(&format!("{python}."))
        {
            return Err(wrong(format!(
                "the base image holds Python {version}, the release was proven with {python}"
            ))
            .with_hint(format!("take a base of Python {python}, or set `python` under [deploy.build]")));
        }
        Ok(Self { name, digest, manifest, config })
    }

    /// Calls it `name` in labels and for people: as it is configured, where it was found by the digest of a lock.
    #[must_use]
    pub fn called(mut self, name: ImageReference) -> Self {
        self.name = name;
        self
    }

    /// As configured.
    pub fn name(&self) -> &ImageReference {
        &self.name
    }

    /// The digest of the manifest for the platform.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// By digest: what an engine is told.
    pub fn pinned(&self) -> ImageReference {
        self.name.with_digest(self.digest.clone())
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its configuration.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }
}

/// Refuses bases no wheel of the lock runs on, before anything is asked.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] for a base of musl: model libraries publish no wheels for it.
pub fn refuse_musl(name: &ImageReference) -> Result<()> {
    let tag = name.tag().unwrap_or_default();
    if tag.contains("alpine") || name.repository().ends_with("alpine") {
        return Err(Error::new(
            ErrorKind::BuildFailed,
            format!("`{name}` is an Alpine image, on which the lock's wheels do not run"),
        )
        .with_operation("image.base")
        .with_hint(
            "take a Debian image such as `python:3.11.9-slim`: the wheels are for glibc, Alpine has musl",
        ));
    }
    Ok(())
}
