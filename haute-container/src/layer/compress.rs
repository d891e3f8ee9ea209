//! Layers as they are pushed: compressed, with both digests found in one pass.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use haute_core::digest::Digest;
use haute_core::error::{Error, Result};
use haute_core::target::Cancellation;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::entry::LayerTree;
use super::gzip::{self, Splice};
use super::tar::{Plain, tar_size, unwritable, walk};
use crate::oci::{Descriptor, media_type};

/// The versions of the crates that decide the compressed bytes. A test holds them to `Cargo.lock`: an update changes layers'
/// digests, so it must change their keys.
const FLATE2: &str = "1.1.11";
const ZLIB_RS: &str = "0.6.8";
const ZSTD_SYS: &str = "2.1.3+zstd.1.5.7";

const ZSTD_LEVEL: i32 = 3;

/// How layers are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compression {
    /// gzip, which everything reads. Streams that wheels hold already are taken over, so it is also quick to make.
    Gzip,
    /// Zstandard: a fifth smaller and quicker to unpack. Docker before 23 cannot read it.
    #[default]
    Zstd,
}

impl Compression {
    /// `gzip`, `zstd`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The media type of a layer compressed like this.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => media_type::LAYER_GZIP,
            Self::Zstd => media_type::LAYER_ZSTD,
        }
    }

    /// Everything about the compression that decides a layer's bytes: it goes into the layer's key.
    pub fn recipe(self) -> String {
        match self {
            Self::Gzip => format!(
                "gzip splice={} level={} flate2={FLATE2} zlib-rs={ZLIB_RS}",
                gzip::SPLICE_FROM,
                gzip::LEVEL
            ),
            Self::Zstd => format!("zstd level={ZSTD_LEVEL} zstd-sys={ZSTD_SYS}"),
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "tar.gz",
            Self::Zstd => "tar.zst",
        }
    }
}

/// A layer as it is pushed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuiltLayer {
    /// Where its bytes are, in the directory that was given.
    pub path: PathBuf,
    /// Its media type, digest and length; no annotations yet.
    pub descriptor: Descriptor,
    /// The digest of the tar inside.
    pub diff_id: Digest,
    /// How long the tar inside is, in bytes.
    pub uncompressed: u64,
}

/// Makes compressed layers in a directory.
#[derive(Clone, Debug)]
pub struct LayerBuild {
    compression: Compression,
    directory: PathBuf,
    cancelled: Cancellation,
}

impl LayerBuild {
    /// Layers with `compression`, as files in `directory`, which exists and which the caller removes.
    pub fn new(compression: Compression, directory: impl Into<PathBuf>) -> Self {
        Self { compression, directory: directory.into(), cancelled: Cancellation::default() }
    }

    /// Stops between two files when `cancelled` is raised.
    #[must_use]
    pub fn with_cancellation(mut self, cancelled: Cancellation) -> Self {
        self.cancelled = cancelled;
        self
    }

    /// How it compresses.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Writes `tree` compressed. Blocks; call it where blocking is allowed. Uses some MiB whatever the layer's size, and may
    /// run for several layers at once.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`](haute_core::error::ErrorKind::BuildFailed) when a file cannot be read, is not what the tree says about it, or the layer cannot be
    /// written; [`ErrorKind::Cancelled`](haute_core::error::ErrorKind::Cancelled). Nothing is left in the directory then.
    pub fn build(&self, tree: &LayerTree) -> Result<BuiltLayer> {
        let spool =
            tempfile::Builder::new().prefix(".layer-").tempfile_in(&self.directory).map_err(|source| {
                unwritable(source).with_context("directory", self.directory.display().to_string())
            })?;
        let file = spool.as_file().try_clone().map_err(unwritable)?;
        let to = Blob { to: BufWriter::with_capacity(256 * 1024, file), hash: Sha256::new(), size: 0 };
        let (blob, hash, uncompressed) = match self.compression {
            Compression::Gzip => {
                let mut splice = Splice::new(to);
                walk(tree, &mut splice, &self.cancelled)?;
                splice.finish()?
            }
            Compression::Zstd => self.zstd(tree, to)?,
        };
        let Blob { to, hash: blob_hash, size } = blob;
        drop(to.into_inner().map_err(|error| unwritable(error.into_error()))?);
        let digest = Digest::from_sha256(blob_hash.finalize().into());
        let path = self.directory.join(format!("{}.{}", digest.hex(), self.compression.suffix()));
        spool
            .persist(&path)
            .map_err(|error| unwritable(error.error).with_context("file", path.display().to_string()))?;
        Ok(BuiltLayer {
            path,
            descriptor: Descriptor::new(self.compression.media_type(), digest, size),
            diff_id: Digest::from_sha256(hash.finalize().into()),
            uncompressed,
        })
    }

    fn zstd(&self, tree: &LayerTree, to: Blob) -> Result<(Blob, Sha256, u64)> {
        let total = tar_size(tree);
        let mut encoder = zstd::Encoder::new(to, ZSTD_LEVEL).map_err(unwritable)?;
        // One frame that says its length, so that a reader can reserve the right window.
        encoder.set_pledged_src_size(Some(total)).map_err(unwritable)?;
        encoder.include_contentsize(true).map_err(unwritable)?;
        let mut sink = Plain::new(encoder);
        walk(tree, &mut sink, &self.cancelled)?;
        let (to, hash, size) = sink.finish();
        if size != total {
            return Err(Error::bug("a tar has another length than was computed")
                .with_context("length", size.to_string())
                .with_context("computed", total.to_string()));
        }
        Ok((to.finish().map_err(unwritable)?, hash, size))
    }
}

/// The file of a layer, hashed as it is written.
struct Blob {
    to: BufWriter<File>,
    hash: Sha256,
    size: u64,
}

impl Write for Blob {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
