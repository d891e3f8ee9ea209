//! What a registry keeps on disk, without asking it (the file system driver's layout: `blobs/sha256/ab/<hex>/data`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use haute_core::digest::Digest;
use haute_core::error::Result;

use super::Registry;
use crate::blocking::failed;

impl Registry {
    /// Every blob it holds, manifests among them, and its size in bytes.
    pub fn blobs(&self) -> BTreeMap<Digest, u64> {
        let mut found = BTreeMap::new();
        for directory in children(&self.storage().join("blobs/sha256")) {
            for blob in children(&directory) {
                let digest =
                    blob.file_name().and_then(|hex| Digest::parse(&format!("sha256:{}", hex.to_str()?)));
                if let (Some(digest), Ok(data)) = (digest, fs::metadata(blob.join("data"))) {
                    found.insert(digest, data.len());
                }
            }
        }
        found
    }

    /// The bytes of all blobs.
    pub fn stored_bytes(&self) -> u64 {
        self.blobs().values().sum()
    }

    /// Takes a blob away behind the registry's back, as a lifecycle rule does: from everywhere, and from every repository.
    ///
    /// # Errors
    /// When it was not there.
    pub fn lose(&self, digest: &Digest) -> Result<()> {
        let hex = digest.hex();
        let blob = self.storage().join("blobs/sha256").join(hex.get(..2).unwrap_or_default()).join(hex);
        fs::remove_dir_all(blob).map_err(failed("the registry does not hold this blob"))?;
        forget(&self.storage().join("repositories"), hex);
        Ok(())
    }
}

/// Removes the links of repositories to a layer.
fn forget(directory: &Path, hex: &str) {
    for child in children(directory) {
        if child.ends_with(Path::new("_layers/sha256").join(hex)) {
            drop(fs::remove_dir_all(&child));
        } else if child.is_dir() {
            forget(&child, hex);
        }
    }
}

fn children(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}
