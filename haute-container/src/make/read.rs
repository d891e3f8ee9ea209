//! What registries hold already: the base, and earlier images.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::release::lock::Platform;

use super::ImageMaker;
use crate::image::{Base, Previous, RELEASE, refuse_musl};
use crate::oci::{ImageConfig, Index, IndexEntry, Manifest};
use crate::reference::ImageReference;
use crate::registry::{Fetched, RegistryClient, is_image_manifest};

/// More than any image's configuration, in bytes.
const CONFIG_LIMIT: usize = 4 * 1024 * 1024;

impl ImageMaker {
    /// The base image `name` for `platform`, from its registry: two or three small documents, no layer. `python` is the
    /// release's, `3.11`. Cancel-safe: it reads only.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such image, [`ErrorKind::BuildFailed`] when it is for another platform or
    /// Python, and what the registry says.
    pub async fn base(&self, name: &ImageReference, platform: Platform, python: &str) -> Result<Base> {
        refuse_musl(name)?;
        let client = self.client(name)?;
        let of_base = |error: Error| error.with_context("base image", name.to_string());
        let first = client
            .manifest(name.repository(), name.manifest())
            .await
            .map_err(of_base)?
            .ok_or_else(|| of_base(missing("the base image is not in its registry")))?;
        let fetched = if is_image_manifest(&first.media_type) {
            first
        } else {
            let digest = of_platform(&first, platform).map_err(of_base)?;
            client.manifest(name.repository(), digest.as_str()).await.map_err(of_base)?.ok_or_else(|| {
                of_base(missing("the base image's manifest for the platform is not in its registry"))
            })?
        };
        let (manifest, config) = described(&client, name.repository(), &fetched).await.map_err(of_base)?;
        Base::new(name.clone(), fetched.digest, manifest, config, platform, python)
    }

    /// The image `name` stands for, when there is one that may be read. Cancel-safe: it reads only.
    ///
    /// # Errors
    /// What the registry says, but for a refusal to read: that is `Ok(None)`, because an account may be allowed to push only.
    pub async fn previous(&self, client: &RegistryClient, name: &ImageReference) -> Result<Option<Previous>> {
        let refused =
            |error: &Error| matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported);
        let fetched = match client.manifest(name.repository(), name.manifest()).await {
            Ok(Some(fetched)) if is_image_manifest(&fetched.media_type) => fetched,
            Ok(_) => return Ok(None),
            Err(error) if refused(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        match described(client, name.repository(), &fetched).await {
            Ok((manifest, config)) => {
                Ok(Some(Previous::new(fetched.digest, fetched.bytes.to_vec(), &manifest, &config)))
            }
            // What cannot be read is no cache: everything is made anew.
            Err(error)
                if refused(&error)
                    || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::BuildFailed) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl ImageMaker {
    /// Which image `name` stands for, when there is one that may be read: as [`previous`](Self::previous), but without its
    /// layers where the manifest alone says what it was made of. Cancel-safe: it reads only.
    ///
    /// # Errors
    /// As [`previous`](Self::previous).
    pub async fn identify(&self, client: &RegistryClient, name: &ImageReference) -> Result<Option<Previous>> {
        let fetched = match client.manifest(name.repository(), name.manifest()).await {
            Ok(Some(fetched)) if is_image_manifest(&fetched.media_type) => fetched,
            Ok(_) => return Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let says = serde_json::from_slice::<Manifest>(&fetched.bytes)
            .ok()
            .filter(|manifest| manifest.annotations.contains_key(RELEASE));
        match says {
            Some(manifest) => {
                let none = ImageConfig::default();
                Ok(Some(Previous::new(fetched.digest, fetched.bytes.to_vec(), &manifest, &none)))
            }
            // An engine puts it into the configuration.
            None => self.previous(client, name).await,
        }
    }
}

async fn described(
    client: &RegistryClient,
    repository: &str,
    fetched: &Fetched,
) -> Result<(Manifest, ImageConfig)> {
    let unreadable = |what: &str, source: serde_json::Error| {
        Error::new(ErrorKind::BuildFailed, format!("the {what} of an image cannot be read"))
            .with_operation("image.read")
            .with_context("digest", fetched.digest.to_string())
            .with_source(source)
    };
    let manifest: Manifest =
        serde_json::from_slice(&fetched.bytes).map_err(|source| unreadable("manifest", source))?;
    let config = client
        .blob(repository, &manifest.config.digest, CONFIG_LIMIT)
        .await?
        .ok_or_else(|| missing("the configuration of an image is not in its registry"))?;
    let config = serde_json::from_slice(&config).map_err(|source| unreadable("configuration", source))?;
    Ok((manifest, config))
}

fn of_platform(index: &Fetched, platform: Platform) -> Result<Digest> {
    let index: Index = serde_json::from_slice(&index.bytes).map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "the base image's index cannot be read")
            .with_operation("image.base")
            .with_source(source)
    })?;
    let names = |entry: &IndexEntry| {
        entry.platform.as_ref().map(|platform| format!("{}/{}", platform.os, platform.architecture))
    };
    let fitting = index.manifests.iter().find(|entry| names(entry).as_deref() == Some(platform.as_str()));
    fitting.map(|entry| entry.descriptor.digest.clone()).ok_or_else(|| {
        let offered: Vec<String> =
            index.manifests.iter().filter_map(names).filter(|name| !name.starts_with("unknown")).collect();
        Error::new(ErrorKind::BuildFailed, format!("the base image is not made for {}", platform.as_str()))
            .with_operation("image.base")
            .with_context("offered", offered.join(", "))
            .with_hint("take another base image, or set `architecture` under [deploy.build]")
    })
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, what).with_operation("image.read").with_hint(
        "check `base_image` under [deploy.container], and that its registry lets this account read",
    )
}
