//! Images kept in the engine, so that the next build sends only the layers that changed.
//!
//! An engine has no names for single layers, only for images; so the image up to a layer gets a name that says what is in
//! it: the digest of the base and of the keys of all layers in order.

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, Result};

use super::connect::Engine;
use super::store::LocalImage;

/// The repository they are in. Never pushed, and never pulled: no host can have this name (RFC 2606, `.invalid`), so that an
/// engine which has lost one in the meantime cannot fetch a stranger's in its place.
const REPOSITORY: &str = "haute.invalid/layers";
/// How many are kept for one name: several branches take turns on one machine.
const KEPT: usize = 8;

/// The name of the image whose layers have the digest `chain`.
pub(super) fn name(image: &str, chain: &Digest) -> String {
    format!("{REPOSITORY}/{image}:{}", chain.hex())
}

impl Engine {
    /// Whether the engine has `name`, with `layers` layers upon `base`.
    pub(super) async fn is_checkpoint(&self, name: &str, base: &LocalImage, layers: usize) -> Result<bool> {
        match self.inspect(name).await {
            Ok(image) => {
                Ok(image.layers.starts_with(&base.layers) && image.layers.len() == base.layers.len() + layers)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the oldest names of `image` beyond those that are kept. What cannot be removed stays: it only takes room.
    pub(super) async fn forget_checkpoints(&self, image: &str, used: &[String]) {
        let filters = [("reference", vec![format!("{REPOSITORY}/{image}")])].into_iter().collect();
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let Ok(mut images) = self.docker().list_images(Some(options)).await else { return };
        images.sort_by_key(|image| std::cmp::Reverse(image.created));
        let old = images
            .into_iter()
            .flat_map(|image| image.repo_tags)
            .filter(|name| name.starts_with(&format!("{REPOSITORY}/{image}:")) && !used.contains(name))
            .skip(KEPT);
        for name in old {
            let options = RemoveImageOptionsBuilder::default().build();
            let _removed = self.docker().remove_image(&name, Some(options), None).await;
        }
    }
}
