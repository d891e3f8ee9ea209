//! What a target brings to be checked.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use haute_core::engine::{Clock, VirtualClock};
use haute_core::target::{DeployTarget, ProvenRelease};

/// A world with a target in it, fresh for each check.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Where the engine keeps its state.
    fn project_root(&self) -> &Path;

    /// The target, always of the same world.
    fn target(&self) -> Arc<dyn DeployTarget>;

    /// A release; another number gives another digest. At least 1 and 2 must work.
    fn release(&self, number: usize) -> ProvenRelease;

    /// The engine's clock. A target whose world takes real time gives a [`haute_core::engine::SystemClock`].
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(VirtualClock::new())
    }

    /// A text the target was given as a secret: it must appear in nothing that is shown or kept.
    fn secret(&self) -> Option<String> {
        None
    }

    /// Everything there is in the world, in words: reading must not change it.
    async fn world(&self) -> String;

    /// Takes the world down.
    async fn close(&self) {}
}
