//! The layers of the release itself, from what changes least to what changes most.

use haute_core::digest::Digest;
use haute_core::error::{Error, Result};
use haute_core::release::Release;
use serde_json::json;

use super::LAYOUT;
use super::running::RELEASE_DIRECTORY;
use crate::layer::{Content, LayerTree};

/// Files of a release at least this long, in bytes, have a layer of their own: models and tables, which change without the
/// code and the code without them.
const LARGE: u64 = 1024 * 1024;

/// Layers of large files at most; the rest go into one. An overlay file system takes 127 layers in all.
const LARGE_LAYERS: usize = 24;

/// A layer of the release.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReleaseLayer {
    /// For people and the image's history: "model project/models/frequency.rsglm".
    pub title: String,
    /// What it is made of; the compression is not in it.
    pub key: Digest,
    /// Its files.
    pub tree: LayerTree,
}

/// The layers of `release`: the server, each large file, and the rest.
///
/// # Errors
/// Only for a bug of ours: a release's paths are clean.
pub fn release_layers(release: &Release) -> Result<Vec<ReleaseLayer>> {
    let mut server = Vec::new();
    let mut large = Vec::new();
    let mut rest = Vec::new();
    for file in &release.manifest().files {
        let file = Part { path: &file.path, digest: &file.sha256, size: file.size };
        // The lock is mostly hashes, which no compression makes smaller, and changes with the dependencies only.
        if file.path.starts_with("runtime/") || file.path == "requirements.lock" {
            server.push(file);
        } else if file.size >= LARGE {
            large.push(file);
        } else {
            rest.push(file);
        }
    }
    let manifest = release.directory().join("manifest.json");
    let size = std::fs::metadata(&manifest)
        .map_err(|source| Error::bug("the release's manifest has gone").with_source(source))?
        .len();
    rest.push(Part { path: "manifest.json", digest: release.digest().hex(), size });

    let mut layers = Vec::new();
    if !server.is_empty() {
        layers.push(layer(release, "server".to_owned(), &server)?);
    }
    let own = large.len().min(if large.len() > LARGE_LAYERS { LARGE_LAYERS - 1 } else { LARGE_LAYERS });
    for (index, file) in large.iter().enumerate().take(own) {
        layers.push(layer(
            release,
            format!("file {}", file.path),
            large.get(index..=index).unwrap_or_default(),
        )?);
    }
    if let Some(others) = large.get(own..).filter(|others| !others.is_empty()) {
        layers.push(layer(release, format!("{} further large files", others.len()), others)?);
    }
    layers.push(layer(release, "pipeline".to_owned(), &rest)?);
    Ok(layers)
}

struct Part<'a> {
    path: &'a str,
    digest: &'a str,
    size: u64,
}

fn layer(release: &Release, title: String, files: &[Part<'_>]) -> Result<ReleaseLayer> {
    let mut tree = LayerTree::new();
    for file in files {
        let content = Content::File { path: release.directory().join(file.path), size: file.size };
        tree.add_file(&format!("{RELEASE_DIRECTORY}/{}", file.path), false, content)?;
    }
    let inputs: Vec<_> = files.iter().map(|file| json!([file.path, file.digest])).collect();
    let key = Digest::of(json!({"layout": LAYOUT, "release files": inputs}).to_string());
    Ok(ReleaseLayer { title, key, tree })
}
