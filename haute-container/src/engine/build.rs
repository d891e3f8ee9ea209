//! Building an image through an engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt as _;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::Context;

use super::classic;
use super::connect::Engine;
use super::context::{BuildContext, Parcel, TarLayer};
use super::credentials::Credentials;
use super::dockerfile::{dockerfile, labels};
use super::error::{self, cancelled};
use super::output::Output;
use super::stack::Stack;
use super::store::LocalImage;
use crate::oci::ContainerConfig;
use crate::reference::ImageReference;

/// Raised when the images of `checkpoint.rs` are made in another way.
const CHAIN_VERSION: &str = "haute-engine/1";

/// Which of an engine's builders makes the image. The root file system is the same from both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Builder {
    /// BuildKit where the engine offers it, else the classic one.
    #[default]
    Auto,
    /// The builder of every engine.
    Classic,
    /// BuildKit; an error where the engine has none.
    BuildKit,
}

/// A layer of a build.
#[derive(Clone)]
#[non_exhaustive]
pub struct BuildLayer {
    pub(super) tar: Arc<dyn TarLayer>,
    key: Option<String>,
    checkpoint: bool,
}

impl BuildLayer {
    /// A layer that is sent whenever it is needed.
    pub fn new(tar: Arc<dyn TarLayer>) -> Self {
        Self { tar, key: None, checkpoint: false }
    }

    /// Names everything its bytes depend on: an engine that has the layer already, on the same layers below, is not sent it again.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The engine keeps the image up to and with this layer under a name of ours, and the next build begins from it. Worth
    /// it where the layers above change more often.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.checkpoint = true;
        self
    }
}

/// What is to be built.
#[derive(Clone)]
#[non_exhaustive]
pub struct Build {
    pub(super) base: ImageReference,
    pub(super) platform: String,
    pub(super) config: ContainerConfig,
    pub(super) layers: Vec<BuildLayer>,
    pub(super) tags: Vec<ImageReference>,
    pub(super) builder: Builder,
    pub(super) credentials: Option<Credentials>,
    pub(super) name: String,
}

impl Build {
    /// `layers` upon `base` for `platform` (`linux/amd64`), run as `config` says.
    ///
    /// `config` is that of the finished image, with what it inherits from the base: its labels and variables and all.
    pub fn new(
        base: ImageReference,
        platform: impl Into<String>,
        config: ContainerConfig,
        layers: Vec<BuildLayer>,
    ) -> Self {
        Self {
            base,
            platform: platform.into(),
            config,
            layers,
            tags: Vec::new(),
            builder: Builder::Auto,
            credentials: None,
            name: "image".to_owned(),
        }
    }

    /// Adds a name for the finished image: `registry/repository:tag`.
    #[must_use]
    pub fn with_tag(mut self, tag: ImageReference) -> Self {
        tag.repository().rsplit('/').next().unwrap_or("image").clone_into(&mut self.name);
        self.tags.push(tag);
        self
    }

    /// Chooses the builder.
    #[must_use]
    pub fn with_builder(mut self, builder: Builder) -> Self {
        self.builder = builder;
        self
    }

    /// Signs in to the base's registry, for an engine that has to pull it.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }
}

/// An image an engine has built.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuiltImage {
    /// The image, as the engine describes it.
    pub image: LocalImage,
    /// Which builder made it.
    pub builder: Builder,
    /// How many of the layers the engine had already.
    pub reused: usize,
}

/// One request to the engine: layers upon an image.
struct Segment<'a> {
    from: String,
    layers: &'a [BuildLayer],
    /// The finished image, or the beginning of one.
    config: Option<(&'a ContainerConfig, &'a ContainerConfig)>,
    tag: Option<String>,
}

impl Engine {
    /// Builds the image and tags it. An engine that has the lower layers already is sent only the rest.
    ///
    /// Cancel-safe in that dropping the future, or cancelling, ends the build: nothing is tagged unless everything was built.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] with the engine's last lines; what [`fetch`](Self::fetch) says about the base;
    /// [`ErrorKind::Unsupported`] for a base that runs commands in every build upon it, or for BuildKit where there is
    /// none; [`ErrorKind::Cancelled`].
    pub async fn build(&self, context: &Context, build: &Build) -> Result<BuiltImage> {
        let builder = self.choose(build.builder)?;
        let base = self.fetch(context, &build.base, &build.platform, build.credentials.as_ref()).await?;
        if base.runs_on_build {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the base image `{}` runs commands in every build upon it (ONBUILD)", build.base),
            )
            .with_operation("engine.build")
            .with_hint("choose another base image, or `builder = \"direct\"`, which runs nothing"));
        }
        let kept = checkpoints(&base, build);
        let (mut from, mut next) = self.begin(&base, build, &kept).await?;
        let reused = next;
        // With layers of ours below, the rest is put upon them; a build is for what an engine sees for the first time.
        if reused > 0 && build.builder == Builder::Auto {
            let below = self.inspect(&from).await?;
            let keep: Vec<_> = kept.iter().filter(|(index, _)| *index >= reused).cloned().collect();
            let stack = Stack { build, base: &base, from: &below, present: reused, keep: &keep };
            if let Some(image) = self.stack(context, stack).await? {
                self.check(&image, &base, build)?;
                let kept: Vec<String> = kept.into_iter().map(|(_, name)| name).collect();
                self.forget_checkpoints(&build.name, &kept).await;
                return Ok(BuiltImage { image, builder, reused });
            }
        }
        for (index, name) in kept.iter().filter(|(index, _)| *index >= reused) {
            let layers = build.layers.get(next..=*index).unwrap_or_default();
            let segment = Segment { from, layers, config: None, tag: Some(name.clone()) };
            self.run_segment(context, build, builder, segment).await?;
            (from, next) = (name.clone(), index + 1);
        }
        let layers = build.layers.get(next..).unwrap_or_default();
        let segment = Segment { from, layers, config: Some((&build.config, &base.config)), tag: None };
        let id = self.run_segment(context, build, builder, segment).await?;
        let image = self.inspect(&id).await?;
        self.check(&image, &base, build)?;
        for tag in &build.tags {
            self.tag(&image.id, tag).await?;
        }
        let kept: Vec<String> = kept.into_iter().map(|(_, name)| name).collect();
        self.forget_checkpoints(&build.name, &kept).await;
        Ok(BuiltImage { image, builder, reused })
    }

    /// How many of the layers, from the base up, the engine has already: a build does not read their tars. Only keys are looked
    /// at. Cancel-safe: it asks only, and pulls the base where it is missing.
    ///
    /// # Errors
    /// What [`fetch`](Self::fetch) says about the base, and what the engine fails with.
    pub async fn layers_present(&self, context: &Context, build: &Build) -> Result<usize> {
        let base = self.fetch(context, &build.base, &build.platform, build.credentials.as_ref()).await?;
        Ok(self.begin(&base, build, &checkpoints(&base, build)).await?.1)
    }

    /// The image to begin from, and how many layers it has upon the base.
    async fn begin(
        &self,
        base: &LocalImage,
        build: &Build,
        kept: &[(usize, String)],
    ) -> Result<(String, usize)> {
        for (index, name) in kept.iter().rev() {
            if self.is_checkpoint(name, base, index + 1).await? {
                return Ok((name.clone(), index + 1));
            }
        }
        Ok((build.base.to_string(), 0))
    }

    fn choose(&self, builder: Builder) -> Result<Builder> {
        match builder {
            Builder::Auto | Builder::BuildKit if self.version().buildkit => Ok(Builder::BuildKit),
            Builder::Auto | Builder::Classic => Ok(Builder::Classic),
            Builder::BuildKit => Err(Error::new(
                ErrorKind::Unsupported,
                format!("the Docker engine {} offers no BuildKit", self.version().engine),
            )
            .with_operation("engine.build")
            .with_hint("leave the choice of the builder to the engine, or use a newer one")),
        }
    }

    /// Makes one request, and gives the id of what it made.
    async fn run_segment(
        &self,
        context: &Context,
        build: &Build,
        builder: Builder,
        segment: Segment<'_>,
    ) -> Result<String> {
        let names: Vec<String> =
            (0..segment.layers.len()).map(|number| format!("layer-{number}.tar")).collect();
        let text = dockerfile(&segment.from, &names, segment.config)?;
        let tars = names.into_iter().zip(segment.layers.iter().map(|layer| Arc::clone(&layer.tar))).collect();
        let mut options = BuildImageOptions {
            t: segment.tag,
            networkmode: Some("none".to_owned()),
            platform: build.platform.clone(),
            labels: segment.config.map(|(config, _)| labels(config)),
            ..BuildImageOptions::default()
        };
        match builder {
            #[cfg(feature = "buildkit")]
            Builder::BuildKit => super::buildkit::complete(&mut options),
            _ => classic::complete(&mut options),
        }
        let first = vec![("Dockerfile".to_owned(), text.into_bytes())];
        let parcel = Parcel { first, layers: tars, last: None };
        let (body, sender) = BuildContext::new(context, parcel).split();
        let docker = self.patient();
        let mut stream = Box::pin(docker.build_image(options, None, Some(bollard::body_try_stream(body))));
        let mut output = Output::new(Arc::clone(&context.events));
        let ended = loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = context.cancelled.cancelled() => return Err(cancelled("the image was built")),
            };
            match next {
                None => break Ok(()),
                Some(Ok(info)) => output.take(info),
                Some(Err(source)) => break Err(source),
            }
        };
        drop(stream);
        // A layer that could not be read is the reason, and not what the engine says about half a context.
        if let Ok(Err(error)) = sender.await {
            return Err(error);
        }
        match ended {
            Err(EngineError::DockerStreamError { error }) => Err(output.failed(&error)),
            Err(EngineError::DockerResponseServerError { message, .. }) => Err(output.failed(&message)),
            Err(source) => Err(error::failed("engine.build", "build the image", source)),
            Ok(()) => match output.image.take() {
                Some(id) => Ok(id),
                None => Err(output.failed("it ended without an image")),
            },
        }
    }

    /// Whether what the engine made is what was asked for.
    fn check(&self, image: &LocalImage, base: &LocalImage, build: &Build) -> Result<()> {
        let wrong = |what: &str, found: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug| {
            Error::new(
                ErrorKind::BuildFailed,
                format!("the Docker engine made another image than it was asked for: {what} is {found:?}, not {wanted:?}"),
            )
            .with_operation("engine.build")
            .with_context("engine", self.version().engine.clone())
            .with_hint("`builder = \"direct\"` makes the image without an engine")
        };
        if image.platform() != build.platform {
            return Err(wrong("the platform", &image.platform(), &build.platform));
        }
        let count = base.layers.len() + build.layers.len();
        if !image.layers.starts_with(&base.layers) || image.layers.len() < count {
            return Err(wrong("the number of layers upon the base", &image.layers.len(), &count));
        }
        let (found, wanted) = (&image.config, &build.config);
        let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        // A Dockerfile cannot take away what the base has.
        let env: BTreeSet<_> = words(&wanted.env).into_iter().collect();
        let extra = |entry: &&String| !env.contains(*entry) && !words(&base.config.env).contains(entry);
        if !env.is_subset(&words(&found.env).into_iter().collect())
            || words(&found.env).iter().any(|entry| extra(&entry))
        {
            // Values may be secrets of a base: only names are told.
            let names = |list: &[String]| -> Vec<String> {
                list.iter().map(|entry| entry.split('=').next().unwrap_or_default().to_owned()).collect()
            };
            return Err(wrong("the environment", &names(&words(&found.env)), &names(&words(&wanted.env))));
        }
        if found.user != wanted.user {
            return Err(wrong("the user", &found.user, &wanted.user));
        }
        if found.working_dir != wanted.working_dir {
            return Err(wrong("the working directory", &found.working_dir, &wanted.working_dir));
        }
        if words(&found.entrypoint) != words(&wanted.entrypoint) {
            return Err(wrong("the entry point", &found.entrypoint, &wanted.entrypoint));
        }
        if words(&found.cmd) != words(&wanted.cmd) {
            return Err(wrong("the command", &found.cmd, &wanted.cmd));
        }
        let labels = |config: &ContainerConfig| config.labels.clone().unwrap_or_default();
        let (mut expected, given) = (labels(&base.config), labels(wanted));
        expected.extend(given);
        if labels(found) != expected {
            return Err(wrong("the labels", &found.labels, &wanted.labels));
        }
        if wanted.healthcheck.is_some() && found.healthcheck != wanted.healthcheck {
            return Err(wrong("the health check", &found.healthcheck, &wanted.healthcheck));
        }
        Ok(())
    }
}

/// The layers up to which the engine keeps an image, and its name. None above a layer without a key: nothing says what is in it.
fn checkpoints(base: &LocalImage, build: &Build) -> Vec<(usize, String)> {
    let layers: Vec<&str> = base.layers.iter().map(Digest::as_str).collect();
    let mut below = format!("{CHAIN_VERSION}\n{}\n{}\n{}", base.id, build.platform, layers.join("\n"));
    let mut kept = Vec::new();
    for (index, layer) in build.layers.iter().enumerate() {
        let Some(key) = &layer.key else { break };
        let chain = Digest::of(format!("{below}\n{key}"));
        if layer.checkpoint {
            kept.push((index, super::checkpoint::name(&build.name, &chain)));
        }
        below = chain.to_string();
    }
    kept
}
