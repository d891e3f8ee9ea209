//! What the target saw while it planned, kept for the steps of the same run: each look at a registry is a round trip.
//!
//! Nothing here is needed for a step to be right: a step in another process looks again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use haute_core::digest::Digest;

use super::desired::Wanted;
use super::observe::Observed;
use crate::reference::ImageReference;

/// The last plan, and the last push.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    planned: Option<(Arc<Wanted>, Arc<Observed>)>,
    pushed: Option<(ImageReference, Bytes)>,
}

impl Memory {
    /// Keeps what a plan was made from.
    pub(super) fn planned(&self, wanted: Arc<Wanted>, observed: Arc<Observed>) {
        self.with(|state| state.planned = Some((wanted, observed)));
    }

    /// What the plan for `release` on `base` was made from, when it was made here.
    pub(super) fn plan_of(&self, release: &Digest, base: &Digest) -> Option<(Arc<Wanted>, Arc<Observed>)> {
        self.with(|state| {
            state
                .planned
                .as_ref()
                .filter(|(wanted, _)| &wanted.release == release && wanted.plan.base.digest() == base)
                .cloned()
        })
    }

    /// What the last plan was made from.
    pub(super) fn last(&self) -> Option<(Arc<Wanted>, Arc<Observed>)> {
        self.with(|state| state.planned.clone())
    }

    /// The tag that was planned last.
    pub(super) fn tag(&self) -> Option<ImageReference> {
        self.with(|state| state.planned.as_ref().map(|(wanted, _)| wanted.tag.clone()))
    }

    /// Keeps the manifest that stands under `tag` now.
    pub(super) fn pushed(&self, tag: ImageReference, manifest: Bytes) {
        self.with(|state| state.pushed = Some((tag, manifest)));
    }

    /// The manifest that was put under `tag` in this run.
    pub(super) fn manifest_of(&self, tag: &ImageReference) -> Option<Bytes> {
        self.with(|state| {
            state.pushed.as_ref().filter(|(name, _)| name == tag).map(|(_, manifest)| manifest.clone())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
