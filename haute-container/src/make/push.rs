//! The direct builder: an image put together in a registry, without an engine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::Context;

use super::layers::Workshop;
use super::{ImageMaker, ImageRequest};
use crate::image::{FinishedLayer, PlannedLayer, documents};
use crate::layer::LayerBuild;
use crate::oci::{Descriptor, media_type};
use crate::registry::{
    BlobSource, MissingBlobs, NothingMissing, Push, PushBlob, PushSource, RegistryClient, Uploaded,
};

/// How many layers are on their way at a time, from the index to the registry, beside one of the base. Amazon's ECR drops
/// connections beyond six.
const PARALLEL: usize = 5;

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushedImage {
    /// The digest of its manifest.
    pub digest: Digest,
    /// How many bytes left this machine for it.
    pub bytes: u64,
    /// How many of its layers were sent.
    pub layers_sent: u64,
    /// How many of its layers the registry had.
    pub layers_present: u64,
    /// Its configuration and manifest and everything below, compressed, in bytes; `None` where an engine made it.
    pub size: Option<u64>,
    /// Its manifest; `None` where an engine made it.
    pub manifest: Option<Bytes>,
}

impl ImageMaker {
    /// Puts the image into its registry: layers that no earlier image has are fetched, made and sent one beside the other, the
    /// base's are mounted or copied where they are missing, then come the configuration, the manifest, and the tag last.
    ///
    /// Stopped or killed at any time before the tag is written, there is no tag, and what arrived stays: the next push is
    /// short. Uses some MiB for each layer in hand, whatever the layers' size.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`]; [`ErrorKind::AlreadyExists`] when the tag may not change and stands for another image; what
    /// indexes, wheels and the registry end with. Nothing is tagged then.
    pub async fn push_direct(&self, context: &Context, request: &ImageRequest<'_>) -> Result<PushedImage> {
        let client = self.client(request.name)?;
        let repository = request.name.repository();
        if let Some(previous) = request.previous
            && previous.image_key.as_ref() == Some(&request.plan.key)
        {
            // Made of the very same things, perhaps from another commit: the image is there, only its tag is not.
            let push = Push::new(repository, Vec::new(), previous.manifest.clone(), media_type::MANIFEST);
            let push = tagged(push, request);
            let pushed = client.push(&push, &NothingMissing, context).await;
            return match pushed {
                Ok(pushed) => Ok(PushedImage {
                    digest: pushed.digest,
                    bytes: pushed.bytes_moved,
                    layers_sent: 0,
                    layers_present: layers(&previous.manifest),
                    size: None,
                    manifest: Some(Bytes::from(previous.manifest.clone())),
                }),
                // Its layers went away since: made anew below.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.assemble(context, &client, &ImageRequest { previous: None, ..*request }).await
                }
                Err(error) => Err(error),
            };
        }
        self.assemble(context, &client, request).await
    }

    async fn assemble(
        &self,
        context: &Context,
        client: &RegistryClient,
        request: &ImageRequest<'_>,
    ) -> Result<PushedImage> {
        let directory = self.work_directory()?;
        let build = LayerBuild::new(request.plan.compression, directory.path());
        let workshop = Workshop::new(self, context, request, build);
        let work = Work {
            maker: self,
            client,
            request,
            workshop: &workshop,
            bytes: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        };
        let finished = tokio::select! {
            biased;
            () = context.cancelled.cancelled() => {
                return Err(Error::new(ErrorKind::Cancelled, "the push was stopped before anything was tagged")
                    .with_operation("image.push")
                    .with_hint("run it again: what arrived already is not sent twice"));
            }
            finished = work.all() => finished?,
        };
        let documents = documents(request.release, request.plan, request.stamp, &finished)?;
        let mut blobs: Vec<PushBlob> =
            documents.layers.iter().map(|layer| PushBlob::new(layer.clone(), PushSource::Assumed)).collect();
        let config = PushSource::Blob(BlobSource::Bytes(Bytes::from(documents.config.clone())));
        blobs.push(PushBlob::new(documents.config_descriptor.clone(), config));
        let push =
            Push::new(request.name.repository(), blobs, documents.manifest.clone(), media_type::MANIFEST);
        let pushed = client
            .push(&tagged(push, request), &Remake { work: &work, finished: &finished }, context)
            .await?;
        let sent = work.sent.load(Ordering::Relaxed);
        let total = documents.layers.len() as u64;
        let layer_bytes: u64 = documents.layers.iter().map(|layer| layer.size).sum();
        Ok(PushedImage {
            digest: pushed.digest,
            bytes: work.bytes.load(Ordering::Relaxed) + pushed.bytes_moved,
            layers_sent: sent,
            layers_present: total.saturating_sub(sent),
            size: Some(layer_bytes + documents.config_descriptor.size + documents.manifest.len() as u64),
            manifest: Some(Bytes::from(documents.manifest)),
        })
    }
}

fn tagged(push: Push, request: &ImageRequest<'_>) -> Push {
    match request.name.tag() {
        Some(tag) => push.with_tag(tag),
        None => push,
    }
}

fn layers(manifest: &[u8]) -> u64 {
    let manifest: Option<crate::oci::Manifest> = serde_json::from_slice(manifest).ok();
    manifest.map_or(0, |manifest| manifest.layers.len() as u64)
}

/// One image on its way.
struct Work<'a> {
    maker: &'a ImageMaker,
    client: &'a RegistryClient,
    request: &'a ImageRequest<'a>,
    workshop: &'a Workshop<'a>,
    bytes: AtomicU64,
    sent: AtomicU64,
}

impl Work<'_> {
    /// Every layer of the base and the image in the registry.
    async fn all(&self) -> Result<Vec<FinishedLayer>> {
        let base = self.base();
        // Boxed one by one: the compiler cannot see that a closure over borrowed layers gives futures that may change threads.
        let mut each: Vec<BoxFuture<'_, Result<(usize, FinishedLayer)>>> = Vec::new();
        for (index, layer) in self.request.plan.layers.iter().enumerate() {
            each.push(Box::pin(async move { Ok((index, self.finish(layer).await?)) }));
        }
        // Unordered, so that one large layer does not keep the small ones behind it waiting.
        let own = futures_util::stream::iter(each).buffer_unordered(PARALLEL).try_collect::<Vec<_>>();
        let ((), mut own) = tokio::try_join!(base, own)?;
        own.sort_by_key(|(index, _)| *index);
        Ok(own.into_iter().map(|(_, layer)| layer).collect())
    }

    /// The base's layers: known from the earlier image, else mounted or copied.
    async fn base(&self) -> Result<()> {
        let layers = &self.request.plan.base.manifest().layers;
        for layer in layers {
            if !self.request.previous.is_some_and(|one| one.has(&layer.digest)) {
                self.base_layer(layer).await?;
            }
        }
        Ok(())
    }

    async fn base_layer(&self, layer: &Descriptor) -> Result<()> {
        let name = self.request.plan.base.name();
        let repository = self.request.name.repository();
        let registry = self.maker.client(name)?;
        let tell = self.workshop.gauge.sending();
        let uploaded = if registry.is_same_registry(self.client) {
            self.client.mount_or_copy(repository, name.repository(), layer, &tell).await?
        } else {
            self.client.copy_blob(repository, layer, (&registry, name.repository()), &tell).await?
        };
        self.count(uploaded);
        Ok(())
    }

    /// A layer of the image: known from the earlier one, else made and sent.
    async fn finish(&self, layer: &PlannedLayer) -> Result<FinishedLayer> {
        if let Some((descriptor, diff_id)) =
            self.request.previous.and_then(|previous| previous.layer(layer.key.digest()))
        {
            self.workshop.gauge.layer_done();
            return Ok(FinishedLayer { descriptor: descriptor.clone(), diff_id: diff_id.clone() });
        }
        let (finished, path) = self.make(layer).await?;
        let repository = self.request.name.repository();
        let source = BlobSource::File(path.clone());
        let tell = self.workshop.gauge.sending();
        let uploaded = self.client.upload_blob(repository, &finished.descriptor, &source, &tell).await?;
        self.count(uploaded);
        // It may be one of many hundred megabytes. A file that stays goes with its directory.
        drop(tokio::fs::remove_file(path).await);
        Ok(finished)
    }

    async fn make(&self, layer: &PlannedLayer) -> Result<(FinishedLayer, PathBuf)> {
        let built = self.workshop.make(layer).await?;
        Ok((FinishedLayer { descriptor: built.descriptor, diff_id: built.diff_id }, built.path))
    }

    fn count(&self, uploaded: Uploaded) {
        if let Uploaded::Sent { bytes } = uploaded {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Makes layers again that the registry was thought to have.
struct Remake<'a> {
    work: &'a Work<'a>,
    finished: &'a [FinishedLayer],
}

#[async_trait]
impl MissingBlobs for Remake<'_> {
    async fn make(&self, descriptor: &Descriptor) -> Result<BlobSource> {
        let plan = self.work.request.plan;
        if plan.base.manifest().layers.iter().any(|layer| layer.digest == descriptor.digest) {
            let name = plan.base.name();
            let client = self.work.maker.client(name)?;
            return Ok(BlobSource::Registry { client, repository: name.repository().to_owned() });
        }
        let index = self.finished.iter().position(|layer| layer.descriptor.digest == descriptor.digest);
        let layer = index.and_then(|index| plan.layers.get(index)).ok_or_else(|| {
            Error::bug("a registry misses a layer that the image does not have")
                .with_context("digest", descriptor.digest.to_string())
        })?;
        let (made, path) = self.work.make(layer).await?;
        if made.descriptor.digest != descriptor.digest {
            return Err(Error::new(
                ErrorKind::BuildFailed,
                "a layer of the earlier image cannot be made again byte for byte",
            )
            .with_operation("image.push")
            .with_context("layer", layer.title.clone())
            .with_hint("delete the tag the earlier image has, or set another `latest_tag`, and push again"));
        }
        Ok(BlobSource::File(path))
    }
}
