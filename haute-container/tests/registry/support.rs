//! What every test of this folder uses.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use haute_container::oci::{Descriptor, ImageConfig, Manifest, media_type, to_bytes};
use haute_container::registry::{
    Anonymous, BlobSource, ClientOptions, CredentialSource, Credentials, MissingBlobs, NothingMissing, Push,
    PushBlob, PushSource, Pushed, RegistryClient,
};
use haute_core::error::{Error, Result};
use haute_core::event::RecordingSink;
use haute_core::target::{Cancellation, Context};

/// The repository images are pushed to.
pub(crate) const REPOSITORY: &str = "pricing/motor";

/// Runs a test's asynchronous part.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Many attempts, short waits: a test of what is survived need not wait as long as people do.
pub(crate) fn options() -> ClientOptions {
    ClientOptions::default()
        .with_waits(Duration::from_millis(5), Duration::from_secs(2))
        .with_timeouts(Duration::from_secs(2), Duration::from_secs(3))
}

/// A client of `address` that nobody signs in.
pub(crate) fn client(address: &str) -> RegistryClient {
    client_with(address, Arc::new(Anonymous), &options())
}

/// A client of `address`.
pub(crate) fn client_with(
    address: &str,
    credentials: Arc<dyn CredentialSource>,
    options: &ClientOptions,
) -> RegistryClient {
    RegistryClient::new(&format!("{address}/{REPOSITORY}").parse().unwrap(), credentials, options).unwrap()
}

/// A context whose events are kept.
pub(crate) fn context() -> (Context, Arc<RecordingSink>) {
    let sink = Arc::new(RecordingSink::default());
    (Context::new(sink.clone(), Cancellation::default()), sink)
}

/// Credentials that change each time they are to be fresh, and the hosts they were asked for.
pub(crate) struct Changing {
    pub(crate) stale: Option<Credentials>,
    pub(crate) fresh: Option<Credentials>,
    pub(crate) asked: Mutex<Vec<(String, bool)>>,
}

impl Changing {
    pub(crate) fn always(credentials: Credentials) -> Arc<Self> {
        Self::new(Some(credentials.clone()), Some(credentials))
    }

    pub(crate) fn new(stale: Option<Credentials>, fresh: Option<Credentials>) -> Arc<Self> {
        Arc::new(Self { stale, fresh, asked: Mutex::default() })
    }
}

#[async_trait]
impl CredentialSource for Changing {
    async fn credentials(&self, host: &str, fresh: bool) -> Result<Option<Credentials>> {
        self.asked.lock().unwrap().push((host.to_owned(), fresh));
        Ok(if fresh { self.fresh.clone() } else { self.stale.clone() })
    }
}

/// `size` bytes nothing compresses, the same for the same seed.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// An image whose layers are files of a folder of its own.
pub(crate) struct Image {
    _folder: tempfile::TempDir,
    pub(crate) layers: Vec<(Descriptor, BlobSource)>,
    pub(crate) config: (Descriptor, Bytes),
    pub(crate) manifest: Bytes,
}

impl Image {
    /// One layer of each size.
    pub(crate) fn new(sizes: &[usize], seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut layers = Vec::new();
        for (number, size) in sizes.iter().enumerate() {
            let bytes = noise(*size, seed + number as u64);
            let path = folder.path().join(format!("layer-{number}"));
            std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
            layers.push((Descriptor::of(media_type::LAYER_GZIP, &bytes), BlobSource::File(path)));
        }
        let mut config = ImageConfig::new("amd64");
        config.rootfs.diff_ids = layers.iter().map(|(descriptor, _)| descriptor.digest.clone()).collect();
        config.created = Some(format!("2026-01-01T00:00:{seed:02}Z"));
        let config = Bytes::from(to_bytes(&config).unwrap());
        let named = Descriptor::of(media_type::CONFIG, &config);
        let manifest = Manifest::new(named.clone(), layers.iter().map(|(named, _)| named.clone()).collect());
        let manifest = Bytes::from(to_bytes(&manifest).unwrap());
        Self { _folder: folder, layers, config: (named, config), manifest }
    }

    /// A push of it in which every layer is a file.
    pub(crate) fn push(&self) -> Push {
        let files =
            self.layers.iter().map(|(named, source)| (named.clone(), PushSource::Blob(source.clone())));
        self.push_from(files.collect())
    }

    /// A push of it whose layers come from elsewhere.
    pub(crate) fn push_from(&self, layers: Vec<(Descriptor, PushSource)>) -> Push {
        let mut blobs: Vec<_> =
            layers.into_iter().map(|(named, source)| PushBlob::new(named, source)).collect();
        let config = PushSource::Blob(BlobSource::Bytes(self.config.1.clone()));
        blobs.push(PushBlob::new(self.config.0.clone(), config));
        Push::new(REPOSITORY, blobs, self.manifest.clone(), media_type::MANIFEST)
    }

    /// Pushes it as `tag`.
    pub(crate) async fn push_as(&self, client: &RegistryClient, tag: &str) -> Result<Pushed> {
        client.push(&self.push().with_tag(tag), &NothingMissing, &context().0).await
    }
}

#[async_trait]
impl MissingBlobs for Image {
    async fn make(&self, descriptor: &Descriptor) -> Result<BlobSource> {
        let found = self.layers.iter().find(|(named, _)| named.digest == descriptor.digest);
        found.map(|(_, source)| source.clone()).ok_or_else(|| Error::bug("no such layer"))
    }
}

/// Takes no note of how far it is.
pub(crate) fn quiet(_at: u64) {}
