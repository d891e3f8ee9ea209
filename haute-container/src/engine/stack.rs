//! Layers put upon an image the engine has, without a build: an archive for `docker load` that names every layer and carries
//! only the new ones.
//!
//! An engine that keeps layers by itself looks a layer up by the chain of the digests up to it before it reads the layer's
//! file (Moby, `image/tarexport`), so the files of those it has need not be there. A build of the same layers starts a
//! container for each. An engine with containerd's store wants every file: then nothing is loaded, and a build follows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;
use serde_json::json;

use super::build::Build;
use super::connect::Engine;
use super::context::{BuildContext, Files, LastFiles, Parcel, TarLayer};
use super::error;
use super::store::LocalImage;
use crate::oci::{ContainerConfig, History, ImageConfig, to_bytes};
use crate::reference::ImageReference;

/// What is put upon what.
pub(super) struct Stack<'a> {
    pub(super) build: &'a Build,
    pub(super) base: &'a LocalImage,
    /// The image to begin from, and how many of the build's layers it has.
    pub(super) from: &'a LocalImage,
    pub(super) present: usize,
    /// The beginnings the engine is to keep, by the index of their last layer, in order.
    pub(super) keep: &'a [(usize, String)],
}

impl Engine {
    /// Puts the missing layers upon the image and tags the result; `None` where this engine cannot do it in this way.
    pub(super) async fn stack(&self, context: &Context, stack: Stack<'_>) -> Result<Option<LocalImage>> {
        let Stack { build, from, present, .. } = stack;
        let new = build.layers.get(present..).unwrap_or_default();
        let layers: Vec<(String, Arc<dyn TarLayer>)> = new
            .iter()
            .enumerate()
            .map(|(index, layer)| (format!("layer-{index}.tar"), Arc::clone(&layer.tar)))
            .collect();
        let plan = Images::of(&stack);
        let id = Arc::new(Mutex::new(None));
        let told = Arc::clone(&id);
        let known = from.layers.clone();
        let last: LastFiles = Box::new(move |new: Vec<Digest>| {
            let diff_ids: Vec<Digest> = known.iter().cloned().chain(new).collect();
            let (files, finished) = plan.files(&diff_ids)?;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(finished);
            Ok(files)
        });
        let parcel = Parcel { first: Vec::new(), layers, last: Some(last) };
        let (body, sender) = BuildContext::new(context, parcel).split();
        let loaded = self.import(context, body, "the image was built").await?;
        // A layer that could not be read is the reason, and not what the engine says about half an archive.
        if let Ok(Err(error)) = sender.await {
            return Err(error);
        }
        if let Err(source) = loaded {
            // Whatever it minds, a build says it better.
            let reason = error::failed("engine.load", "load the layers", source);
            let line = format!("the engine builds the image, since it does not load it: {reason}");
            context.events.emit(&Event::Log { stream: "docker".to_owned(), line });
            return Ok(None);
        }
        let id = id.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(id) = id else { return Ok(None) };
        match self.inspect(id.as_str()).await {
            Ok(image) => Ok(Some(image)),
            // Known by another name there, as containerd's store does.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The documents of the archive, once the digests of its layers are known.
struct Images {
    architecture: String,
    config: ContainerConfig,
    tags: Vec<ImageReference>,
    /// Beginnings to keep: how many layers they have, and their names.
    keep: Vec<(usize, String)>,
    below: usize,
}

impl Images {
    fn of(stack: &Stack<'_>) -> Self {
        let build = stack.build;
        let mut config = build.config.clone();
        // As a build does: what the base says of itself stays unless it is said anew.
        let mut labels: BTreeMap<String, String> = stack.base.config.labels.clone().unwrap_or_default();
        labels.extend(config.labels.take().unwrap_or_default());
        config.labels = Some(labels);
        let base = stack.base.layers.len();
        Self {
            architecture: build.platform.rsplit('/').next().unwrap_or_default().to_owned(),
            config,
            tags: build.tags.clone(),
            keep: stack.keep.iter().map(|(index, name)| (base + index + 1, name.clone())).collect(),
            below: stack.from.layers.len(),
        }
    }

    /// The files, and the digest of the finished image's configuration.
    fn files(self, diff_ids: &[Digest]) -> Result<(Files, Digest)> {
        let now = jiff::Timestamp::now().to_string();
        let document = |config: ContainerConfig, diff_ids: &[Digest]| {
            let mut image = ImageConfig::new(self.architecture.clone());
            image.created = Some(now.clone());
            image.config = config;
            image.rootfs.diff_ids = diff_ids.to_vec();
            image.history =
                diff_ids.iter().map(|_| History::new(Some(now.clone()), "haute".to_owned())).collect();
            to_bytes(&image)
        };
        // Those below are never looked for.
        let names = |count: usize| -> Vec<String> {
            (0..count)
                .map(|index| match index.checked_sub(self.below) {
                    Some(new) => format!("layer-{new}.tar"),
                    None => format!("present-{index}.tar"),
                })
                .collect()
        };
        let mut files = Vec::new();
        let mut entries = Vec::new();
        for (count, name) in &self.keep {
            let Some(own) = diff_ids.get(..*count) else { continue };
            let bytes = document(ContainerConfig::default(), own)?;
            let file = format!("{}.json", Digest::of(&bytes).hex());
            entries.push(json!({"Config": file, "RepoTags": [name], "Layers": names(*count)}));
            files.push((file, bytes));
        }
        let bytes = document(self.config.clone(), diff_ids)?;
        let finished = Digest::of(&bytes);
        let file = format!("{}.json", finished.hex());
        let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
        entries.push(json!({"Config": file, "RepoTags": tags, "Layers": names(diff_ids.len())}));
        files.push((file, bytes));
        files.push(("manifest.json".to_owned(), serde_json::Value::from(entries).to_string().into_bytes()));
        Ok((files, finished))
    }
}
