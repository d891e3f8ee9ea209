//! An archive of `docker save`: one tar with a `manifest.json`, the configuration, and the layers as files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::oci::ImageConfig;

/// A `manifest.json` or configuration larger than this is none, in bytes.
const DOCUMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// An image in a file. Only its documents are in memory.
#[derive(Clone, Debug)]
pub struct SavedImage {
    path: PathBuf,
    config: ImageConfig,
    config_digest: Digest,
    tags: Vec<String>,
    layers: Vec<SavedLayer>,
}

/// A layer inside the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedLayer {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// Where it begins in the archive, in bytes.
    pub offset: u64,
    /// How long it is there, in bytes.
    pub size: u64,
}

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ArchiveEntry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

enum Member {
    File { offset: u64, size: u64 },
    Link(String),
}

impl SavedImage {
    /// Reads the documents of the archive `path`, which must hold one image. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is no such archive, [`ErrorKind::NotFound`] when it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::InvalidInput, format!("`{}` is no saved image: {what}", path.display()))
                .with_operation("engine.archive")
        };
        let unreadable = |source: io::Error| {
            let kind = if source.kind() == io::ErrorKind::NotFound {
                ErrorKind::NotFound
            } else {
                ErrorKind::InvalidInput
            };
            Error::new(kind, format!("`{}` cannot be read as a saved image", path.display()))
                .with_operation("engine.archive")
                .with_source(source)
        };
        let members = members(path).map_err(unreadable)?;
        let document = |name: &str| -> Result<Vec<u8>> {
            let (offset, size) =
                resolve(&members, name).ok_or_else(|| wrong(&format!("it has no `{name}`")))?;
            if size > DOCUMENT_LIMIT {
                return Err(wrong(&format!("its `{name}` is too large")));
            }
            let mut bytes = Vec::new();
            section(path, offset, size)
                .and_then(|mut part| part.read_to_end(&mut bytes))
                .map_err(unreadable)?;
            Ok(bytes)
        };
        let entries: Vec<ArchiveEntry> = serde_json::from_slice(&document("manifest.json")?)
            .map_err(|source| wrong("its `manifest.json` is not one").with_source(source))?;
        let [entry] = entries.as_slice() else {
            return Err(wrong(&format!("it holds {} images", entries.len())));
        };
        let bytes = document(&entry.config)?;
        let config: ImageConfig = serde_json::from_slice(&bytes)
            .map_err(|source| wrong("its configuration cannot be read").with_source(source))?;
        if config.rootfs.diff_ids.len() != entry.layers.len() {
            return Err(wrong("its configuration names another number of layers"));
        }
        let layers = config
            .rootfs
            .diff_ids
            .iter()
            .zip(&entry.layers)
            .map(|(diff_id, name)| {
                let (offset, size) = resolve(&members, name)
                    .ok_or_else(|| wrong(&format!("the layer `{name}` is missing")))?;
                Ok(SavedLayer { diff_id: diff_id.clone(), offset, size })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            path: path.to_owned(),
            config,
            config_digest: Digest::of(&bytes),
            tags: entry.repo_tags.clone().unwrap_or_default(),
            layers,
        })
    }

    /// Its configuration.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// The digest of its configuration.
    pub fn config_digest(&self) -> &Digest {
        &self.config_digest
    }

    /// The names it is saved with.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Its layers, from the base up.
    pub fn layers(&self) -> &[SavedLayer] {
        &self.layers
    }

    /// Reads the plain tar of `layer`, whether it is compressed in the archive or not. Blocks.
    ///
    /// # Errors
    /// When the archive cannot be read any more.
    pub fn read(&self, layer: &SavedLayer) -> io::Result<Box<dyn Read + Send>> {
        let mut magic = Vec::new();
        section(&self.path, layer.offset, layer.size.min(4))?.read_to_end(&mut magic)?;
        let part = section(&self.path, layer.offset, layer.size)?;
        Ok(match magic.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(part)),
            [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(part)?),
            _ => Box::new(part),
        })
    }
}

/// Where everything is in the archive.
fn members(path: &Path) -> io::Result<BTreeMap<String, Member>> {
    let mut archive = tar::Archive::new(BufReader::new(File::open(path)?));
    let mut members = BTreeMap::new();
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name()?.unwrap_or_default().to_string_lossy().into_owned();
            // A symbolic link is relative to its own folder, a hard link to the archive.
            let from = if kind.is_symlink() { Path::new(&name).parent() } else { None };
            members.insert(name.clone(), Member::Link(flat(&from.unwrap_or(Path::new("")).join(target))));
        } else if kind.is_file() {
            members.insert(name, Member::File { offset: entry.raw_file_position(), size: entry.size() });
        }
    }
    Ok(members)
}

/// Follows links, which engines write for a layer that is in the archive already.
fn resolve(members: &BTreeMap<String, Member>, name: &str) -> Option<(u64, u64)> {
    let mut name = name.to_owned();
    for _ in 0..8 {
        match members.get(&name)? {
            Member::File { offset, size } => return Some((*offset, *size)),
            Member::Link(target) => name.clone_from(target),
        }
    }
    None
}

fn flat(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    parts.join("/")
}

fn section(path: &Path, offset: u64, size: u64) -> io::Result<io::Take<BufReader<File>>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(BufReader::with_capacity(128 * 1024, file).take(size))
}
