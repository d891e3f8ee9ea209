//! Divides a lock into layers, without asking anyone.
//!
//! The division must be a function of the lock alone: a fresh runner computes the keys, finds them in the previous image and
//! downloads nothing, and two machines make the same image whatever they built before. Sizes are not in a lock, so "large
//! wheels alone, small ones together" cannot be the rule.
//!
//! The rule is one layer for each distribution. A small layer costs a few hundred bytes in the manifest and, when it is new,
//! an upload; in exchange a change of one distribution makes one layer and fetches one wheel, and equal distributions
//! of different projects are equal layers in a registry. Container runtimes take 127 layers, so from [`MAX_WHEEL_LAYERS`]
//! distributions on each goes into one of that many layers by the hash of its name: adding one more then changes one layer, too.
//!
//! Where two distributions hold the same file (a `LICENSE` or a `tests` package that was not meant to be installed), the one later
//! in the lock wins, in one layer as in two.

use std::collections::{BTreeMap, BTreeSet};

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use serde::Serialize;

use super::install::{INSTALL_ROOT, install};
use super::lock::Locked;
use super::tag::WheelTarget;
use super::trim;
use super::wheels::Wheels;
use crate::layer::{Compression, Content, LayerKey, LayerTree};

/// At most so many layers are made of wheels. With the base's (some ten at most), the artifacts' and the release's own this
/// stays below the 127 that overlay storage takes.
pub const MAX_WHEEL_LAYERS: usize = 64;

/// Makes the directory a site directory, so that `.pth` files in it are read: `PYTHONPATH` alone does not (Python
/// documentation, module `site`).
pub const SITECUSTOMIZE: &str =
    "import os\nimport site\n\nsite.addsitedir(os.path.dirname(os.path.abspath(__file__)))\n";

/// Bumped when the same wheels are laid out in another way.
const RECIPE: u32 = 1;

/// The layers a lock becomes.
#[derive(Clone, Debug)]
pub struct WheelPlan {
    layers: Vec<WheelLayer>,
}

/// One layer: some distributions of a lock, or the start-up file every image has.
#[derive(Clone, Debug)]
pub struct WheelLayer {
    title: String,
    distributions: Vec<Locked>,
    target: WheelTarget,
}

/// What decides the content of a layer. The digests name every wheel that may be chosen; Python and platform choose.
#[derive(Serialize)]
struct Inputs<'a> {
    recipe: u32,
    trim: u32,
    python: String,
    platform: &'a str,
    distributions: &'a [Locked],
    sitecustomize: Option<&'a str>,
}

impl WheelPlan {
    /// Divides `lock` for `target`, without the distributions named in `leave_out` (normalised names).
    ///
    /// The first layer holds what makes the others importable and is the same for every image; the rest is in the lock's order.
    pub fn new(lock: &[Locked], target: WheelTarget, leave_out: &BTreeSet<String>) -> Self {
        let kept: Vec<&Locked> = lock.iter().filter(|locked| !leave_out.contains(&locked.name)).collect();
        let mut layers = vec![WheelLayer { title: "start-up".to_owned(), distributions: Vec::new(), target }];
        if kept.len() <= MAX_WHEEL_LAYERS {
            layers.extend(kept.into_iter().map(|locked| WheelLayer::of(vec![locked.clone()], target)));
        } else {
            let mut buckets: BTreeMap<u64, Vec<Locked>> = BTreeMap::new();
            for locked in kept {
                buckets.entry(bucket(&locked.name)).or_default().push(locked.clone());
            }
            layers.extend(buckets.into_values().map(|distributions| WheelLayer::of(distributions, target)));
        }
        Self { layers }
    }

    /// The layers, in the order they lie in the image.
    pub fn layers(&self) -> &[WheelLayer] {
        &self.layers
    }
}

/// Which layer a distribution goes into when there are too many for one each.
fn bucket(name: &str) -> u64 {
    let digest = Digest::of(name);
    let number = digest.hex().get(..15).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default();
    number % MAX_WHEEL_LAYERS as u64
}

impl WheelLayer {
    fn of(distributions: Vec<Locked>, target: WheelTarget) -> Self {
        let names: Vec<String> =
            distributions.iter().map(|locked| format!("{} {}", locked.name, locked.version)).collect();
        Self { title: names.join(", "), distributions, target }
    }

    /// For people and for the image's history: `polars-runtime-32 1.44.2`.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The distributions in it: what must be fetched before [`tree`](Self::tree). None for the first layer.
    pub fn distributions(&self) -> &[Locked] {
        &self.distributions
    }

    /// The key of the layer. Needs no wheel and no network.
    ///
    /// # Errors
    /// Only for a bug of ours.
    pub fn key(&self, compression: Compression) -> Result<LayerKey> {
        let inputs = Inputs {
            recipe: RECIPE,
            trim: trim::VERSION,
            python: self.target.python.to_string(),
            platform: self.target.platform.as_str(),
            distributions: &self.distributions,
            sitecustomize: self.distributions.is_empty().then_some(SITECUSTOMIZE),
        };
        LayerKey::new("wheel", &inputs, compression)
    }

    /// Lays the layer out from its wheels. Reads their directories; blocks.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] naming the wheel when it is damaged, hostile, or wants a path another one has.
    pub fn tree(&self, wheels: &Wheels) -> Result<LayerTree> {
        let mut tree = LayerTree::new();
        if self.distributions.is_empty() {
            let content = Content::Bytes(SITECUSTOMIZE.as_bytes().to_vec());
            tree.add_file(&format!("{INSTALL_ROOT}/sitecustomize.py"), false, content)?;
        }
        for locked in &self.distributions {
            let wheel = wheels.of(locked)?;
            let installed = install(wheel)?;
            if installed.contains(&format!("{INSTALL_ROOT}/sitecustomize.py")) {
                return Err(Error::new(
                    ErrorKind::BuildFailed,
                    format!("`{}` brings a `sitecustomize.py` of its own", wheel.file_name),
                )
                .with_operation("wheel.install")
                .with_hint(
                    "the image has one that makes its packages importable, and Python reads only one",
                ));
            }
            tree.overlay(installed).map_err(|error| error.with_context("wheel", wheel.file_name.clone()))?;
        }
        Ok(tree)
    }
}
