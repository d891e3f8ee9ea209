//! Blobs to files, and to other registries.

use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::blob::unencoded;
use super::client::RegistryClient;
use super::error::Place;
use super::scope::Scopes;
use super::transport::{Exchange, Payload};
use super::wire::chunk;
use crate::oci::Descriptor;

/// An attempt that got this much further, in bytes, starts the count of attempts anew.
const GETS_ON: u64 = 1 << 20;

impl RegistryClient {
    /// Downloads a blob to `path`, which is there only when it is whole and verified; a download that breaks off goes on
    /// where it ended, where the registry gives ranges. `progress` is told how many bytes have arrived.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the repository does not have it, [`ErrorKind::BuildFailed`] when its content is not what
    /// the descriptor says or the file cannot be written, and what connections end with.
    ///
    /// Cancel-safe: what arrived is removed.
    pub async fn download_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        path: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<()> {
        let place = self.place("registry.download", repository, false);
        let failed = |source: std::io::Error| {
            place
                .error(ErrorKind::BuildFailed, format!("`{}` cannot be written", path.display()))
                .with_source(source)
        };
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let partial = tempfile::Builder::new().prefix(".download-").tempfile_in(directory).map_err(failed)?;
        let mut file = tokio::fs::File::from_std(partial.as_file().try_clone().map_err(failed)?);
        let mut hasher = Sha256::new();
        let (mut at, mut last) = (0, 0);
        let mut backoff = self.transport().backoff();
        while at < descriptor.size {
            let attempt = async {
                let mut stream = self.open_blob(repository, descriptor, at).await?;
                while let Some(piece) = stream.next().await {
                    let piece = piece?;
                    at += piece.len() as u64;
                    if at > descriptor.size {
                        return Err(other_content(&place, descriptor));
                    }
                    hasher.update(&piece);
                    file.write_all(&piece).await.map_err(failed)?;
                    progress(at);
                }
                if at < descriptor.size { Err(cut_short(&place)) } else { Ok(()) }
            };
            let ended: Result<()> = attempt.await;
            if let Err(error) = ended {
                if at >= last + GETS_ON {
                    backoff.renew(self.transport().options());
                    last = at;
                }
                backoff.wait(error).await?;
            }
        }
        if Digest::from_sha256(hasher.finalize().into()) != descriptor.digest {
            return Err(other_content(&place, descriptor));
        }
        file.flush().await.map_err(failed)?;
        drop(file);
        partial.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// The bytes of a blob from `from` on, as they arrive. What comes is not verified here: the caller hashes, or hands it to
    /// a registry that does.
    pub(super) async fn open_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let place = self.place("registry.download", repository, false);
        let mut headers = unencoded();
        if from > 0 {
            let range = HeaderValue::from_str(&format!("bytes={from}-"))
                .map_err(|source| Error::bug("a range cannot be written").with_source(source))?;
            headers.insert(RANGE, range);
        }
        let exchange = Exchange {
            method: Method::GET,
            url: self.url(repository, &format!("blobs/{}", descriptor.digest))?,
            scopes: Scopes::pull(repository),
            headers,
            payload: Payload::Empty,
            place,
        };
        let answer = self.transport().once(&exchange).await?;
        let place = exchange.place;
        // What comes before `from` when the registry gives no ranges: it is thrown away.
        let skip = match answer.response.status() {
            StatusCode::OK => from,
            StatusCode::PARTIAL_CONTENT => {
                let range =
                    answer.response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                let start = range.and_then(|range| {
                    range.trim().strip_prefix("bytes")?.trim().split('-').next()?.parse::<u64>().ok()
                });
                match start {
                    Some(start) if start <= from => from - start,
                    _ => {
                        return Err(place
                            .error(
                                ErrorKind::Unavailable,
                                "the registry gave another part of a blob than was asked for",
                            )
                            .with_retry(Retry::Soon));
                    }
                }
            }
            _ => return Err(self.transport().refuse(&place, "read a blob", answer).await),
        };
        let idle = self.transport().options().idle_timeout;
        let state = (answer.response, skip, place);
        let stream = unfold(state, move |(mut response, mut skip, place)| async move {
            loop {
                match chunk(&mut response, idle, &place).await {
                    Ok(None) => return None,
                    Err(error) => return Some((Err(error), (response, skip, place))),
                    Ok(Some(piece)) => {
                        let thrown = skip.min(piece.len() as u64);
                        skip -= thrown;
                        let rest = piece.slice(usize::try_from(thrown).unwrap_or(piece.len())..);
                        if !rest.is_empty() {
                            return Some((Ok(rest), (response, skip, place)));
                        }
                    }
                }
            }
        });
        Ok(stream.boxed())
    }
}

fn cut_short(place: &Place) -> Error {
    place.error(ErrorKind::Unavailable, "the registry broke off a blob").with_retry(Retry::Soon)
}

fn other_content(place: &Place, descriptor: &Descriptor) -> Error {
    place
        .error(ErrorKind::BuildFailed, "the registry gave another blob than its digest names")
        .with_context("expected", descriptor.digest.to_string())
}
