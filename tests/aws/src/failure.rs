//! What an API answers when it refuses.

use serde_json::{Value, json};

/// A refusal as AWS JSON 1.1 has it: a status, a type and a message.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl Failure {
    /// A refusal that blames the caller: 400.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { status: 400, kind: kind.to_owned(), message: message.into() }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// `ClientException`: what ECS says of most mistakes in a request.
    pub(crate) fn client(message: impl Into<String>) -> Self {
        Self::new("ClientException", message)
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(crate) fn cluster_not_found() -> Self {
        Self::new("ClusterNotFoundException", "Cluster not found.")
    }

    pub(crate) fn service_not_found() -> Self {
        Self::new("ServiceNotFoundException", "Service not found.")
    }

    /// The words AWS refuses an action with that no policy allows.
    pub(crate) fn denied(caller: &str, action: &str, resource: &str) -> Self {
        Self::new("AccessDeniedException", denial(caller, action, resource))
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "__type": self.kind, "message": self.message })
    }
}

pub(crate) fn denial(caller: &str, action: &str, resource: &str) -> String {
    format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    )
}

/// What a request asks for, or why it is refused.
pub(crate) type Answer = Result<Value, Failure>;
