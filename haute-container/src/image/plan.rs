//! The plan of an image: every layer by its key, before anything is fetched or made.

use std::collections::BTreeSet;

use haute_core::config::ContainerSection;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::python::PythonVersion;
use haute_core::release::Release;
use haute_core::release::lock::{Platform, normalise};
use serde_json::json;

use super::contents::release_layers;
use super::{Base, LAYOUT};
use crate::layer::{Compression, LayerKey, LayerTree};
use crate::wheel::{WheelLayer, WheelPlan, WheelTarget, Wheels, read_lock};

/// What an image of a release on a base will hold. The same release, base and settings give the same plan on every machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImagePlan {
    /// What it stands on.
    pub base: Base,
    /// From what changes least to what changes most.
    pub layers: Vec<PlannedLayer>,
    /// Over everything above and the port: two images with the same key differ in no file and run alike.
    pub key: Digest,
    /// What its wheels are chosen for.
    pub target: WheelTarget,
    /// Where quotes are answered in a container.
    pub port: u16,
    /// Normalised names of the distributions of the lock that are not in it.
    pub left_out: BTreeSet<String>,
    /// How its layers are compressed.
    pub compression: Compression,
}

/// A layer, by its key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedLayer {
    /// For people and the image's history.
    pub title: String,
    /// What it is made of. A layer of an earlier image with the same key is the same layer.
    pub key: LayerKey,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Wheels(WheelLayer),
    Release(LayerTree),
}

impl PlannedLayer {
    /// The distributions it is made of: what must be fetched before [`tree`](Self::tree). `None` for a layer of the release.
    pub fn wheels(&self) -> Option<&WheelLayer> {
        match &self.source {
            Source::Wheels(layer) => Some(layer),
            Source::Release(_) => None,
        }
    }

    /// Its files. Blocks; reads the directories of `wheels`.
    ///
    /// # Errors
    /// As [`WheelLayer::tree`].
    pub fn tree(&self, wheels: &Wheels) -> Result<LayerTree> {
        match &self.source {
            Source::Wheels(layer) => layer.tree(wheels),
            Source::Release(tree) => Ok(tree.clone()),
        }
    }
}

impl ImagePlan {
    /// Plans the image of `release` on `base`. Reads the release's lock; asks nobody.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when the lock cannot become layers: for another platform than Linux, or an entry without
    /// a hash.
    pub fn new(
        release: &Release,
        base: Base,
        settings: &ContainerSection,
        compression: Compression,
    ) -> Result<Self> {
        let manifest = release.manifest();
        let python = PythonVersion::parse(&manifest.python).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the release is for Python `{}`, which is no version", manifest.python),
            )
        })?;
        let platform = Platform::parse(&manifest.platform).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the release is for `{}`, which is no platform", manifest.platform),
            )
        })?;
        let lock = read_lock(&release.lock()?)?;
        let left_out = left_out(release, settings);
        let target = WheelTarget::new(python, platform)?;
        let mut layers = Vec::new();
        for layer in WheelPlan::new(&lock, target, &left_out).layers() {
            layers.push(PlannedLayer {
                title: layer.title().to_owned(),
                key: layer.key(compression)?,
                source: Source::Wheels(layer.clone()),
            });
        }
        for layer in release_layers(release)? {
            layers.push(PlannedLayer {
                title: layer.title,
                key: LayerKey::new("release", &layer.key, compression)?,
                source: Source::Release(layer.tree),
            });
        }
        let keys: Vec<_> = layers.iter().map(|layer| layer.key.as_str().to_owned()).collect();
        let key = Digest::of(
            json!({
                "layout": LAYOUT,
                "base": base.digest(),
                "layers": keys,
                "port": settings.port,
            })
            .to_string(),
        );
        Ok(Self { base, layers, key, target, port: settings.port, left_out, compression })
    }
}

/// What scoring never imported, but what the settings keep.
fn left_out(release: &Release, settings: &ContainerSection) -> BTreeSet<String> {
    if !settings.leave_out_unused {
        return BTreeSet::new();
    }
    let kept: BTreeSet<String> = settings.keep.iter().map(|name| normalise(name)).collect();
    release.manifest().unused_distributions.iter().filter(|name| !kept.contains(*name)).cloned().collect()
}
