//! The base image: there already, or pulled by the engine.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;

use super::connect::Engine;
use super::credentials::{Credentials, for_engine};
use super::error::{self, cancelled};
use super::store::LocalImage;
use crate::reference::ImageReference;

impl Engine {
    /// The image `reference` for `platform` (`linux/arm64`): the local one where there is one, else pulled.
    ///
    /// Cancel-safe: a pull that is broken off leaves nothing under the name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unauthenticated`], [`ErrorKind::PermissionDenied`] as the registry says, and
    /// [`ErrorKind::InvalidInput`] when there is no such image for the platform.
    pub async fn fetch(
        &self,
        context: &Context,
        reference: &ImageReference,
        platform: &str,
        credentials: Option<&Credentials>,
    ) -> Result<LocalImage> {
        let name = reference.to_string();
        match self.inspect(&name).await {
            Ok(image) if image.platform() == platform => return Ok(image),
            Ok(image) if reference.digest().is_some() => return Err(other_platform(&name, &image, platform)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.pull(context, reference, platform, credentials).await?;
        let image = self.inspect(&name).await?;
        if image.platform() != platform {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{name}` is an image for {}, not for {platform}", image.platform()),
            )
            .with_operation("engine.pull")
            .with_hint("name a base image that exists for the platform"));
        }
        Ok(image)
    }

    async fn pull(
        &self,
        context: &Context,
        reference: &ImageReference,
        platform: &str,
        credentials: Option<&Credentials>,
    ) -> Result<()> {
        let name = reference.to_string();
        let mut options = CreateImageOptionsBuilder::default().from_image(&name).platform(platform);
        // Without a tag the engine would pull every one of the repository.
        if reference.tag().is_none() && reference.digest().is_none() {
            options = options.tag("latest");
        }
        let docker = self.patient();
        let mut stream = docker.create_image(Some(options.build()), None, for_engine(credentials, reference));
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = context.cancelled.cancelled() => return Err(cancelled("the base image was pulled")),
            };
            match next {
                None => return Ok(()),
                Some(Ok(info)) => {
                    // Bars of single layers are too many to tell; their ends are lines.
                    if info.progress_detail.as_ref().is_none_or(|detail| detail.current.is_none())
                        && let Some(status) = info.status
                    {
                        let line = info.id.map_or_else(|| status.clone(), |id| format!("{id}: {status}"));
                        context.events.emit(&Event::Log { stream: "docker".to_owned(), line });
                    }
                }
                Some(Err(source)) => {
                    let failed = error::failed("engine.pull", "pull the base image", source)
                        .with_context("image", name);
                    return Err(match failed.kind() {
                        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => {
                            failed.with_hint(format!(
                                "sign in to `{}`: `docker login`, or `DOCKER_USERNAME` and `DOCKER_PASSWORD`",
                                reference.registry()
                            ))
                        }
                        _ => failed,
                    });
                }
            }
        }
    }
}

/// An engine has one image by one digest, so an index that is there for one platform cannot be had for another.
fn other_platform(name: &str, image: &LocalImage, platform: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("the engine has `{name}` for {} and cannot have it for {platform} as well", image.platform()),
    )
    .with_operation("engine.pull")
    .with_hint(format!(
        "name the base by the digest it has for {platform} alone, or remove the other one from the engine"
    ))
    .with_hint("or set `builder = \"direct\"`, which needs no engine")
}
