//! The proof of a release that served before, as it was attached to its image.

use haute_container::make::PROOF_MEDIA_TYPE;
use haute_container::oci::Manifest;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::proof::Proof;

use super::EcsTarget;
use super::definition::release_of;
use super::history::revisions;
use super::observe;
use crate::config::Update;

/// How many revisions are looked through.
const MOST: usize = 100;
/// The longest proof that is read, in bytes.
const LONGEST: usize = 64 << 20;

/// The proof attached to the image of `release`; `None` where no revision names the release, or nothing is attached that may be
/// read.
pub(super) async fn proof(target: &EcsTarget, release: &Digest) -> Result<Option<Proof>> {
    if target.config.update == Update::None {
        return Ok(None);
    }
    let observed = observe::observe(target).await?;
    for definition in revisions(target, &observed, MOST).await? {
        if release_of(&definition).as_ref() != Some(release) {
            continue;
        }
        let Ok(container) = super::desired::container(target, &definition) else { continue };
        let image = definition.image(&container).unwrap_or_default();
        let Some(digest) = image.split_once('@').and_then(|(_, digest)| Digest::parse(digest)) else {
            continue;
        };
        return match attached(target, &digest).await {
            Ok(proof) => Ok(proof.filter(|proof| &proof.release == release)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
            Err(error) => Err(error),
        };
    }
    Ok(None)
}

async fn attached(target: &EcsTarget, image: &Digest) -> Result<Option<Proof>> {
    let name = &target.container.config().repository;
    let client = target.container.client()?;
    let unreadable = |source: serde_json::Error| {
        Error::new(ErrorKind::VerificationFailed, "the proof attached to the image cannot be read")
            .with_operation("registry.referrers")
            .with_context("image", image.to_string())
            .with_source(source)
    };
    let attached = client.referrers(name.repository(), image).await?;
    let Some(entry) = attached.iter().find(|entry| entry.artifact_type.as_deref() == Some(PROOF_MEDIA_TYPE))
    else {
        return Ok(None);
    };
    let digest = entry.descriptor.digest.as_str();
    let Some(fetched) = client.manifest(name.repository(), digest).await? else { return Ok(None) };
    let manifest: Manifest = serde_json::from_slice(&fetched.bytes).map_err(unreadable)?;
    let Some(layer) = manifest.layers.first() else { return Ok(None) };
    let Some(bytes) = client.blob(name.repository(), &layer.digest, LONGEST).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}
