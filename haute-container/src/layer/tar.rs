//! Plain tars: the same tree gives the same bytes on every machine.
//!
//! POSIX ustar headers in GNU's flavour, with GNU's `L` and `K` members for names and link targets over 100 bytes
//! (GNU tar manual, "Basic Tar Format"), which every container runtime reads. No owner names, no times, no pax records.

use std::io::Write;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::Cancellation;
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::content::{ContentReader, Piece};
use super::entry::{Content, Entry, EntryKind, LayerTree};

/// A tar is made of these.
const BLOCK: u64 = 512;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrittenTar {
    /// The digest of the bytes: the layer's diff id.
    pub diff_id: Digest,
    /// How many there were.
    pub size: u64,
}

/// How long the tar of `tree` is, in bytes, known without reading any file.
pub fn tar_size(tree: &LayerTree) -> u64 {
    let entries: u64 = tree
        .entries()
        .map(|entry| {
            let (name, target) = names(&entry);
            let content = match entry.kind {
                EntryKind::File { content, .. } => padded(content.size()),
                EntryKind::Directory | EntryKind::Link { .. } => 0,
            };
            BLOCK + long_size(&name) + long_size(target) + content
        })
        .sum();
    entries + 2 * BLOCK
}

/// Writes the tar of `tree` to `to`, in pieces: memory does not grow with the layer. Blocks; call it where blocking is allowed.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] when a file cannot be read, or is not what the tree says about it, or `to` takes no more;
/// [`ErrorKind::Cancelled`]. What was written before an error is no tar.
pub fn write_tar(tree: &LayerTree, to: &mut dyn Write, cancelled: &Cancellation) -> Result<WrittenTar> {
    let mut plain = Plain::new(to);
    walk(tree, &mut plain, cancelled)?;
    let (_, hash, size) = plain.finish();
    Ok(WrittenTar { diff_id: Digest::from_sha256(hash.finalize().into()), size })
}

/// Takes a tar in order: headers and padding as bytes, files as what they are.
pub(super) trait TarSink {
    /// Takes bytes of the tar.
    fn bytes(&mut self, bytes: &[u8]) -> Result<()>;
    /// Takes a file's content; the padding comes as bytes.
    fn content(&mut self, path: &str, content: &Content) -> Result<()>;
}

/// Hands the tar of `tree` to `sink`.
pub(super) fn walk(tree: &LayerTree, sink: &mut dyn TarSink, cancelled: &Cancellation) -> Result<()> {
    const ZEROS: [u8; 1024] = [0; 1024];
    for entry in tree.entries() {
        if cancelled.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "stopped while a layer was made"));
        }
        let (name, target) = names(&entry);
        long(sink, EntryType::GNULongName, &name)?;
        long(sink, EntryType::GNULongLink, target)?;
        let (kind, mode, size) = match entry.kind {
            EntryKind::Directory => (EntryType::Directory, 0o755, 0),
            EntryKind::Link { .. } => (EntryType::Symlink, 0o777, 0),
            EntryKind::File { executable, content } => {
                (EntryType::Regular, if *executable { 0o755 } else { 0o644 }, content.size())
            }
        };
        sink.bytes(header(kind, mode, size, &name, target).as_bytes())?;
        if let EntryKind::File { content, .. } = entry.kind {
            sink.content(entry.path, content)?;
            let padding = usize::try_from(padded(size) - size).unwrap_or_default();
            sink.bytes(ZEROS.get(..padding).unwrap_or_default())?;
        }
    }
    sink.bytes(&ZEROS)
}

/// The name as it stands in the tar, and the target of a link (else empty).
fn names<'a>(entry: &Entry<'a>) -> (String, &'a str) {
    match entry.kind {
        EntryKind::Directory => (format!("{}/", entry.path), ""),
        EntryKind::Link { target } => (entry.path.to_owned(), target.as_str()),
        EntryKind::File { .. } => (entry.path.to_owned(), ""),
    }
}

const NAME_FIELD: usize = 100;

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK) * BLOCK
}

/// What a name takes beyond its header: nothing, or a member of its own that ends in a zero byte.
fn long_size(name: &str) -> u64 {
    if name.len() <= NAME_FIELD { 0 } else { BLOCK + padded(name.len() as u64 + 1) }
}

fn long(sink: &mut dyn TarSink, kind: EntryType, name: &str) -> Result<()> {
    if name.len() <= NAME_FIELD {
        return Ok(());
    }
    let size = name.len() as u64 + 1;
    sink.bytes(header(kind, 0o644, size, "././@LongLink", "").as_bytes())?;
    let mut block = name.as_bytes().to_vec();
    block.resize(usize::try_from(padded(size)).unwrap_or(usize::MAX), 0);
    sink.bytes(&block)
}

/// The header of an ordinary file, 0644, of at most a hundred characters of name: what surrounds layers is as deterministic as
/// what is in them.
pub(crate) fn file_header(name: &str, size: u64) -> Header {
    header(EntryType::Regular, 0o644, size, name, "")
}

fn header(kind: EntryType, mode: u32, size: u64, name: &str, target: &str) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    if let Some(fields) = header.as_gnu_mut() {
        fill(&mut fields.name, name);
        fill(&mut fields.linkname, target);
    }
    header.set_cksum();
    header
}

fn fill(field: &mut [u8; NAME_FIELD], text: &str) {
    for (slot, byte) in field.iter_mut().zip(text.bytes()) {
        *slot = byte;
    }
}

/// A layer that cannot be written on.
pub(super) fn unwritable(source: std::io::Error) -> Error {
    let hint = (source.kind() == std::io::ErrorKind::StorageFull).then_some("the disk is full");
    let error = Error::new(ErrorKind::BuildFailed, "a layer cannot be written")
        .with_operation("layer.write")
        .with_source(source);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Writes everything as it is.
pub(super) struct Plain<W> {
    to: W,
    hash: Sha256,
    size: u64,
    reader: ContentReader,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, hash: Sha256::new(), size: 0, reader: ContentReader::new() }
    }

    /// Gives back the writer, the hash of the tar and its length in bytes.
    pub(super) fn finish(self) -> (W, Sha256, u64) {
        (self.to, self.hash, self.size)
    }
}

fn take(to: &mut impl Write, hash: &mut Sha256, size: &mut u64, bytes: &[u8]) -> Result<()> {
    hash.update(bytes);
    *size += bytes.len() as u64;
    to.write_all(bytes).map_err(unwritable)
}

impl<W: Write> TarSink for Plain<W> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        take(&mut self.to, &mut self.hash, &mut self.size, bytes)
    }

    fn content(&mut self, path: &str, content: &Content) -> Result<()> {
        let Self { to, hash, size, reader } = self;
        reader.read(path, content, &mut |piece| match piece {
            Piece::Plain(bytes) => take(to, hash, size, bytes),
            Piece::Deflated(_) => Ok(()),
        })
    }
}
