//! gzip by splicing: a deflate stream that exists already is not made again.
//!
//! A gzip file may have many members (RFC 1952 §2.2), each a header, a raw deflate stream, the CRC-32 and the length. A
//! wheel holds exactly such streams with exactly these two numbers, so a large file's stream is copied as a member of its
//! own, and only what lies between (headers, small files, padding) is compressed.

use std::io::Write;

use flate2::{Compress, FlushCompress, Status};
use haute_core::error::{Error, ErrorKind, Result};
use sha2::{Digest as _, Sha256};

use super::content::{ContentReader, Piece};
use super::entry::Content;
use super::tar::{TarSink, unwritable};

/// zlib's own default.
pub(super) const LEVEL: u32 = 6;

/// A stream shorter than this is compressed again together with its neighbours: a member of its own costs 18 bytes, and the
/// member after it begins without what was seen before.
pub(super) const SPLICE_FROM: u64 = 4096;

/// Deflate, no flags, no time, no hint, no system (RFC 1952 §2.3.1; 255: unknown).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Writes a tar as gzip members.
pub(super) struct Splice<W> {
    to: W,
    plain: Sha256,
    size: u64,
    member: Member,
    reader: ContentReader,
}

/// The member that is being compressed.
struct Member {
    deflate: Compress,
    checksum: crc32fast::Hasher,
    length: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Splice<W> {
    pub(super) fn new(to: W) -> Self {
        Self {
            to,
            plain: Sha256::new(),
            size: 0,
            member: Member {
                deflate: Compress::new(flate2::Compression::new(LEVEL), false),
                checksum: crc32fast::Hasher::new(),
                length: 0,
                buffer: Vec::with_capacity(64 * 1024),
            },
            reader: ContentReader::new(),
        }
    }

    /// Ends the last member; gives back the writer, the hash of the tar and its length in bytes.
    pub(super) fn finish(mut self) -> Result<(W, Sha256, u64)> {
        self.member.end(&mut self.to)?;
        Ok((self.to, self.plain, self.size))
    }
}

impl Member {
    /// Compresses `bytes` into the member, which begins with the first of them.
    fn write(&mut self, to: &mut dyn Write, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.length == 0 {
            to.write_all(&HEADER).map_err(unwritable)?;
        }
        self.checksum.update(bytes);
        self.length += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = self.deflate.total_in();
            self.step(to, rest, FlushCompress::None)?;
            let used = usize::try_from(self.deflate.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends the member, when one was begun.
    fn end(&mut self, to: &mut dyn Write) -> Result<()> {
        if self.length == 0 {
            return Ok(());
        }
        while self.step(to, &[], FlushCompress::Finish)? != Status::StreamEnd {}
        let checksum = std::mem::replace(&mut self.checksum, crc32fast::Hasher::new()).finalize();
        trailer(to, checksum, self.length)?;
        self.length = 0;
        self.deflate.reset();
        Ok(())
    }

    fn step(&mut self, to: &mut dyn Write, input: &[u8], flush: FlushCompress) -> Result<Status> {
        self.buffer.clear();
        let status = self
            .deflate
            .compress_vec(input, &mut self.buffer, flush)
            .map_err(|source| Error::bug("deflate failed").with_source(source))?;
        to.write_all(&self.buffer).map_err(unwritable)?;
        Ok(status)
    }
}

/// CRC-32 and length, modulo 2^32 as the format wants it (RFC 1952 §2.3.1).
fn trailer(to: &mut dyn Write, checksum: u32, length: u64) -> Result<()> {
    let modulo = u32::try_from(length & u64::from(u32::MAX)).unwrap_or_default();
    to.write_all(&checksum.to_le_bytes())
        .and_then(|()| to.write_all(&modulo.to_le_bytes()))
        .map_err(unwritable)
}

impl<W: Write> TarSink for Splice<W> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.plain.update(bytes);
        self.size += bytes.len() as u64;
        self.member.write(&mut self.to, bytes)
    }

    fn content(&mut self, path: &str, content: &Content) -> Result<()> {
        let Self { to, plain, size, member, reader } = self;
        let spliced = match content {
            Content::Deflated { size, .. } if *size > u64::from(u32::MAX) => {
                return Err(Error::new(ErrorKind::Unsupported, "a file of a wheel is larger than 4 GiB")
                    .with_context("path", path));
            }
            Content::Deflated { compressed, size, crc32, .. } if *compressed >= SPLICE_FROM => {
                Some((*crc32, *size))
            }
            _ => None,
        };
        if let Some((checksum, length)) = spliced {
            member.end(to)?;
            to.write_all(&HEADER).map_err(unwritable)?;
            reader.read(path, content, &mut |piece| match piece {
                Piece::Plain(bytes) => {
                    plain.update(bytes);
                    *size += bytes.len() as u64;
                    Ok(())
                }
                Piece::Deflated(bytes) => to.write_all(bytes).map_err(unwritable),
            })?;
            return trailer(to, checksum, length);
        }
        reader.read(path, content, &mut |piece| match piece {
            Piece::Plain(bytes) => {
                plain.update(bytes);
                *size += bytes.len() as u64;
                member.write(to, bytes)
            }
            Piece::Deflated(_) => Ok(()),
        })
    }
}
