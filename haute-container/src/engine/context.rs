//! What an engine is sent, streamed: documents and the layers' tars inside one tar, never whole in memory.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::{Event, EventSink};
use haute_core::target::{Cancellation, Context};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::layer::LayerTree;
use crate::layer::tar::{file_header, tar_size, write_tar};

/// What is handed over at a time, in bytes.
const PIECE: usize = 256 * 1024;
/// How many pieces may wait for the engine.
const PIECES: usize = 4;
/// Progress is told in steps of this many bytes at least.
const STEP: u64 = 4 * 1024 * 1024;

/// A layer as a plain tar that can be written whenever it is needed, and whose length is known before.
pub trait TarLayer: Send + Sync {
    /// How long the tar is, in bytes.
    fn size(&self) -> u64;

    /// Writes the tar, the same bytes each time. Blocks.
    ///
    /// # Errors
    /// When a file of it cannot be read or is not what it was; [`ErrorKind::Cancelled`].
    fn write(&self, to: &mut dyn Write, cancelled: &Cancellation) -> Result<()>;
}

impl TarLayer for LayerTree {
    fn size(&self) -> u64 {
        tar_size(self)
    }

    fn write(&self, to: &mut dyn Write, cancelled: &Cancellation) -> Result<()> {
        write_tar(self, to, cancelled).map(drop)
    }
}

/// Files by name.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// What goes into the tar.
pub(super) struct Parcel {
    /// Files by name, before the layers.
    pub(super) first: Files,
    /// Layers by file name.
    pub(super) layers: Vec<(String, Arc<dyn TarLayer>)>,
    /// Files that need to know what was in the layers.
    pub(super) last: Option<LastFiles>,
}

/// Makes files from the digests of the layers' tars.
pub(super) type LastFiles = Box<dyn FnOnce(Vec<Digest>) -> Result<Files> + Send>;

/// A context on its way to the engine.
pub(super) struct BuildContext {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    /// Ends when everything was sent, or nobody listens any more, with what went wrong on this side.
    pub(super) sender: JoinHandle<Result<()>>,
}

impl BuildContext {
    /// Begins to make the tar of `parcel`, on a thread where blocking is allowed.
    pub(super) fn new(context: &Context, parcel: Parcel) -> Self {
        let (sender, receiver) = mpsc::channel(PIECES);
        let (events, cancelled) = (Arc::clone(&context.events), context.cancelled.clone());
        let total = parcel.layers.iter().map(|(_, layer)| layer.size()).sum();
        let sender = tokio::task::spawn_blocking(move || {
            let mut writer = Writer { sender, waiting: BytesMut::with_capacity(PIECE), gone: false };
            let telling = Telling { events, done: 0, told: 0, total };
            match write(&mut writer, parcel, telling, &cancelled) {
                // The engine stopped reading: what it says about that is the error to show.
                Err(_) if writer.gone => Ok(()),
                Err(error) => {
                    // Breaks the request off, so that the engine does not build from half a context.
                    let _told = writer
                        .sender
                        .blocking_send(Err(io::Error::other("the build context is not complete")));
                    Err(error)
                }
                Ok(()) => Ok(()),
            }
        });
        Self { receiver, sender }
    }

    /// The bytes, and what becomes of this side.
    pub(super) fn split(
        self,
    ) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, JoinHandle<Result<()>>) {
        let stream = futures_util::stream::unfold(self.receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        (stream, self.sender)
    }
}

fn write(writer: &mut Writer, parcel: Parcel, mut telling: Telling, cancelled: &Cancellation) -> Result<()> {
    let lost = |source| {
        Error::new(ErrorKind::BuildFailed, "what the engine needs cannot be sent").with_source(source)
    };
    let file = |writer: &mut Writer, name: &str, bytes: &[u8]| {
        writer.write_all(file_header(name, bytes.len() as u64).as_bytes())?;
        writer.write_all(bytes)?;
        pad(writer, bytes.len() as u64)
    };
    for (name, bytes) in &parcel.first {
        file(writer, name, bytes).map_err(lost)?;
    }
    let mut digests = Vec::new();
    for (name, layer) in &parcel.layers {
        let size = layer.size();
        writer.write_all(file_header(name, size).as_bytes()).map_err(lost)?;
        // Hashed only where somebody wants to know: a build has no use for it.
        let hash = parcel.last.is_some().then(Sha256::new);
        let mut counted = Counted { writer, size: 0, hash, telling: &mut telling };
        layer.write(&mut counted, cancelled)?;
        if counted.size != size {
            return Err(Error::bug(format!("the layer `{name}` has {} bytes and said {size}", counted.size))
                .with_operation("engine.build"));
        }
        digests.extend(counted.hash.map(|hash| Digest::from_sha256(hash.finalize().into())));
        pad(writer, size).map_err(lost)?;
    }
    if let Some(last) = parcel.last {
        for (name, bytes) in last(digests)? {
            file(writer, &name, &bytes).map_err(lost)?;
        }
    }
    writer.write_all(&[0; 1024]).and_then(|()| writer.flush()).map_err(lost)
}

fn pad(writer: &mut Writer, size: u64) -> io::Result<()> {
    let rest = usize::try_from((512 - size % 512) % 512).unwrap_or_default();
    writer.write_all([0; 512].get(..rest).unwrap_or_default())
}

/// Hands bytes over to the request, and waits where the engine is slower.
struct Writer {
    sender: mpsc::Sender<io::Result<Bytes>>,
    waiting: BytesMut,
    gone: bool,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.waiting.len());
        self.waiting.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.waiting.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, BytesMut::with_capacity(PIECE)).freeze();
        self.sender.blocking_send(Ok(piece)).map_err(|_| {
            self.gone = true;
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    }
}

/// Counts what a layer writes.
struct Counted<'a> {
    writer: &'a mut Writer,
    size: u64,
    hash: Option<Sha256>,
    telling: &'a mut Telling,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.writer.write(bytes)?;
        self.size += taken as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes.get(..taken).unwrap_or_default());
        }
        self.telling.add(taken as u64);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Tells how far it is.
struct Telling {
    events: Arc<dyn EventSink>,
    done: u64,
    told: u64,
    total: u64,
}

impl Telling {
    fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if self.done - self.told >= STEP || self.done == self.total {
            self.told = self.done;
            self.events.emit(&Event::Progress {
                activity: "sending layers to the engine".to_owned(),
                done: self.done,
                total: Some(self.total),
                unit: "bytes".to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use haute_core::event::RecordingSink;

    use super::*;

    struct Blob(Vec<u8>, u64);

    impl TarLayer for Blob {
        fn size(&self) -> u64 {
            self.1
        }
        fn write(&self, to: &mut dyn Write, _: &Cancellation) -> Result<()> {
            to.write_all(&self.0)
                .map_err(|source| Error::new(ErrorKind::BuildFailed, "x").with_source(source))
        }
    }

    fn begin(layers: Vec<(String, Arc<dyn TarLayer>)>) -> (BuildContext, Arc<RecordingSink>) {
        let sink = Arc::new(RecordingSink::default());
        let context = Context::new(Arc::clone(&sink) as Arc<dyn EventSink>, Cancellation::default());
        let first = vec![("Dockerfile".to_owned(), b"FROM x\n".to_vec())];
        (BuildContext::new(&context, Parcel { first, layers, last: None }), sink)
    }

    #[tokio::test]
    async fn the_context_is_a_tar_of_the_dockerfile_and_the_layers() {
        let layer = vec![7; 3 * PIECE + 5];
        let (context, sink) =
            begin(vec![("layer-0.tar".to_owned(), Arc::new(Blob(layer.clone(), layer.len() as u64)))]);
        let (stream, sender) = context.split();
        let pieces: Vec<_> = stream.map(|piece| piece.unwrap()).collect().await;
        sender.await.unwrap().unwrap();
        let bytes: Vec<u8> = pieces.concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            io::Read::read_to_end(&mut entry, &mut content).unwrap();
            found.push((entry.path().unwrap().display().to_string(), content));
        }
        assert_eq!(
            found,
            [("Dockerfile".to_owned(), b"FROM x\n".to_vec()), ("layer-0.tar".to_owned(), layer)]
        );
        assert!(
            matches!(sink.events().last(), Some(Event::Progress { done, total: Some(total), .. }) if done == total)
        );
    }

    #[tokio::test]
    async fn half_a_context_breaks_the_request_off() {
        let (context, _) = begin(vec![("layer-0.tar".to_owned(), Arc::new(Blob(vec![1; 10], 11)))]);
        let (stream, sender) = context.split();
        let last = stream.collect::<Vec<_>>().await.pop().unwrap();
        assert!(last.is_err(), "the body must not end as if it were whole");
        assert_eq!(sender.await.unwrap().unwrap_err().kind(), ErrorKind::Unexpected);
    }

    #[tokio::test]
    async fn an_engine_that_stops_reading_is_no_error_of_the_context() {
        let (context, _) =
            begin(vec![("layer-0.tar".to_owned(), Arc::new(Blob(vec![1; 16 * PIECE], 16 * PIECE as u64)))]);
        let (stream, sender) = context.split();
        drop(stream);
        sender.await.unwrap().unwrap();
    }
}
