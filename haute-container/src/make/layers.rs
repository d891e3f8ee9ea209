//! Layers that nobody has: fetched, laid out, compressed.

use std::sync::Arc;

use haute_core::error::{Error, Result};
use haute_core::target::Context;
use tokio::sync::Semaphore;

use super::gauge::Gauge;
use super::{ImageMaker, ImageRequest};
use crate::image::PlannedLayer;
use crate::layer::{BuiltLayer, LayerBuild, LayerTree};
use crate::wheel::{WheelTarget, Wheels};

/// Makes layers in one directory, as many at a time as there are processors.
pub(super) struct Workshop<'a> {
    maker: &'a ImageMaker,
    context: &'a Context,
    pub(super) gauge: Arc<Gauge>,
    build: LayerBuild,
    target: WheelTarget,
    processors: Arc<Semaphore>,
}

impl<'a> Workshop<'a> {
    pub(super) fn new(
        maker: &'a ImageMaker,
        context: &'a Context,
        request: &ImageRequest<'_>,
        build: LayerBuild,
    ) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            maker,
            context,
            gauge: Gauge::new(context, request.plan.layers.len()),
            build: build.with_cancellation(context.cancelled.clone()),
            target: request.plan.target,
            processors: Arc::new(Semaphore::new(processors)),
        }
    }

    /// The files of a layer, its wheels fetched.
    pub(super) async fn tree(&self, layer: &PlannedLayer) -> Result<LayerTree> {
        let wheels = self.wheels(layer).await?;
        let layer = layer.clone();
        blocking(move || layer.tree(&wheels)).await
    }

    /// The layer as it is pushed.
    pub(super) async fn make(&self, layer: &PlannedLayer) -> Result<BuiltLayer> {
        let wheels = self.wheels(layer).await?;
        let permit = Arc::clone(&self.processors).acquire_owned().await;
        let (planned, build) = (layer.clone(), self.build.clone());
        let built = blocking(move || build.build(&planned.tree(&wheels)?)).await;
        drop(permit);
        self.gauge.layer_done();
        built.map_err(|error| error.with_context("layer", layer.title.clone()))
    }

    async fn wheels(&self, layer: &PlannedLayer) -> Result<Wheels> {
        match layer.wheels() {
            Some(wheels) => {
                let context = self.gauge.fetching(self.context);
                self.maker.wheels.fetch(&context, wheels.distributions(), &self.target).await
            }
            None => Ok(Wheels::default()),
        }
    }
}

/// Runs `work` where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|source| Error::bug("the making of a layer broke off").with_source(source))?
}
