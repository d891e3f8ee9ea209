//! What a test sees and asserts.

use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::AwsFake;
use crate::call::Call;
use crate::look::ServiceView;

impl AwsFake {
    /// A service as it is; `None` when there is none.
    pub fn service(&self, cluster: &str, service: &str) -> Option<ServiceView> {
        let mut state = self.shared.state();
        state.keep_time();
        state.world.services.get(&(cluster.to_owned(), service.to_owned())).map(ServiceView::of)
    }

    /// The revisions of a family as they are described, oldest first, each with its `tags` inside.
    pub fn task_definitions(&self, family: &str) -> Vec<Value> {
        let state = self.shared.state();
        let ground = &state.world.ground;
        let revisions = ground.families.get(family).into_iter().flatten();
        revisions
            .map(|revision| {
                let mut whole = revision.describe(&ground.names.caller());
                if let Some(whole) = whole.as_object_mut() {
                    whole.insert("tags".to_owned(), json!(revision.tags));
                }
                whole
            })
            .collect()
    }

    /// Registers a task definition as somebody else would; gives its ARN.
    ///
    /// # Errors
    /// When it is not accepted.
    pub fn register(&self, definition: &Value) -> Result<String> {
        let registered = self.shared.state().world.ground.register(definition);
        registered.map(|definition| definition.arn).map_err(|failure| {
            Error::new(ErrorKind::InvalidInput, failure.message).with_operation("aws-fake.register")
        })
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The calls of one action.
    pub fn calls_of(&self, action: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.action == action).collect()
    }

    /// How many calls changed something, pushes to the registry among them.
    pub fn writes(&self) -> usize {
        self.calls().iter().filter(|call| call.wrote).count()
    }

    /// Forgets the calls so far; the next one is number one.
    pub fn forget_calls(&self) {
        let mut state = self.shared.state();
        state.calls.clear();
        state.met = 0;
        state.carried_out = 0;
    }

    /// Waits until as many calls have been carried out since the start, or since the calls were forgotten; `false` when `limit` is over before. With [`Fault::HangAfter`](crate::Fault::HangAfter) the client can
    /// be killed at exactly this moment.
    pub fn wait_for_calls(&self, calls: usize, limit: Duration) -> bool {
        self.shared.wait(calls, limit)
    }
}
