//! `CloudWatch` Logs: `Logs_20140328`, AWS JSON 1.1.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ecs::page;
use crate::failure::{Answer, Failure};
use crate::rollout::Task;
use crate::world::{Ground, World};

/// The streams of a group, each line with its time.
type Streams = BTreeMap<String, Vec<(Duration, String)>>;

/// Log groups, and in each its streams of lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs {
    pub(crate) groups: BTreeMap<String, Streams>,
}

impl Ground {
    /// Writes lines into the log of a task's essential container, where its definition sends it to AWS and the group
    /// is there.
    pub(crate) fn write_log(&mut self, task: &Task, lines: &[String]) {
        let Some(name) = task.containers.iter().find(|one| one.essential).map(|one| one.name.clone()) else {
            return;
        };
        let Some((group, prefix)) = self.log_of(&task.definition, &name) else { return };
        let stream = format!("{prefix}/{name}/{}", task.id);
        let now = self.now;
        if let Some(streams) = self.logs.groups.get_mut(&group) {
            streams.entry(stream).or_default().extend(lines.iter().map(|line| (now, line.clone())));
        }
    }

    /// Group and stream prefix of a container's log.
    fn log_of(&self, task_definition: &str, container: &str) -> Option<(String, String)> {
        let containers = self.definition(task_definition)?.containers();
        let container =
            containers.iter().find(|one| one.get("name").and_then(Value::as_str) == Some(container))?;
        let configuration = container.get("logConfiguration")?;
        if configuration.get("logDriver")?.as_str()? != "awslogs" {
            return None;
        }
        let option = |name: &str| Some(configuration.get("options")?.get(name)?.as_str()?.to_owned());
        Some((option("awslogs-group")?, option("awslogs-stream-prefix")?))
    }
}

pub(crate) fn act(world: &World, action: &str, request: &Value) -> Answer {
    match action {
        "GetLogEvents" => events(world, request),
        "DescribeLogGroups" => groups(world, request),
        "DescribeLogStreams" => streams(world, request),
        _ => Err(Failure::new("UnknownOperationException", "")),
    }
}

/// What IAM is asked about a call.
pub(crate) fn permissions(world: &World, action: &str, request: &Value) -> Vec<(String, String)> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let group = world.ground.names.log_group(text("logGroupName"));
    let resource = match action {
        "GetLogEvents" => format!("{group}:log-stream:{}", text("logStreamName")),
        "DescribeLogStreams" => format!("{group}:log-stream:"),
        _ => world.ground.names.log_group("") + ":log-stream:",
    };
    vec![(format!("logs:{action}"), resource)]
}

fn missing(what: &str) -> Failure {
    Failure::new("ResourceNotFoundException", format!("The specified log {what} does not exist."))
}

fn group<'a>(world: &'a World, request: &Value) -> Result<&'a Streams, Failure> {
    let name = request.get("logGroupName").and_then(Value::as_str);
    let name = name.or_else(|| {
        let identifier = request.get("logGroupIdentifier")?.as_str()?;
        Some(identifier.rsplit_once("log-group:").map_or(identifier, |(_, name)| name))
    });
    world.ground.logs.groups.get(name.unwrap_or_default()).ok_or_else(|| missing("group"))
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

fn events(world: &World, request: &Value) -> Answer {
    let stream = request.get("logStreamName").and_then(Value::as_str).unwrap_or_default();
    let lines = group(world, request)?.get(stream).ok_or_else(|| missing("stream"))?;
    let start = request.get("startFromHead").and_then(Value::as_bool) == Some(true);
    let limit = request.get("limit").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let limit = limit.unwrap_or(10_000).min(10_000);
    // A token names the place after (`f/`) or before (`b/`) which to read on; at the end it is given back as it came.
    let token = request.get("nextToken").and_then(Value::as_str);
    let (from, to) =
        match token.map(|token| (token.get(..2), token.get(2..).and_then(|at| at.parse::<usize>().ok()))) {
            Some((Some("f/"), Some(at))) => (at, lines.len().min(at.saturating_add(limit))),
            Some((Some("b/"), Some(at))) => (at.saturating_sub(limit), at.min(lines.len())),
            Some(_) => return Err(Failure::parameter("The specified nextToken is invalid.")),
            None if start => (0, lines.len().min(limit)),
            None => (lines.len().saturating_sub(limit), lines.len()),
        };
    let events: Vec<Value> = lines
        .iter()
        .skip(from)
        .take(to.saturating_sub(from))
        .map(|(at, line)| json!({ "timestamp": millis(*at), "message": line, "ingestionTime": millis(*at) }))
        .collect();
    Ok(json!({
        "events": events,
        "nextForwardToken": format!("f/{to}"),
        "nextBackwardToken": format!("b/{from}"),
    }))
}

fn groups(world: &World, request: &Value) -> Answer {
    let prefix = request.get("logGroupNamePrefix").and_then(Value::as_str).unwrap_or_default();
    let found: Vec<Value> = world
        .ground
        .logs
        .groups
        .keys()
        .filter(|name| name.starts_with(prefix))
        .map(|name| {
            let arn = world.ground.names.log_group(name);
            json!({ "logGroupName": name, "arn": format!("{arn}:*"), "logGroupArn": arn, "storedBytes": 0 })
        })
        .collect();
    page(request, "logGroups", &found, 50)
}

fn streams(world: &World, request: &Value) -> Answer {
    let prefix = request.get("logStreamNamePrefix").and_then(Value::as_str).unwrap_or_default();
    let found: Vec<Value> = group(world, request)?
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, lines)| {
            let last = lines.last().map(|(at, _)| millis(*at));
            json!({ "logStreamName": name, "lastEventTimestamp": last })
        })
        .collect();
    page(request, "logStreams", &found, 50)
}
