//! The one layer of a base image.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::{Compression, GzBuilder};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::blocking::failed;
use crate::program::Program;

const MADE: &str = "the layer of a base image cannot be made";

/// A layer and the digests that name it.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// The tar in gzip.
    pub(super) blob: Blob,
    /// The tar itself, where it is a file.
    pub(super) tar: Option<PathBuf>,
    /// Of the tar in gzip.
    pub(super) digest: Digest,
    /// Of the tar in gzip, in bytes.
    pub(super) size: u64,
    /// Of the tar.
    pub(super) diff_id: Digest,
}

/// Where the bytes of a layer are.
#[derive(Clone, Debug)]
pub(super) enum Blob {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// What is remembered beside a tar about its compressed form.
#[derive(Serialize, Deserialize)]
struct Remembered {
    tar_size: u64,
    tar_modified: u128,
    digest: Digest,
    size: u64,
    diff_id: Digest,
}

impl Layer {
    /// The layer of a tar. Compressing takes seconds, so the result is kept beside it: `<tar>.gz` and `<tar>.json`.
    pub(super) fn of_tar(tar: &Path) -> Result<Self> {
        let (blob, note) = (beside(tar, "gz"), beside(tar, "json"));
        let now = state(tar)?;
        let remembered = fs::read(&note)
            .ok()
            .and_then(|text| serde_json::from_slice::<Remembered>(&text).ok())
            .filter(|known| (known.tar_size, known.tar_modified) == now)
            .filter(|known| fs::metadata(&blob).is_ok_and(|blob| blob.len() == known.size));
        let known = match remembered {
            Some(known) => known,
            None => compress(tar, &blob, &note, now)?,
        };
        Ok(Self {
            blob: Blob::File(blob),
            tar: Some(tar.to_owned()),
            digest: known.digest,
            size: known.size,
            diff_id: known.diff_id,
        })
    }

    /// A layer of a few bytes.
    pub(super) fn tiny(architecture: &str) -> Result<Self> {
        let mut tar = tar::Builder::new(Vec::new());
        let release = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n";
        for (path, text) in [("etc/os-release", release), ("etc/architecture", architecture)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, text.as_bytes()).map_err(failed(MADE))?;
        }
        let tar = tar.into_inner().map_err(failed(MADE))?;
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        gzip.write_all(&tar).map_err(failed(MADE))?;
        let blob = gzip.finish().map_err(failed(MADE))?;
        Ok(Self {
            digest: Digest::of(&blob),
            size: blob.len() as u64,
            diff_id: Digest::of(&tar),
            blob: Blob::Bytes(blob),
            tar: None,
        })
    }
}

/// Compresses a tar. Several tests may do so at once: each writes files of its own and renames them, and all write the same.
fn compress(tar: &Path, blob: &Path, note: &Path, now: (u64, u128)) -> Result<Remembered> {
    let directory = tar.parent().ok_or_else(|| Error::new(ErrorKind::InvalidInput, MADE))?;
    let program =
        Program::find("gzip").ok_or_else(|| Error::new(ErrorKind::NotFound, "`gzip` is not installed"))?;
    let mut made = tempfile::NamedTempFile::new_in(directory).map_err(failed(MADE))?;
    let status = program
        .command()
        .args(["-1", "-n", "-c"])
        .arg(tar)
        .stdin(Stdio::null())
        .stdout(made.as_file().try_clone().map_err(failed(MADE))?)
        .status()
        .map_err(failed(MADE))?;
    if !status.success() {
        return Err(Error::new(ErrorKind::Unexpected, MADE).with_context("gzip", status.to_string()));
    }
    made.flush().map_err(failed(MADE))?;
    let known = Remembered {
        tar_size: now.0,
        tar_modified: now.1,
        digest: Digest::of_file(made.path()).map_err(failed(MADE))?,
        size: made.as_file().metadata().map_err(failed(MADE))?.len(),
        diff_id: Digest::of_file(tar).map_err(failed(MADE))?,
    };
    made.persist(blob).map_err(failed(MADE))?;
    let mut written = tempfile::NamedTempFile::new_in(directory).map_err(failed(MADE))?;
    serde_json::to_writer(&mut written, &known).map_err(failed(MADE))?;
    written.persist(note).map_err(failed(MADE))?;
    Ok(known)
}

/// Size and time of a file, by which it is known to be the same.
fn state(tar: &Path) -> Result<(u64, u128)> {
    let wrong = "the tar of the base image cannot be read";
    let metadata = fs::metadata(tar).map_err(failed(wrong))?;
    let modified = metadata.modified().map_err(failed(wrong))?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), since.as_nanos()))
}

fn beside(tar: &Path, ending: &str) -> PathBuf {
    let mut name = tar.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
