//! Task definitions, kept as they were sent.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::failure::{Answer, Failure};
use crate::names::last;
use crate::world::{Ground, World};

/// What a described task definition has and a registered one must not.
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

/// The longest a definition may be, in bytes of JSON.
const LONGEST: usize = 64 * 1024;

/// A revision.
#[derive(Clone, Debug)]
pub(crate) struct TaskDefinition {
    pub(crate) arn: String,
    pub(crate) revision: usize,
    pub(crate) active: bool,
    registered: Duration,
    deregistered: Option<Duration>,
    /// What was registered, member for member, without the tags.
    body: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
}

impl TaskDefinition {
    pub(crate) fn containers(&self) -> Vec<Value> {
        self.body.get("containerDefinitions").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Its tasks' memory, in mebibytes.
    pub(crate) fn memory(&self) -> Option<i64> {
        let memory = self.body.get("memory")?;
        memory.as_i64().or_else(|| memory.as_str()?.parse().ok())
    }

    /// Whether its tasks are for ARM processors.
    pub(crate) fn is_arm(&self) -> bool {
        let platform = self.body.get("runtimePlatform").and_then(|platform| platform.get("cpuArchitecture"));
        platform.and_then(Value::as_str) == Some("ARM64")
    }

    /// As it is described: with what AWS adds.
    pub(crate) fn describe(&self, caller: &str) -> Value {
        let mut whole = self.body.clone();
        whole.insert("taskDefinitionArn".to_owned(), json!(self.arn));
        whole.insert("revision".to_owned(), json!(self.revision));
        whole.insert("status".to_owned(), json!(if self.active { "ACTIVE" } else { "INACTIVE" }));
        whole.insert(
            "requiresAttributes".to_owned(),
            json!([
                { "name": "com.amazonaws.ecs.capability.logging-driver.awslogs" },
                { "name": "com.amazonaws.ecs.capability.docker-remote-api.1.19" },
                { "name": "ecs.capability.task-eni" },
            ]),
        );
        whole.insert("compatibilities".to_owned(), json!(["EC2", "FARGATE"]));
        whole.insert("registeredAt".to_owned(), json!(self.registered.as_secs_f64()));
        whole.insert("registeredBy".to_owned(), json!(caller));
        if let Some(at) = self.deregistered {
            whole.insert("deregisteredAt".to_owned(), json!(at.as_secs_f64()));
        }
        for name in ["volumes", "placementConstraints"] {
            whole.entry(name).or_insert_with(|| json!([]));
        }
        Value::Object(whole)
    }

    /// The roles its tasks are given.
    pub(crate) fn roles(body: &Value) -> Vec<String> {
        let role = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
        ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(role).collect()
    }
}

impl Ground {
    pub(crate) fn definition(&self, arn: &str) -> Option<&TaskDefinition> {
        self.families.values().flatten().find(|one| one.arn == arn)
    }

    /// The one a request names: an ARN, `family:revision`, or a family for its latest active revision.
    pub(crate) fn resolve(&self, name: &str) -> Option<&TaskDefinition> {
        let name = last(name);
        match name.split_once(':') {
            Some((family, revision)) => {
                let revision: usize = revision.parse().ok()?;
                self.families.get(family)?.iter().find(|one| one.revision == revision)
            }
            None => self.families.get(name)?.iter().rev().find(|one| one.active),
        }
    }

    /// Registers a definition as `RegisterTaskDefinition` does.
    pub(crate) fn register(&mut self, request: &Value) -> Result<TaskDefinition, Failure> {
        let mut body = request.as_object().cloned().unwrap_or_default();
        for name in READ_ONLY {
            if body.contains_key(name) {
                return Err(Failure::client(format!("Unknown parameter in input: \"{name}\"")));
            }
        }
        if request.to_string().len() > LONGEST {
            return Err(Failure::client(
                "Actual length of the task definition exceeds the maximum of 65536 bytes.",
            ));
        }
        for name in ["taskRoleArn", "executionRoleArn"] {
            if body.get(name).is_some_and(|role| role.as_str().is_none_or(str::is_empty)) {
                return Err(Failure::client("Role is not valid"));
            }
        }
        let tags = match body.remove("tags") {
            None => Vec::new(),
            Some(Value::Array(tags)) if !tags.is_empty() => tags,
            Some(_) => return Err(Failure::parameter("Tags can not be empty.")),
        };
        check_tags(&tags)?;
        let family = body.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if family.is_empty() || family.len() > 255 || !family.chars().all(fits) {
            return Err(Failure::client("Family should not be null or empty."));
        }
        check_containers(&body)?;
        let revisions = self.families.entry(family.clone()).or_default();
        let revision = revisions.last().map_or(0, |one| one.revision) + 1;
        let definition = TaskDefinition {
            arn: self.names.task_definition(&family, revision),
            revision,
            active: true,
            registered: self.now,
            deregistered: None,
            body,
            tags,
        };
        revisions.push(definition.clone());
        Ok(definition)
    }
}

fn check_containers(body: &Map<String, Value>) -> Result<(), Failure> {
    let containers = body.get("containerDefinitions").and_then(Value::as_array);
    let Some(containers) = containers.filter(|containers| !containers.is_empty()) else {
        return Err(Failure::client("Container list cannot be empty."));
    };
    for container in containers {
        let text = |name: &str| container.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("name").is_empty() {
            return Err(Failure::client("Container.name should not be null or empty."));
        }
        if text("image").is_empty() {
            return Err(Failure::client("Container.image should not be null or empty."));
        }
    }
    let fargate = body.get("requiresCompatibilities").and_then(Value::as_array).into_iter().flatten();
    if fargate.filter_map(Value::as_str).any(|one| one == "FARGATE") {
        for name in ["cpu", "memory"] {
            if body.get(name).is_none() {
                return Err(Failure::client(format!(
                    "Fargate requires task definition to have {name} at the task-level."
                )));
            }
        }
    }
    Ok(())
}

fn check_tags(tags: &[Value]) -> Result<(), Failure> {
    if tags.len() > 50 {
        return Err(Failure::parameter("The maximum number of tags is 50."));
    }
    for tag in tags {
        let text = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default();
        let fits = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        let (key, value) = (text("key"), text("value"));
        let long = key.chars().count() > 128 || value.chars().count() > 256;
        if key.is_empty() || long || key.starts_with("aws:") || !key.chars().chain(value.chars()).all(fits) {
            return Err(Failure::parameter(
                "Some of the characters in the tag are invalid, or the tag is too long or reserved.",
            ));
        }
    }
    Ok(())
}

pub(super) fn register(world: &mut World, request: &Value) -> Answer {
    let definition = world.ground.register(request)?;
    Ok(described(world, &definition, true))
}

fn described(world: &World, definition: &TaskDefinition, tags: bool) -> Value {
    let mut answer = json!({ "taskDefinition": definition.describe(&world.ground.names.caller()) });
    if let Some(answer) = answer.as_object_mut()
        && tags
    {
        answer.insert("tags".to_owned(), json!(definition.tags));
    }
    answer
}

pub(super) fn describe(world: &World, request: &Value) -> Answer {
    let name = request.get("taskDefinition").and_then(Value::as_str).unwrap_or_default();
    let definition =
        world.ground.resolve(name).ok_or_else(|| Failure::client("Unable to describe task definition."))?;
    Ok(described(world, definition, super::includes(request, "TAGS")))
}

pub(super) fn list(world: &World, request: &Value) -> Answer {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let active = text("status").unwrap_or("ACTIVE") == "ACTIVE";
    let of_family = |family: &&String| text("familyPrefix").is_none_or(|prefix| prefix == *family);
    let families = world.ground.families.iter().filter(|(family, _)| of_family(family));
    let mut arns: Vec<&str> = families
        .flat_map(|(_, revisions)| revisions)
        .filter(|one| one.active == active)
        .map(|one| one.arn.as_str())
        .collect();
    if text("sort") == Some("DESC") {
        arns.reverse();
    }
    super::page(request, "taskDefinitionArns", &arns.iter().map(|arn| json!(arn)).collect::<Vec<_>>(), 100)
}

pub(super) fn deregister(world: &mut World, request: &Value) -> Answer {
    let name = request.get("taskDefinition").and_then(Value::as_str).unwrap_or_default();
    let arn = world
        .ground
        .resolve(name)
        .filter(|_| name.contains(':'))
        .map(|one| one.arn.clone())
        .ok_or_else(|| Failure::client("The specified task definition does not exist."))?;
    let now = world.ground.now;
    for one in world.ground.families.values_mut().flatten().filter(|one| one.arn == arn) {
        one.active = false;
        one.deregistered = Some(now);
    }
    let definition = world.ground.definition(&arn).cloned().ok_or_else(|| Failure::client("gone"))?;
    Ok(described(world, &definition, false))
}

pub(super) fn tag(world: &mut World, request: &Value) -> Answer {
    let arn = request.get("resourceArn").and_then(Value::as_str).unwrap_or_default();
    let tags = request.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    check_tags(&tags)?;
    let kept = tags_of(world, arn)?;
    for tag in tags {
        kept.retain(|old| old.get("key") != tag.get("key"));
        kept.push(tag);
    }
    Ok(json!({}))
}

pub(super) fn untag(world: &mut World, request: &Value) -> Answer {
    let arn = request.get("resourceArn").and_then(Value::as_str).unwrap_or_default();
    let keys = request.get("tagKeys").and_then(Value::as_array).cloned().unwrap_or_default();
    tags_of(world, arn)?.retain(|old| !old.get("key").is_some_and(|key| keys.contains(key)));
    Ok(json!({}))
}

pub(super) fn list_tags(world: &World, request: &Value) -> Answer {
    let arn = request.get("resourceArn").and_then(Value::as_str).unwrap_or_default();
    let mut copy = world.clone();
    Ok(json!({ "tags": tags_of(&mut copy, arn)?.clone() }))
}

fn tags_of<'a>(world: &'a mut World, arn: &str) -> Result<&'a mut Vec<Value>, Failure> {
    let missing = || Failure::parameter("The specified resource cannot be found.");
    if arn.contains(":service/") {
        let service = world.services.values_mut().find(|service| service.arn == arn).ok_or_else(missing)?;
        let tags = service.fields.entry("tags").or_insert_with(|| json!([]));
        return tags.as_array_mut().ok_or_else(missing);
    }
    let found = world.ground.families.values_mut().flatten().find(|one| one.arn == arn);
    found.map(|one| &mut one.tags).ok_or_else(missing)
}
