//! Downloads one file, resumed where it broke off, and held to its digest.

use std::path::{Path, PathBuf};

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};

use super::client::{Ask, IndexClient, unreachable};
use super::listing::Listed;
use super::settings::host;

/// What is written at a time, in bytes.
const BUFFER: usize = 256 * 1024;

impl IndexClient {
    /// Downloads `file` to `place`, which appears with the right bytes or not at all; gives its length in bytes. `advanced` is told
    /// every change of how many bytes there are. Cancel-safe: what was begun is removed.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when the bytes are not those of the digest; what the network says after some attempts.
    pub(super) async fn download(
        &self,
        file: &Listed,
        place: &Path,
        advanced: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<u64> {
        let directory = place.parent().unwrap_or(Path::new("."));
        tokio::fs::create_dir_all(directory).await.map_err(|source| unkept(directory, source))?;
        let part = tempfile::Builder::new()
            .prefix(".part-")
            .tempfile_in(directory)
            .map_err(|source| unkept(directory, source))?;
        let handle = part.as_file().try_clone().map_err(|source| unkept(directory, source))?;
        let mut partial = Partial {
            file: BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(handle)),
            place: place.to_owned(),
            hash: Sha256::new(),
            size: 0,
        };
        let mut attempt = 1;
        loop {
            match self.attempt(file, &mut partial, advanced).await {
                Ok(()) => break,
                Err(error) => match self.wait(attempt, &error) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => {
                        return Err(error
                            .with_context("file", file.file_name.clone())
                            .with_context("attempts", attempt.to_string()));
                    }
                },
            }
            attempt += 1;
        }
        let Partial { file: mut written, hash, size, .. } = partial;
        written.flush().await.map_err(|source| unkept(place, source))?;
        drop(written);
        let digest = Digest::from_sha256(hash.finalize().into());
        if digest != file.digest {
            return Err(Error::new(ErrorKind::BuildFailed, format!("`{}` is not the file the lock names", file.file_name))
                .with_operation("index.download")
                .with_context("host", host(&file.url))
                .with_context("expected", file.digest.as_str())
                .with_context("received", digest.as_str())
                .with_hint("the index or something on the way gave other bytes than were locked: do not deploy before you know which"));
        }
        part.persist(place).map_err(|error| unkept(place, error.error))?;
        Ok(size)
    }

    async fn attempt(
        &self,
        file: &Listed,
        partial: &mut Partial,
        advanced: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<()> {
        let mut response = self.get(&file.url, Ask::File(partial.size)).await?;
        if partial.size > 0 && !continues(&response, partial.size) {
            advanced(partial.size, 0);
            partial.restart().await?;
        }
        let expected = response.content_length().map(|left| partial.size + left);
        while let Some(chunk) = response.chunk().await.map_err(|source| unreachable(&file.url, source))? {
            let before = partial.size;
            partial.write(&chunk).await?;
            advanced(before, partial.size);
            if file.size.is_some_and(|size| partial.size > size) {
                // Its digest cannot be right any more; a server that never ends is not followed.
                return Err(Error::new(
                    ErrorKind::BuildFailed,
                    format!("`{}` is longer than its index says", file.file_name),
                )
                .with_operation("index.download")
                .with_context("host", host(&file.url)));
            }
        }
        match expected.max(file.size) {
            Some(expected) if partial.size < expected => {
                Err(Error::new(ErrorKind::Unavailable, "a file ended before its end")
                    .with_operation("index.download")
                    .with_context("host", host(&file.url))
                    .with_retry(Retry::Soon))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an answer goes on from byte `from` (RFC 9110 §14.4); one with the whole file does not.
fn continues(response: &Response, from: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|value| value.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.parse().ok())
            == Some(from)
}

/// A file as far as it has come.
struct Partial {
    file: BufWriter<tokio::fs::File>,
    place: PathBuf,
    hash: Sha256,
    size: u64,
}

impl Partial {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|source| unkept(&self.place, source))?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    async fn restart(&mut self) -> Result<()> {
        let rewound = async {
            self.file.flush().await?;
            self.file.get_ref().set_len(0).await?;
            self.file.seek(std::io::SeekFrom::Start(0)).await
        };
        rewound.await.map_err(|source| unkept(&self.place, source))?;
        self.hash = Sha256::new();
        self.size = 0;
        Ok(())
    }
}

/// A file that cannot be kept.
pub(super) fn unkept(path: &Path, source: std::io::Error) -> Error {
    Error::new(ErrorKind::BuildFailed, "a wheel cannot be kept on this machine")
        .with_operation("index.keep")
        .with_context("path", path.display().to_string())
        .with_source(source)
}
