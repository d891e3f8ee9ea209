//! The bytes of a file as the body of a request, a piece at a time.

use futures_util::TryStreamExt as _;
use haute_core::error::{Error, ErrorKind, Result};
use reqwest::Body;
use tokio_util::io::ReaderStream;

use crate::model::{Content, ModelFile};

/// A file is sent in pieces of this many bytes.
const PIECE: usize = 256 * 1024;

/// The body that is `file`, told to `sent` as it goes.
pub(super) async fn of(file: &ModelFile, sent: impl Fn(u64) + Send + Sync + 'static) -> Result<Body> {
    match &file.content {
        Content::Bytes(bytes) => {
            sent(file.size);
            Ok(Body::from(bytes.clone()))
        }
        Content::File(path) => {
            let opened = tokio::fs::File::open(path).await.map_err(|source| {
                Error::new(ErrorKind::NotFound, format!("`{}` cannot be read", path.display()))
                    .with_source(source)
            })?;
            let pieces =
                ReaderStream::with_capacity(opened, PIECE).inspect_ok(move |piece| sent(piece.len() as u64));
            Ok(Body::wrap_stream(pieces))
        }
    }
}
