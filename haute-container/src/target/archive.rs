//! An image as a file, for `haute-cli build --image`: no registry is written to.

use std::path::Path;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::proof::Proof;
use haute_core::release::lock::Platform;
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
        let base = desired::newest_base(self, release).await?;
        let platform = Platform::parse(&release.manifest().platform).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the release names a platform that is none")
        })?;
        Ok(LockedBase::new(base.name().to_string(), platform, base.digest().clone()))
    }

    /// Writes the image of `release` to the archive `path`. With a `proof`, the image is run by a Docker engine and must
    /// serve what was proven.
    ///
    /// # Errors
    /// What the base's registry, indexes, wheels, the engine and the disk end with; [`ErrorKind::ProofFailed`].
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
                let digest = haute_core::digest::Digest::parse(&image.id)
                    .ok_or_else(|| Error::bug(format!("the engine calls an image `{}`", image.id)))?;
                Archived::new(path, digest, size)
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
