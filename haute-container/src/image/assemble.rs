//! The two documents of an image: its configuration and its manifest.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::release::Release;

use super::running::container_config;
use super::{ImagePlan, Stamp};
use crate::oci::{Descriptor, History, ImageConfig, Manifest, media_type, to_bytes};

/// The documents of an image, ready to be pushed or put into an archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Documents {
    /// The configuration.
    pub config: Vec<u8>,
    /// Names the configuration.
    pub config_descriptor: Descriptor,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The digest of the manifest: the image's.
    pub digest: Digest,
    /// Every layer, from the base up.
    pub layers: Vec<Descriptor>,
}

/// A layer that is known or made: its descriptor without notes, and the digest of its tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedLayer {
    /// Names the compressed bytes.
    pub descriptor: Descriptor,
    /// The digest of the tar inside.
    pub diff_id: Digest,
}

/// Writes the documents of the image `plan` of `release`, whose layers above the base are `finished`, in the plan's order.
///
/// # Errors
/// Only for a bug of ours.
pub fn documents(
    release: &Release,
    plan: &ImagePlan,
    stamp: &Stamp,
    finished: &[FinishedLayer],
) -> Result<Documents> {
    let labels = stamp.labels(release, &plan.base, &plan.key);
    let created = stamp.created.map(|time| time.to_string());
    let base = plan.base.config();
    let mut config = ImageConfig::new(base.architecture.clone());
    config.variant.clone_from(&base.variant);
    config.created.clone_from(&created);
    config.config = container_config(&base.config, plan.port, &labels, stamp.revision.as_deref());
    config.rootfs.diff_ids.clone_from(&base.rootfs.diff_ids);
    config.history.clone_from(&base.history);
    // A base without a history, or with one that does not fit, would make every line after it name another layer.
    if config.history.iter().filter(|entry| !entry.empty_layer).count() != base.rootfs.diff_ids.len() {
        config.history =
            base.rootfs.diff_ids.iter().map(|_| History::new(None, plan.base.name().to_string())).collect();
    }
    let mut layers: Vec<Descriptor> = plan.base.manifest().layers.iter().map(as_oci).collect();
    for (planned, layer) in plan.layers.iter().zip(finished) {
        config.rootfs.diff_ids.push(layer.diff_id.clone());
        config.history.push(History::new(created.clone(), format!("haute {}", planned.title)));
        let plain = Descriptor::new(
            layer.descriptor.media_type.clone(),
            layer.descriptor.digest.clone(),
            layer.descriptor.size,
        );
        layers.push(planned.key.annotate(plain));
    }
    let config = to_bytes(&config)?;
    let config_descriptor = Descriptor::of(media_type::CONFIG, &config);
    let mut manifest = Manifest::new(config_descriptor.clone(), layers.clone());
    manifest.annotations = labels;
    let manifest = to_bytes(&manifest)?;
    Ok(Documents { digest: Digest::of(&manifest), config, config_descriptor, manifest, layers })
}

/// The same bytes under the name an OCI manifest gives them: both kinds of layer are a tar in gzip.
fn as_oci(layer: &Descriptor) -> Descriptor {
    let kind = if layer.media_type == media_type::DOCKER_LAYER_GZIP {
        media_type::LAYER_GZIP
    } else {
        layer.media_type.as_str()
    };
    Descriptor::new(kind, layer.digest.clone(), layer.size)
}
