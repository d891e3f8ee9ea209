//! The engine builder: the same layers, put together by a Docker engine.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use haute_core::error::{Error, Result};
use haute_core::target::{Cancellation, Context};

use super::layers::Workshop;
use super::push::PushedImage;
use super::{ImageMaker, ImageRequest};
use crate::engine::{Build, BuildLayer, Credentials, Engine, LocalImage, TarLayer};
use crate::image::container_config;
use crate::layer::{LayerBuild, LayerTree, tar};
use crate::reference::ImageReference;

/// The layer whose image the engine keeps as a beginning for the next build is the last of the wheels, and the last before
/// the pipeline's own: what lies below each changes more seldom than what lies above.
const PIPELINE_LAYERS: usize = 1;

impl ImageMaker {
    /// Builds the image with `engine` and gives it the request's name there. Nothing is pushed.
    ///
    /// The engine is told layers, not commands: nothing of the image runs while it is built, and no network is used but for
    /// the base. Layers the engine kept from an earlier build are neither fetched nor sent.
    ///
    /// # Errors
    /// What [`Engine::build`] fails with, and what indexes and wheels end with.
    pub async fn build_with_engine(
        &self,
        context: &Context,
        engine: &Engine,
        request: &ImageRequest<'_>,
    ) -> Result<LocalImage> {
        let (plan, stamp) = (request.plan, request.stamp);
        let labels = stamp.labels(request.release, &plan.base, &plan.key);
        let config =
            container_config(&plan.base.config().config, plan.port, &labels, stamp.revision.as_deref());
        let wheels = plan.layers.iter().filter(|layer| layer.wheels().is_some()).count();
        let lazy: Vec<Arc<LazyLayer>> = plan.layers.iter().map(|_| Arc::default()).collect();
        let layers = plan.layers.iter().zip(&lazy).enumerate().map(|(index, (planned, layer))| {
            let layer =
                BuildLayer::new(Arc::clone(layer) as Arc<dyn TarLayer>).with_key(planned.key.as_str());
            let last = index + 1 == wheels || index + 1 + PIPELINE_LAYERS == plan.layers.len();
            if last { layer.keep() } else { layer }
        });
        let mut build =
            Build::new(plan.base.pinned(), &request.release.manifest().platform, config, layers.collect())
                .with_tag(request.name.clone());
        if let Some(credentials) = self.engine_credentials(plan.base.name()).await? {
            build = build.with_credentials(credentials);
        }
        let present = engine.layers_present(context, &build).await?;
        let directory = self.work_directory()?;
        let workshop =
            Workshop::new(self, context, request, LayerBuild::new(plan.compression, directory.path()));
        for (planned, layer) in plan.layers.iter().zip(&lazy).skip(present) {
            layer.fill(workshop.tree(planned).await?);
        }
        Ok(engine.build(context, &build).await?.image)
    }

    /// Pushes an image `engine` has under the request's name.
    ///
    /// # Errors
    /// What [`Engine::push`] fails with.
    pub async fn push_with_engine(
        &self,
        context: &Context,
        engine: &Engine,
        image: &LocalImage,
        name: &ImageReference,
    ) -> Result<PushedImage> {
        let credentials = self.engine_credentials(name).await?;
        let pushed = engine.push(context, &image.id, name, credentials.as_ref()).await?;
        Ok(PushedImage {
            digest: pushed.digest,
            bytes: pushed.bytes,
            layers_sent: pushed.layers_sent,
            layers_present: pushed.layers_present,
            size: None,
            manifest: None,
        })
    }

    /// What an engine signs in with. Tokens that only this program can use are none.
    pub(super) async fn engine_credentials(&self, image: &ImageReference) -> Result<Option<Credentials>> {
        Ok(self.credentials(image).await?.and_then(|credentials| {
            let (username, password) = credentials.username_and_password()?;
            Some(Credentials::new(username, password))
        }))
    }
}

/// A layer whose files are known only when the engine turns out to need it.
#[derive(Default)]
struct LazyLayer(OnceLock<LayerTree>);

impl LazyLayer {
    fn fill(&self, tree: LayerTree) {
        // Filled once: a second tree of the same layer would be the same.
        drop(self.0.set(tree));
    }
}

impl TarLayer for LazyLayer {
    fn size(&self) -> u64 {
        self.0.get().map_or(0, tar::tar_size)
    }

    fn write(&self, to: &mut dyn Write, cancelled: &Cancellation) -> Result<()> {
        let tree = self.0.get().ok_or_else(|| Error::bug("the engine asks for a layer it said it had"))?;
        tar::write_tar(tree, to, cancelled).map(drop)
    }
}
