//! Where the bytes of a blob come from while they are sent.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncSeekExt as _;
use tokio_util::io::ReaderStream;

use super::client::RegistryClient;
use crate::oci::Descriptor;

/// How much of a file is held at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Where the bytes of a blob come from. Never more than some hundred kilobytes of it are held at a time.
#[derive(Clone)]
#[non_exhaustive]
pub enum BlobSource {
    /// A file that holds the blob and nothing else.
    File(PathBuf),
    /// The bytes themselves: configurations and other small documents.
    Bytes(Bytes),
    /// Another registry, or another repository of the same one: what is read there is sent on as it arrives.
    Registry {
        /// The registry that has it.
        client: RegistryClient,
        /// The repository that has it.
        repository: String,
    },
}

impl std::fmt::Debug for BlobSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            Self::Registry { client, repository } => {
                f.debug_struct("Registry").field("client", client).field("repository", repository).finish()
            }
        }
    }
}

impl BlobSource {
    /// The bytes from `from` on. Fails at once for a source that is plainly another blob.
    ///
    /// Boxed, because a blob that is sent may be one that is read by the same kind of call.
    fn open<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        from: u64,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        Box::pin(async move {
            match self {
                Self::Bytes(bytes) => {
                    if bytes.len() as u64 != descriptor.size {
                        return Err(other_content(descriptor));
                    }
                    let part = bytes.slice(usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len())..);
                    Ok(stream::once(async { Ok(part) }).boxed())
                }
                Self::File(path) => pieces(path, descriptor, from).await,
                Self::Registry { client, repository } => client.open_blob(repository, descriptor, from).await,
            }
        })
    }

    /// Whether the source holds what `descriptor` says; asked when a registry says that it does not.
    pub(super) async fn verify(&self, descriptor: &Descriptor) -> Result<()> {
        let held = match self {
            Self::Bytes(bytes) => Some(Digest::of(bytes)),
            Self::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || Digest::of_file(&path).ok()).await.ok().flatten()
            }
            // It was verified on its way.
            Self::Registry { .. } => return Ok(()),
        };
        if held.as_ref() == Some(&descriptor.digest) { Ok(()) } else { Err(other_content(descriptor)) }
    }
}

/// The bytes of a file from `from` on.
async fn pieces(
    path: &std::path::Path,
    descriptor: &Descriptor,
    from: u64,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let digest = descriptor.digest.to_string();
    let failed = move |source: std::io::Error| {
        Error::new(ErrorKind::BuildFailed, "a layer that is to be pushed cannot be read")
            .with_operation("registry.upload")
            .with_context("digest", digest.clone())
            .with_source(source)
    };
    let mut file = tokio::fs::File::open(path).await.map_err(&failed)?;
    if file.metadata().await.map_err(&failed)?.len() != descriptor.size {
        return Err(other_content(descriptor));
    }
    if from > 0 {
        file.seek(std::io::SeekFrom::Start(from)).await.map_err(&failed)?;
    }
    Ok(ReaderStream::with_capacity(file, PIECE).map(move |piece| piece.map_err(&failed)).boxed())
}

fn other_content(descriptor: &Descriptor) -> Error {
    Error::new(
        ErrorKind::BuildFailed,
        "a layer's content is not what its digest says; it changed while it was pushed",
    )
    .with_operation("registry.upload")
    .with_context("digest", descriptor.digest.to_string())
    .with_hint("run it again; nothing was tagged")
}

fn damaged_copy(descriptor: &Descriptor) -> Error {
    Error::new(
        ErrorKind::BuildFailed,
        "the registry that a layer is copied from gave another one than its digest names",
    )
    .with_operation("registry.upload")
    .with_context("digest", descriptor.digest.to_string())
    .with_retry(Retry::Soon)
    .with_hint(
        "nothing was tagged; if it is always so, that registry, or a proxy before it, changes what it gives",
    )
}

/// A blob, or the rest of it, on its way out.
pub(super) struct Feed<'a> {
    pub(super) source: &'a BlobSource,
    pub(super) descriptor: &'a Descriptor,
    /// Where it starts.
    pub(super) from: u64,
    pub(super) progress: &'a (dyn Fn(u64) + Send + Sync),
    failure: Arc<Mutex<Option<Error>>>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(
        source: &'a BlobSource,
        descriptor: &'a Descriptor,
        from: u64,
        progress: &'a (dyn Fn(u64) + Send + Sync),
    ) -> Self {
        Self { source, descriptor, from, progress, failure: Arc::default() }
    }

    /// Why this side stopped, when it did.
    pub(super) fn failure(&self) -> Option<Error> {
        self.failure.lock().ok()?.take()
    }

    /// A body that counts in `meter`, and that stops before its last piece when what it read is not the blob: the other
    /// side then misses bytes and stores nothing.
    pub(super) async fn body(&self, meter: Arc<AtomicU64>) -> Result<reqwest::Body> {
        let stream = self.source.open(self.descriptor, self.from).await?;
        let copied = matches!(self.source, BlobSource::Registry { .. });
        let checked = copied && self.from == 0;
        let state = Passing {
            stream,
            hasher: checked.then(Sha256::new),
            descriptor: self.descriptor.clone(),
            copied,
            at: self.from,
            meter,
            failure: Arc::clone(&self.failure),
        };
        Ok(reqwest::Body::wrap_stream(stream::unfold(state, Passing::piece)))
    }
}

struct Passing {
    stream: BoxStream<'static, Result<Bytes>>,
    hasher: Option<Sha256>,
    descriptor: Descriptor,
    copied: bool,
    at: u64,
    meter: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Passing {
    async fn piece(mut self) -> Option<(std::io::Result<Bytes>, Self)> {
        let size = self.descriptor.size;
        let piece = match self.stream.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Some(self.stop(error)),
            None if self.at == size => return None,
            None => {
                let error = self.other_content();
                return Some(self.stop(error));
            }
        };
        self.at += piece.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        let complete = self.at == size;
        let wrong = self.at > size
            || (complete
                && self.hasher.take().is_some_and(|hasher| {
                    Digest::from_sha256(hasher.finalize().into()) != self.descriptor.digest
                }));
        if wrong {
            let error = self.other_content();
            return Some(self.stop(error));
        }
        self.meter.store(self.at, Ordering::Relaxed);
        Some((Ok(piece), self))
    }

    /// A file of this machine stays what it is; what comes from a registry may arrive whole the next time.
    fn other_content(&self) -> Error {
        if self.copied { damaged_copy(&self.descriptor) } else { other_content(&self.descriptor) }
    }

    fn stop(self, error: Error) -> (std::io::Result<Bytes>, Self) {
        if let Ok(mut failure) = self.failure.lock() {
            *failure = Some(error);
        }
        (Err(std::io::Error::other("the blob cannot be read to its end")), self)
    }
}
