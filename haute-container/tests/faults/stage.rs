//! A registry, a proxy before it, and a client that speaks to the proxy.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use haute_container::reference::ImageReference;
use haute_container::registry::{
    Anonymous, ClientOptions, CredentialSource, Credentials, MissingBlobs, NothingMissing, Push, Pushed,
    RegistryClient,
};
use haute_core::error::Result;
use haute_core::event::RecordingSink;
use haute_core::target::{Cancellation, Context};
use haute_test_services::proxy::{Rule, Tokens};
use haute_test_services::{FaultProxy, Registry, RegistryOptions};

use crate::image::{Image, REPOSITORY, TAG};

/// Everything one test needs.
pub(crate) struct Stage {
    pub(crate) registry: Registry,
    pub(crate) proxy: FaultProxy,
    pub(crate) client: RegistryClient,
    pub(crate) image: Image,
    pub(crate) events: Arc<RecordingSink>,
    pub(crate) cancellation: Cancellation,
}

impl Stage {
    /// An empty registry everybody may write to, and these faults.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self::with(RegistryOptions::plain(), rules, None, Arc::new(Anonymous), &quick())
    }

    /// The same, with a client that takes a silence of a third of a second for the end.
    pub(crate) fn impatient(rules: Vec<Rule>) -> Self {
        let third = Duration::from_millis(333);
        let options = quick().with_attempts(3).with_timeouts(third, third);
        Self::with(RegistryOptions::plain(), rules, None, Arc::new(Anonymous), &options)
    }

    /// A registry that asks for tokens.
    pub(crate) fn with_tokens(
        rules: Vec<Rule>,
        tokens: Tokens,
        credentials: Arc<dyn CredentialSource>,
    ) -> Self {
        Self::with(RegistryOptions::plain(), rules, Some(tokens), credentials, &quick())
    }

    pub(crate) fn with(
        registry: RegistryOptions,
        rules: Vec<Rule>,
        tokens: Option<Tokens>,
        credentials: Arc<dyn CredentialSource>,
        options: &ClientOptions,
    ) -> Self {
        let registry = Registry::start(registry).unwrap();
        let proxy = FaultProxy::start_with(&registry, rules, tokens).unwrap();
        let client = client_of(proxy.address(), credentials, options);
        Self {
            registry,
            proxy,
            client,
            image: Image::new(1),
            events: Arc::default(),
            cancellation: Cancellation::default(),
        }
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(Arc::<RecordingSink>::clone(&self.events), self.cancellation.clone())
    }

    /// Pushes the image.
    pub(crate) fn push(&self) -> Result<Pushed> {
        self.push_so(&self.image.push(), &NothingMissing)
    }

    pub(crate) fn push_so(&self, push: &Push, missing: &dyn MissingBlobs) -> Result<Pushed> {
        block_on(self.client.push(push, missing, &self.context()))
    }

    /// Stores another image under the tag, without the proxy.
    pub(crate) fn with_old_image(self) -> (Self, Image) {
        let old = Image::new(100);
        let client = client_of(self.registry.address(), Arc::new(Anonymous), &quick());
        let context = Context::new(Arc::new(RecordingSink::default()), Cancellation::default());
        block_on(client.push(&old.push(), &NothingMissing, &context)).unwrap();
        (self, old)
    }

    /// The image is there, byte for byte, by its tag.
    pub(crate) fn assert_complete(&self) {
        self.assert_stored(&self.image);
    }

    pub(crate) fn assert_stored(&self, image: &Image) {
        let (manifest, _) = self.registry.manifest(REPOSITORY, TAG).unwrap().expect("the tag is there");
        assert_eq!(manifest, image.manifest, "the tag stands for the image");
        for (descriptor, bytes) in image.blobs() {
            let stored = self.registry.blob(REPOSITORY, &descriptor.digest).unwrap();
            assert!(stored.as_ref() == Some(bytes), "blob {} is not stored as it is", descriptor.digest);
        }
    }

    /// Nothing is tagged.
    pub(crate) fn assert_untagged(&self) {
        assert_eq!(self.registry.tags(REPOSITORY).unwrap(), Vec::<String>::new(), "nothing is tagged");
    }

    /// How many bytes of bodies reached the proxy by requests of this kind.
    pub(crate) fn sent(&self, method: &str, pattern: &str) -> u64 {
        self.proxy.exchanges_of(method, pattern).iter().map(|exchange| exchange.sent).sum()
    }
}

/// A client that tries again soon, and waits only where a fault asks for it.
pub(crate) fn quick() -> ClientOptions {
    ClientOptions::default()
        .with_attempts(4)
        .with_waits(Duration::from_millis(5), Duration::from_secs(3))
        .with_timeouts(Duration::from_secs(10), Duration::from_secs(20))
}

pub(crate) fn client_of(
    address: &str,
    credentials: Arc<dyn CredentialSource>,
    options: &ClientOptions,
) -> RegistryClient {
    let reference: ImageReference = format!("{address}/{REPOSITORY}").parse().unwrap();
    RegistryClient::new(&reference, credentials, options).unwrap()
}

/// Runs a call to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Always the same user.
pub(crate) struct User(pub(crate) &'static str, pub(crate) &'static str);

#[async_trait]
impl CredentialSource for User {
    async fn credentials(&self, _host: &str, _fresh: bool) -> Result<Option<Credentials>> {
        Ok(Some(Credentials::password(self.0, self.1)))
    }
}
