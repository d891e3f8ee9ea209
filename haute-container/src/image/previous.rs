//! An earlier image of the same repository: the cache. It needs no file of this machine, so it works on a fresh runner.

use std::collections::BTreeMap;

use haute_core::digest::Digest;

use super::stamp::{IMAGE_KEY, RELEASE};
use crate::layer::LayerKey;
use crate::oci::{Descriptor, ImageConfig, Manifest};

/// An image that is in the repository already, and what its layers were made of.
///
/// A registry keeps the layers a manifest names, so a layer found here needs neither to be made nor asked for. The keys are
/// believed: use only images of a repository that nobody else writes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Previous {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The bytes of its manifest.
    pub manifest: Vec<u8>,
    /// What it was made of, when it says so.
    pub image_key: Option<Digest>,
    /// The release in it, when it says so.
    pub release: Option<Digest>,
    layers: BTreeMap<Digest, (Descriptor, Digest)>,
    all: Vec<Descriptor>,
}

impl Previous {
    /// Reads an image: its manifest (the bytes and their digest) and its configuration.
    pub fn new(digest: Digest, bytes: Vec<u8>, manifest: &Manifest, config: &ImageConfig) -> Self {
        let diff_ids = &config.rootfs.diff_ids;
        // A configuration that does not fit its manifest cannot say which layer is which.
        let fits = diff_ids.len() == manifest.layers.len();
        let layers = manifest
            .layers
            .iter()
            .zip(diff_ids)
            .filter(|_| fits)
            .filter_map(|(layer, diff_id)| {
                let key = LayerKey::of_descriptor(layer)?;
                Some((key.digest().clone(), (layer.clone(), diff_id.clone())))
            })
            .collect();
        let named = |name: &str| {
            let label = config.config.labels.as_ref().and_then(|labels| labels.get(name));
            manifest.annotations.get(name).or(label).and_then(|digest| Digest::parse(digest))
        };
        Self {
            digest,
            manifest: bytes,
            image_key: named(IMAGE_KEY),
            release: named(RELEASE),
            layers,
            all: manifest.layers.clone(),
        }
    }

    /// The layer with `key`, and the digest of its tar.
    pub fn layer(&self, key: &Digest) -> Option<&(Descriptor, Digest)> {
        self.layers.get(key)
    }

    /// Whether the repository has the blob, as far as this image tells.
    pub fn has(&self, digest: &Digest) -> bool {
        self.all.iter().any(|layer| &layer.digest == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::KEY_ANNOTATION;
    use crate::oci::media_type;

    #[test]
    fn a_layer_is_found_by_what_it_was_made_of() {
        let key = Digest::of("inputs");
        let layer =
            Descriptor::of(media_type::LAYER_GZIP, b"layer").with_annotation(KEY_ANNOTATION, key.to_string());
        let base = Descriptor::of(media_type::DOCKER_LAYER_GZIP, b"base");
        let mut manifest =
            Manifest::new(Descriptor::of(media_type::CONFIG, b"{}"), vec![base.clone(), layer.clone()]);
        manifest.annotations.insert(RELEASE.to_owned(), Digest::of("release").to_string());
        let mut config = ImageConfig::new("amd64");
        config.rootfs.diff_ids = vec![Digest::of("base tar"), Digest::of("layer tar")];
        let previous = Previous::new(Digest::of("m"), Vec::new(), &manifest, &config);
        assert_eq!(previous.layer(&key), Some(&(layer, Digest::of("layer tar"))));
        assert!(previous.has(&base.digest) && !previous.has(&Digest::of("other")));
        assert_eq!(previous.release, Some(Digest::of("release")));

        config.rootfs.diff_ids.pop();
        let damaged = Previous::new(Digest::of("m"), Vec::new(), &manifest, &config);
        assert_eq!(damaged.layer(&key), None);
    }
}
