//! Reads the directory of a wheel: a zip archive (APPNOTE 6.3) that is held to what a wheel may be.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use haute_core::error::{Error, ErrorKind, Result};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::layer::Content;

/// More than any wheel holds; a directory with more is an attack on memory.
const MAX_MEMBERS: usize = 200_000;

/// A file of a wheel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WheelMember {
    /// Where in the archive, with `/`: clean, relative, inside.
    pub path: String,
    /// Whether the archive says that it is a program.
    pub executable: bool,
    /// Where its bytes are.
    pub content: Content,
}

/// The directory of a wheel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WheelArchive {
    /// The archive.
    pub path: PathBuf,
    /// Its files, without directories, in order of path.
    pub members: Vec<WheelMember>,
}

impl WheelArchive {
    /// Reads the directory of the wheel at `path`. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when it is no zip archive; when its local headers say something else than its directory, or
    /// its members overlap; for paths that are absolute, climb, or are there twice; for links, encryption and
    /// compressions other than deflate.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |message: String| refused(path, message);
        let file = File::open(path)
            .map_err(|source| refuse("the wheel cannot be opened".to_owned()).with_source(source))?;
        let length = file
            .metadata()
            .map_err(|source| refuse("the wheel cannot be opened".to_owned()).with_source(source))?
            .len();
        let broken =
            |source: ZipError| refuse("the wheel is no sound zip archive".to_owned()).with_source(source);
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        if archive.len() > MAX_MEMBERS {
            return Err(refuse(format!("the wheel holds {} files", archive.len())));
        }
        if archive.has_duplicate_names() {
            return Err(refuse("the wheel holds two files of the same name".to_owned()));
        }
        archive.validate_header_consistency().map_err(broken)?;
        let mut members = Vec::with_capacity(archive.len());
        let mut seen = BTreeSet::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(broken)?;
            let name = std::str::from_utf8(entry.name_raw()).map_err(|source| {
                refuse("a name in the wheel is not UTF-8".to_owned()).with_source(source)
            })?;
            let shown = name.escape_debug();
            if entry.is_dir() {
                check_path(name.trim_end_matches('/'))
                    .map_err(|what| refuse(format!("`{shown}` in the wheel {what}")))?;
                continue;
            }
            check_path(name).map_err(|what| refuse(format!("`{shown}` in the wheel {what}")))?;
            if entry.encrypted() {
                return Err(refuse(format!("`{shown}` in the wheel is encrypted")));
            }
            if entry.is_symlink() {
                return Err(refuse(format!("`{shown}` in the wheel is a symbolic link")));
            }
            if !seen.insert(name.to_owned()) {
                return Err(refuse(format!("`{shown}` is in the wheel twice")));
            }
            let offset =
                entry.data_start().ok_or_else(|| refuse(format!("`{shown}` in the wheel has no data")))?;
            let (compressed, size, crc32) = (entry.compressed_size(), entry.size(), entry.crc32());
            if offset.checked_add(compressed).is_none_or(|end| end > length) {
                return Err(refuse(format!("`{shown}` reaches beyond the end of the wheel")));
            }
            let content = match entry.compression() {
                CompressionMethod::Stored if compressed == size => {
                    Content::Stored { archive: path.to_owned(), offset, size, crc32 }
                }
                CompressionMethod::Stored => {
                    return Err(refuse(format!("`{shown}` in the wheel has two lengths")));
                }
                CompressionMethod::Deflated => {
                    Content::Deflated { archive: path.to_owned(), offset, compressed, size, crc32 }
                }
                other => {
                    return Err(refuse(format!(
                        "`{shown}` in the wheel is compressed with {other}, not with deflate"
                    )));
                }
            };
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            members.push(WheelMember { path: name.to_owned(), executable, content });
        }
        members.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { path: path.to_owned(), members })
    }

    /// The member at `path`.
    pub fn member(&self, path: &str) -> Option<&WheelMember> {
        self.members
            .binary_search_by(|member| member.path.as_str().cmp(path))
            .ok()
            .and_then(|index| self.members.get(index))
    }

    /// The text of a member of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when it is missing, larger, damaged or not UTF-8.
    pub fn text(&self, path: &str, limit: u64) -> Result<String> {
        let member =
            self.member(path).ok_or_else(|| refused(&self.path, format!("the wheel has no `{path}`")))?;
        if member.content.size() > limit {
            return Err(refused(&self.path, format!("`{path}` in the wheel is larger than {limit} bytes")));
        }
        let bytes = member.content.read_all(path)?;
        String::from_utf8(bytes).map_err(|source| {
            refused(&self.path, format!("`{path}` in the wheel is not UTF-8")).with_source(source)
        })
    }
}

/// Says what is wrong with a path inside a wheel.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        Err("has no name")
    } else if path.starts_with('/') || path.get(1..2) == Some(":") {
        Err("has an absolute path")
    } else if path.contains(['\\', '\0']) {
        Err("has a path with a character no path has")
    } else if path.split('/').any(|part| part == "..") {
        Err("climbs out of the wheel")
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        Err("has a path that can be written in two ways")
    } else {
        Ok(())
    }
}

/// A wheel that is not what a wheel must be.
pub(super) fn refused(path: &Path, message: String) -> Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Error::new(ErrorKind::BuildFailed, message).with_operation("wheel.read").with_context("wheel", name)
}
