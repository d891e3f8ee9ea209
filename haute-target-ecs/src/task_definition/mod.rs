//! Task definitions, as the JSON they are.
//!
//! A new revision is the described one with another image: everything else goes back as it came, whether this crate knows the field or
//! not. So no field is read into a type on the way.

mod changes;
mod image;
mod leaves;
mod normal;
mod redact;
mod tags;
#[cfg(test)]
mod tests;

use std::fmt;

use haute_core::error::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use crate::model::{self, Tag};

pub use tags::{HauteTags, MOST_TAGS, tag_value};

/// How large a task definition may be, in bytes of JSON: a
/// [service quota](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html) that cannot be raised.
pub const LARGEST: usize = 64 * 1024;

/// The members that `DescribeTaskDefinition` tells and `RegisterTaskDefinition` does not take.
const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// A task definition, with the tags that stand beside it.
#[derive(Clone, PartialEq)]
pub struct TaskDefinition {
    arn: Option<String>,
    revision: Option<u64>,
    status: Option<String>,
    body: Map<String, Value>,
    tags: Vec<Tag>,
}

/// Without the content: the values of environment variables may be secrets.
impl fmt::Debug for TaskDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskDefinition")
            .field("arn", &self.arn)
            .field("family", &self.family())
            .field("containers", &self.container_names())
            .finish_non_exhaustive()
    }
}

impl TaskDefinition {
    /// From the whole answer of `DescribeTaskDefinition` or `RegisterTaskDefinition`: `{"taskDefinition": …, "tags": …}`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when there is no task definition with a family and containers in it.
    pub fn from_described(mut answer: Value) -> Result<Self> {
        let tags = answer.get_mut("tags").map(Value::take).unwrap_or_default();
        let body = answer.get_mut("taskDefinition").map(Value::take).unwrap_or_default();
        Self::from_parts(body, tags)
    }

    /// From what `RegisterTaskDefinition` takes, such as a file of the user's, with its tags inside.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when it has no family or no containers.
    pub fn from_body(mut body: Value) -> Result<Self> {
        let tags = body.as_object_mut().and_then(|body| body.shift_remove("tags")).unwrap_or_default();
        Self::from_parts(body, tags)
    }

    fn from_parts(body: Value, tags: Value) -> Result<Self> {
        let Value::Object(mut body) = body else { return Err(unreadable("it is not a JSON object")) };
        let arn = text(&body, "taskDefinitionArn");
        let revision = body.get("revision").and_then(Value::as_u64);
        let status = text(&body, "status");
        for member in READ_ONLY {
            body.shift_remove(member);
        }
        let tags =
            if tags.is_null() { Vec::new() } else { model::read(tags).map_err(|why| unreadable(&why))? };
        let definition = Self { arn, revision, status, body, tags };
        if definition.family().is_empty() {
            return Err(unreadable("it has no family"));
        }
        if definition.containers().is_empty() {
            return Err(unreadable("it has no containers"));
        }
        Ok(definition)
    }

    /// The ARN of the revision it was read from; `None` for one that is not registered.
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// The number of the revision it was read from.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Whether a service may still be given this revision. One that was deregistered keeps running where it runs and starts nowhere new.
    pub fn is_active(&self) -> bool {
        self.status.as_deref() == Some("ACTIVE")
    }

    /// The family its revisions are counted in.
    pub fn family(&self) -> &str {
        self.body.get("family").and_then(Value::as_str).unwrap_or_default()
    }

    /// The member of this name, as it was described.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    /// The memory of a task, in MiB; `None` where only its containers have one.
    pub fn memory(&self) -> Option<u64> {
        normal::normal(&self.body)
            .get("memory")
            .and_then(Value::as_str)
            .and_then(|memory| memory.parse().ok())
    }

    /// Its containers, as they were described.
    pub fn containers(&self) -> &[Value] {
        self.body.get("containerDefinitions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<&Value> {
        self.containers().iter().find(|container| name_of(container) == name)
    }

    /// The names of its containers, in order.
    pub fn container_names(&self) -> Vec<&str> {
        self.containers().iter().map(name_of).collect()
    }

    /// The body of `RegisterTaskDefinition` that makes a revision like this one.
    ///
    /// Members without content are left out at the top, where ECS refuses them (an empty list of tags, an empty role), and nowhere else:
    /// inside a container an empty value can mean something.
    pub fn register_body(&self) -> Value {
        let mut body: Map<String, Value> = self
            .body
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let tags = self.tags_to_register();
        if !tags.is_empty() {
            let tags =
                tags.iter().map(|tag| serde_json::json!({"key": tag.key, "value": tag.value})).collect();
            body.insert("tags".to_owned(), tags);
        }
        Value::Object(body)
    }

    /// How large it is, in bytes of JSON.
    pub fn size(&self) -> usize {
        self.register_body().to_string().len()
    }

    /// Whether ECS can take it, as far as that can be told without asking.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is larger than [`LARGEST`], or has more than [`MOST_TAGS`] tags.
    pub fn check(&self) -> Result<()> {
        let size = self.size();
        if size >= LARGEST {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the task definition `{}` would have {size} bytes, and ECS takes fewer than {LARGEST}",
                    self.family()
                ),
            )
            .with_operation("ecs.RegisterTaskDefinition")
            .with_hint(
                "move long environment values to an environment file in S3, or to Systems Manager parameters",
            ));
        }
        self.check_tags()
    }
}

fn name_of(container: &Value) -> &str {
    container.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn text(body: &Map<String, Value>, member: &str) -> Option<String> {
    body.get(member).and_then(Value::as_str).map(str::to_owned)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("the task definition cannot be read: {why}"))
        .with_operation("ecs.DescribeTaskDefinition")
}
