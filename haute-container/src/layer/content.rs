//! Reads the content of files in pieces, wherever it is, and holds it to what was said about it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::{Decompress, FlushDecompress, Status};
use haute_core::error::{Error, ErrorKind, Result};

use super::entry::Content;

/// How much is read and inflated at a time, in bytes.
const PIECE: usize = 128 * 1024;

/// A piece of a file's content.
pub(super) enum Piece<'a> {
    /// Bytes of the file.
    Plain(&'a [u8]),
    /// Bytes of the deflate stream the file is in; the file's own come as well.
    Deflated(&'a [u8]),
}

/// Reads contents one after the other, with the same buffers and, where it can, the same open archive.
pub(super) struct ContentReader {
    open: Option<(PathBuf, File)>,
    input: Vec<u8>,
    output: Vec<u8>,
    inflate: Decompress,
}

impl ContentReader {
    pub(super) fn new() -> Self {
        Self {
            open: None,
            input: vec![0; PIECE],
            output: vec![0; 2 * PIECE],
            inflate: Decompress::new(false),
        }
    }

    /// Hands the content of the file at `path` (in the image) to `take`, piece by piece.
    ///
    /// Length and CRC-32 are checked, and that a deflate stream ends where it should: what was handed out before an
    /// error must not be used.
    pub(super) fn read(
        &mut self,
        path: &str,
        content: &Content,
        take: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        match content {
            Content::Bytes(bytes) => take(Piece::Plain(bytes)),
            Content::File { path: file, size } => {
                // Not kept open: it is read once.
                self.open = None;
                self.part(file, 0, *size, None, take).and_then(|()| self.at_end(file))
            }
            Content::Stored { archive, offset, size, crc32 } => {
                self.part(archive, *offset, *size, Some(*crc32), take)
            }
            Content::Deflated { archive, offset, compressed, size, crc32 } => {
                let expected = Expected { compressed: *compressed, size: *size, crc32: *crc32 };
                self.deflated(archive, *offset, &expected, take)
            }
        }
        .map_err(|error| error.with_context("path", path).with_operation("layer.read"))
    }

    fn part(
        &mut self,
        archive: &Path,
        offset: u64,
        size: u64,
        crc32: Option<u32>,
        take: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let file = open_at(&mut self.open, archive, offset)?;
        let mut checksum = crc32fast::Hasher::new();
        let mut left = size;
        while left > 0 {
            let piece = read_piece(file, archive, &mut self.input, left)?;
            if crc32.is_some() {
                checksum.update(piece);
            }
            take(Piece::Plain(piece))?;
            left -= piece.len() as u64;
        }
        if crc32.is_some_and(|expected| checksum.finalize() != expected) {
            return Err(damaged(archive, "a file in it has another CRC-32 than its directory says"));
        }
        Ok(())
    }

    /// A file that is longer than was said has changed while it was built from.
    fn at_end(&mut self, path: &Path) -> Result<()> {
        let mut one = [0; 1];
        match self.open.as_mut().map(|(_, file)| file.read(&mut one)) {
            Some(Ok(0)) | None => Ok(()),
            Some(Ok(_)) => Err(changed(path)),
            Some(Err(source)) => Err(unreadable(path, source)),
        }
    }

    fn deflated(
        &mut self,
        archive: &Path,
        offset: u64,
        expected: &Expected,
        take: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let file = open_at(&mut self.open, archive, offset)?;
        self.inflate.reset(false);
        let mut checksum = crc32fast::Hasher::new();
        let (mut left, mut written, mut ended) = (expected.compressed, 0_u64, false);
        while left > 0 {
            let piece = read_piece(file, archive, &mut self.input, left)?;
            left -= piece.len() as u64;
            let mut rest = piece;
            // A full output buffer may hide more output: go on until the piece is used up and the last call left room.
            let mut full = false;
            while !ended && (!rest.is_empty() || full) {
                let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
                let status = self.inflate.decompress(rest, &mut self.output, FlushDecompress::None).map_err(
                    |source| damaged(archive, "a file in it is no deflate stream").with_source(source),
                )?;
                let used = length(self.inflate.total_in() - before_in);
                let made = length(self.inflate.total_out() - before_out);
                rest = rest.get(used..).unwrap_or_default();
                let plain = self.output.get(..made).unwrap_or_default();
                written += plain.len() as u64;
                if written > expected.size {
                    return Err(damaged(archive, "a file in it is longer than its directory says"));
                }
                checksum.update(plain);
                take(Piece::Plain(plain))?;
                full = made == self.output.len();
                ended = status == Status::StreamEnd;
                if !ended && used == 0 && made == 0 {
                    break;
                }
            }
            if !rest.is_empty() {
                return Err(damaged(archive, "a deflate stream in it ends before its directory says"));
            }
            take(Piece::Deflated(piece))?;
        }
        if !ended || written != expected.size {
            return Err(damaged(archive, "a file in it is shorter than its directory says"));
        }
        if checksum.finalize() != expected.crc32 {
            return Err(damaged(archive, "a file in it has another CRC-32 than its directory says"));
        }
        Ok(())
    }
}

impl Content {
    /// All bytes at once, for small files; the caller looks at [`size`](Self::size) before. `path` is for errors.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when they cannot be read or are not what was said about them.
    pub(crate) fn read_all(&self, path: &str) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        ContentReader::new().read(path, self, &mut |piece| {
            if let Piece::Plain(bytes) = piece {
                all.extend_from_slice(bytes);
            }
            Ok(())
        })?;
        Ok(all)
    }
}

/// What an archive's directory says about a stream.
struct Expected {
    compressed: u64,
    size: u64,
    crc32: u32,
}

fn length(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn open_at<'a>(open: &'a mut Option<(PathBuf, File)>, path: &Path, offset: u64) -> Result<&'a mut File> {
    let kept = open.take().filter(|(at, _)| at == path);
    let (_, file) = open.insert(match kept {
        Some(kept) => kept,
        None => (path.to_owned(), File::open(path).map_err(|source| unreadable(path, source))?),
    });
    file.seek(SeekFrom::Start(offset)).map_err(|source| unreadable(path, source))?;
    Ok(file)
}

fn read_piece<'a>(file: &mut File, path: &Path, buffer: &'a mut [u8], left: u64) -> Result<&'a [u8]> {
    let room = buffer.len().min(length(left));
    let buffer = buffer.get_mut(..room).unwrap_or_default();
    loop {
        match file.read(buffer) {
            Ok(0) => return Err(changed(path)),
            Ok(read) => return Ok(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(unreadable(path, source)),
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::new(ErrorKind::BuildFailed, "a file of the image cannot be read")
        .with_context("file", path.display().to_string())
        .with_source(source)
}

fn changed(path: &Path) -> Error {
    Error::new(ErrorKind::BuildFailed, "a file has another length than when the image was laid out")
        .with_context("file", path.display().to_string())
        .with_hint("it was changed while the image was built; build again")
}

fn damaged(archive: &Path, what: &str) -> Error {
    Error::new(ErrorKind::BuildFailed, format!("the archive is damaged: {what}"))
        .with_context("archive", archive.display().to_string())
        .with_hint("its digest is the one in the lock, so it was published like this: choose another version")
}
