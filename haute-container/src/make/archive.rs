//! The direct builder: an image as one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::Context;

use super::layers::{Workshop, blocking};
use super::{ImageMaker, ImageRequest};
use crate::image::{FinishedLayer, documents, write_archive};
use crate::layer::{BuiltLayer, LayerBuild};

/// How many layers are in hand at a time.
const PARALLEL: usize = 4;

/// An image in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archived {
    /// Where it is.
    pub path: PathBuf,
    /// The digest of its manifest.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

impl Archived {
    /// An archive of `size` bytes at `path`, of the image with `digest`.
    pub fn new(path: impl Into<PathBuf>, digest: Digest, size: u64) -> Self {
        Self { path: path.into(), digest, size }
    }
}

impl ImageMaker {
    /// Writes the image to the archive `path`, which `docker load`, skopeo and podman read. The base's layers come from its
    /// registry; nothing is written to any. What was at `path` is replaced when the whole archive is there.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`]; what indexes, wheels, the base's registry and the disk end with.
    pub async fn archive_direct(
        &self,
        context: &Context,
        request: &ImageRequest<'_>,
        path: &Path,
    ) -> Result<Archived> {
        let work = self.archive_into(context, request, path);
        tokio::select! {
            biased;
            () = context.cancelled.cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "stopped before the image was written").with_operation("image.archive"))
            }
            archived = work => archived,
        }
    }

    async fn archive_into(
        &self,
        context: &Context,
        request: &ImageRequest<'_>,
        path: &Path,
    ) -> Result<Archived> {
        let directory = self.work_directory()?;
        let build = LayerBuild::new(request.plan.compression, directory.path());
        let workshop = Workshop::new(self, context, request, build);
        let base = self.base_layers(request, directory.path(), &workshop);
        let mut each: Vec<BoxFuture<'_, Result<BuiltLayer>>> = Vec::new();
        for layer in &request.plan.layers {
            each.push(Box::pin(workshop.make(layer)));
        }
        let own = futures_util::stream::iter(each).buffered(PARALLEL).try_collect::<Vec<_>>();
        let (mut blobs, own) = tokio::try_join!(base, own)?;
        let mut finished = Vec::new();
        for layer in own {
            blobs.insert(layer.descriptor.digest.to_string(), layer.path);
            finished.push(FinishedLayer { descriptor: layer.descriptor, diff_id: layer.diff_id });
        }
        let documents = documents(request.release, request.plan, request.stamp, &finished)?;
        let digest = documents.digest.clone();
        let (path, name) = (path.to_owned(), request.name.clone());
        blocking(move || {
            write_archive(&path, &documents, &blobs, &name)?;
            let size = std::fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or_default();
            Ok(Archived { path, digest, size })
        })
        .await
    }

    async fn base_layers(
        &self,
        request: &ImageRequest<'_>,
        directory: &Path,
        workshop: &Workshop<'_>,
    ) -> Result<BTreeMap<String, PathBuf>> {
        let name = request.plan.base.name();
        let client = self.client(name)?;
        let mut fetched = BTreeMap::new();
        for layer in &request.plan.base.manifest().layers {
            let place = directory.join(format!("base-{}", layer.digest.hex()));
            let tell = workshop.gauge.receiving();
            client.download_blob(name.repository(), layer, &place, &tell).await?;
            fetched.insert(layer.digest.to_string(), place);
        }
        Ok(fetched)
    }
}
