//! The images an engine holds.

use std::path::Path;

use bollard::errors::Error as EngineError;
use bollard::models::ImageInspect;
use bollard::query_parameters::{
    ImportImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::connect::Engine;
use super::error::{self, cancelled};
use super::saved::SavedImage;
use crate::oci::ContainerConfig;
use crate::reference::ImageReference;

/// An image in an engine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LocalImage {
    /// The engine's id of it: the digest of its configuration, or of its manifest where the engine keeps images as containerd does.
    pub id: String,
    /// Names it goes by: `registry/repository:tag`, the way the engine writes them.
    pub tags: Vec<String>,
    /// Names with the digest a registry has it under: `repository@sha256:…`.
    pub digests: Vec<String>,
    /// Unpacked, in bytes.
    pub size: u64,
    /// How a container of it runs.
    pub config: ContainerConfig,
    /// Its layers by the digest of their uncompressed tar, from the base up.
    pub layers: Vec<Digest>,
    /// Whether a build upon it runs commands of its own (`ONBUILD`).
    pub runs_on_build: bool,
    os: String,
    architecture: String,
}

impl LocalImage {
    /// `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }

    /// Its id, which is the digest of its configuration.
    ///
    /// # Errors
    /// Only when the engine calls it something else.
    pub fn digest(&self) -> Result<Digest> {
        Digest::parse(&self.id).ok_or_else(|| Error::bug(format!("the engine calls an image `{}`", self.id)))
    }

    fn of(image: ImageInspect) -> Result<Self> {
        let nothing =
            || Error::bug("the engine describes an image without an id").with_operation("engine.inspect");
        // Both are the same JSON: the form of the API is that of the image's own document.
        let config = image
            .config
            .as_ref()
            .map(|config| {
                let mut value = serde_json::to_value(config)?;
                // The API's client reads the ports as a list.
                if let Some(ports) = value.get_mut("ExposedPorts")
                    && let Some(list) = ports.as_array()
                {
                    *ports = list
                        .iter()
                        .filter_map(|port| Some((port.as_str()?.to_owned(), serde_json::json!({}))))
                        .collect::<serde_json::Map<_, _>>()
                        .into();
                }
                serde_json::from_value::<ContainerConfig>(value)
            })
            .transpose()
            .map_err(|source| {
                Error::bug("the engine's description of an image cannot be read").with_source(source)
            })?
            .unwrap_or_default();
        let layers = image.root_fs.and_then(|root| root.layers).unwrap_or_default();
        Ok(Self {
            id: image.id.ok_or_else(nothing)?,
            tags: image.repo_tags.unwrap_or_default(),
            digests: image.repo_digests.unwrap_or_default(),
            size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            runs_on_build: image
                .config
                .and_then(|config| config.on_build)
                .is_some_and(|list| !list.is_empty()),
            config,
            layers: layers.iter().filter_map(|layer| Digest::parse(layer)).collect(),
            os: image.os.unwrap_or_default(),
            architecture: image.architecture.unwrap_or_default(),
        })
    }
}

impl Engine {
    /// The image `name`: an id, or a name with tag or digest. Cancel-safe: it asks only.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn inspect(&self, name: &str) -> Result<LocalImage> {
        let image = self.docker().inspect_image(name).await.map_err(|source| {
            error::failed("engine.inspect", "show the image", source).with_context("image", name)
        })?;
        LocalImage::of(image)
    }

    /// Names the image `id` `tag` as well. Cancel-safe: it happens or it does not.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such an image, [`ErrorKind::InvalidInput`] for a name without a tag.
    pub async fn tag(&self, id: &str, tag: &ImageReference) -> Result<()> {
        let Some(name) = tag.tag() else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{tag}` has no tag"))
                .with_operation("engine.tag"));
        };
        let repository = tag.untagged().to_string();
        let options = TagImageOptionsBuilder::default().repo(&repository).tag(name).build();
        self.docker().tag_image(id, Some(options)).await.map_err(|source| {
            error::failed("engine.tag", "tag the image", source).with_context("tag", tag.to_string())
        })
    }

    /// Takes the name `name` away, and the image with its last name. One that is gone already is fine.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while a container uses it.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let options = RemoveImageOptionsBuilder::default().build();
        match self.docker().remove_image(name, Some(options), None).await {
            Ok(_) => Ok(()),
            Err(source) => {
                let error =
                    error::failed("engine.remove", "remove the image", source).with_context("image", name);
                if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Writes the image `name` to the file `path` as an archive `docker load` takes, in pieces: memory does not grow with it.
    /// A file that is there is replaced, in one go, when everything is written.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such an image, [`ErrorKind::BuildFailed`] when the file cannot be written.
    pub async fn save(&self, context: &Context, name: &str, path: &Path) -> Result<()> {
        let unwritable = |source: std::io::Error| {
            Error::new(ErrorKind::BuildFailed, "the image cannot be saved")
                .with_operation("engine.save")
                .with_context("file", path.display().to_string())
                .with_source(source)
        };
        self.inspect(name).await?;
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::NamedTempFile::new_in(directory).map_err(unwritable)?;
        let mut file = tokio::fs::File::from_std(temporary.as_file().try_clone().map_err(unwritable)?);
        let docker = self.patient();
        let mut stream = docker.export_image(name);
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = context.cancelled.cancelled() => return Err(cancelled("the image was saved")),
            };
            match next {
                None => break,
                Some(Ok(bytes)) => file.write_all(&bytes).await.map_err(unwritable)?,
                Some(Err(source)) => return Err(error::failed("engine.save", "save the image", source)),
            }
        }
        file.flush().await.map_err(unwritable)?;
        temporary.persist(path).map_err(|error| unwritable(error.error))?;
        Ok(())
    }

    /// Loads the archive `path` (`docker save`'s form) and gives the image that is in it.
    ///
    /// Cancel-safe: what an engine has loaded it has under the names of the archive, or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a file that is no such archive; what the engine refuses it with.
    pub async fn load(&self, context: &Context, path: &Path) -> Result<LocalImage> {
        let owned = path.to_owned();
        let saved = tokio::task::spawn_blocking(move || SavedImage::open(&owned))
            .await
            .map_err(|source| Error::bug("reading an archive ended early").with_source(source))??;
        let unreadable = |source: std::io::Error| {
            Error::new(ErrorKind::InvalidInput, "the archive cannot be read")
                .with_operation("engine.load")
                .with_context("file", path.display().to_string())
                .with_source(source)
        };
        let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        self.import(context, ReaderStream::with_capacity(file, 256 * 1024), "the image was loaded")
            .await?
            .map_err(|source| error::failed("engine.load", "load the image", source))?;
        match self.inspect(saved.config_digest().as_str()).await {
            // An engine that keeps images as containerd does knows them by their manifests.
            Err(error) if error.kind() == ErrorKind::NotFound => match saved.tags().first() {
                Some(tag) => self.inspect(tag).await,
                None => Err(error),
            },
            found => found,
        }
    }

    /// Sends an archive of images to the engine. The inner error is what the engine says to it; `what` was stopped where the
    /// caller wants to stop.
    pub(super) async fn import(
        &self,
        context: &Context,
        archive: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
        what: &str,
    ) -> Result<std::result::Result<(), EngineError>> {
        let docker = self.patient();
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut stream = Box::pin(docker.import_image(options, bollard::body_try_stream(archive), None));
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = context.cancelled.cancelled() => return Err(cancelled(what)),
            };
            match next {
                None => return Ok(Ok(())),
                Some(Err(source)) => return Ok(Err(source)),
                Some(Ok(info)) => {
                    let line = info.stream.as_deref().map(str::trim).filter(|line| !line.is_empty());
                    if let Some(line) = line {
                        let (stream, line) = ("docker".to_owned(), line.to_owned());
                        context.events.emit(&Event::Log { stream, line });
                    }
                }
            }
        }
    }
}
