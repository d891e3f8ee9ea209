//! The proof in an image that was made without an engine: an engine takes it from where it is.

use std::path::Path;

use haute_core::error::Result;
use haute_core::proof::Proof;
use haute_core::release::Release;
use haute_core::target::Context;
use haute_core::verify::Verification;

use super::ImageMaker;
use crate::engine::Engine;
use crate::prove::{ImageProofOptions, prove_in_image};
use crate::reference::ImageReference;

impl ImageMaker {
    /// Pulls the image `name` into `engine`, by its digest, and proves it there.
    ///
    /// # Errors
    /// What pulling ends with, and what [`prove_in_image`] fails with.
    pub async fn prove_pushed(
        &self,
        context: &Context,
        engine: &Engine,
        name: &ImageReference,
        release: &Release,
        proof: &Proof,
    ) -> Result<Verification> {
        let credentials = self.engine_credentials(name).await?;
        let image = engine.fetch(context, name, &release.manifest().platform, credentials.as_ref()).await?;
        prove_in_image(engine, context, &image, proof, &ImageProofOptions::default()).await
    }

    /// Loads the archive at `path` into `engine` and proves the image there.
    ///
    /// # Errors
    /// What loading ends with, and what [`prove_in_image`] fails with.
    pub async fn prove_archive(
        &self,
        context: &Context,
        engine: &Engine,
        path: &Path,
        proof: &Proof,
    ) -> Result<Verification> {
        let image = engine.load(context, path).await?;
        prove_in_image(engine, context, &image, proof, &ImageProofOptions::default()).await
    }
}
