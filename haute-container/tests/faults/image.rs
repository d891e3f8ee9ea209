//! A small image that is valid in every part.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use haute_container::oci::{Descriptor, Manifest, media_type, to_bytes};
use haute_container::registry::{BlobSource, Push, PushBlob, PushSource};
use haute_core::digest::Digest;

/// The repository images are pushed to.
pub(crate) const REPOSITORY: &str = "pricing/motor";

/// The tag they get.
pub(crate) const TAG: &str = "a1b2c3d";

/// The sizes of the layers' files, in bytes. None compresses.
const SIZES: [usize; 3] = [400_000, 70_000, 900];

/// An image of three layers.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) configuration: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Image {
    /// An image whose content follows from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let tars: Vec<Vec<u8>> =
            SIZES.iter().zip(seed..).map(|(size, seed)| tar_of(&noise(*size, seed))).collect();
        let layers: Vec<Vec<u8>> = tars.iter().map(|tar| gzip(tar)).collect();
        let diff_ids: Vec<Digest> = tars.iter().map(Digest::of).collect();
        let configuration = serde_json::json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let configuration = configuration.to_string().into_bytes();
        let manifest = Manifest::new(
            Descriptor::of(media_type::CONFIG, &configuration),
            layers.iter().map(|layer| Descriptor::of(media_type::LAYER_GZIP, layer)).collect(),
        );
        let manifest = to_bytes(&manifest).unwrap();
        Self { layers, configuration, manifest }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Layers and configuration.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = (Descriptor, &Vec<u8>)> {
        let layers = self.layers.iter().map(|layer| (Descriptor::of(media_type::LAYER_GZIP, layer), layer));
        layers.chain([(Descriptor::of(media_type::CONFIG, &self.configuration), &self.configuration)])
    }

    /// The largest layer.
    pub(crate) fn first(&self) -> Descriptor {
        Descriptor::of(media_type::LAYER_GZIP, &self.layers[0])
    }

    /// A push of all of it, one blob after the other, so that the first of a kind of request is always the same one.
    pub(crate) fn push(&self) -> Push {
        self.push_from(|_, bytes| PushSource::Blob(BlobSource::Bytes(bytes.clone().into())))
    }

    /// The same, with blobs from elsewhere.
    pub(crate) fn push_from(&self, source: impl Fn(&Descriptor, &Vec<u8>) -> PushSource) -> Push {
        let blobs = self
            .blobs()
            .map(|(descriptor, bytes)| {
                let source = source(&descriptor, bytes);
                PushBlob::new(descriptor, source)
            })
            .collect();
        Push::new(REPOSITORY, blobs, self.manifest.clone(), media_type::MANIFEST)
            .with_tag(TAG)
            .with_parallel(1)
    }
}

/// A layer with one file.
fn tar_of(content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, format!("app/{}", content.len()), content).unwrap();
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::none());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Bytes that follow from a seed and look like nothing (xorshift).
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(size)
    .collect()
}
