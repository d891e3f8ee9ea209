//! An image as a file, for `haute-cli build --image`: no registry is written to.

use std::path::Path;

use haute_core::error::Result;
use haute_core::proof::Proof;
use haute_core::release::{LockedBase, Release};
use haute_core::target::Context;

use super::{ContainerTarget, desired, step};
use crate::engine::Engine;
use crate::layer::Compression;
use crate::make::{Archived, ImageRequest};

impl ContainerTarget {
    /// The base image of `release` by digest, for the committed lock: asked of its registry, whatever the lock says now.
    ///
    /// # Errors
    /// What the base's registry says.
    pub async fn resolve_base(&self, release: &Release) -> Result<LockedBase> {
        let (base, platform) = desired::newest_base(self, release).await?;
        Ok(LockedBase::new(base.name().to_string(), platform, base.digest().clone()))
    }

    /// Writes the image of `release` to the archive `path`. With a `proof`, the image is run by a Docker engine and must
    /// serve what was proven.
    ///
    /// # Errors
    /// What the base's registry, indexes, wheels, the engine and the disk end with; [`ErrorKind::ProofFailed`](haute_core::error::ErrorKind::ProofFailed).
    pub async fn write_archive(
        &self,
        context: &Context,
        release: &Release,
        proof: Option<&Proof>,
        path: &Path,
    ) -> Result<Archived> {
        let mut wanted = desired::image(self, release, None).await?;
        // `docker load` before version 23 reads nothing else.
        if wanted.plan.compression != Compression::Gzip {
            wanted = desired::compressed(self, release, wanted, Compression::Gzip)?;
        }
        let chosen = self.maker.builder(true).await?;
        let request = ImageRequest::new(release, &wanted.plan, &wanted.stamp, &wanted.tag);
        let archived = match &chosen.engine {
            Some(engine) => {
                let image = self.maker.build_with_engine(context, engine, &request).await?;
                engine.save(context, &wanted.tag.to_string(), path).await?;
                let size = std::fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default();
                Archived::new(path, image.digest()?, size)
            }
            None => self.maker.archive_direct(context, &request, path).await?,
        };
        if let Some(proof) = proof {
            let engine = Engine::connect(&self.variables).await?;
            step::passed(&self.maker.prove_archive(context, &engine, path, proof).await?)?;
        }
        Ok(archived)
    }
}
