//! One form for task definitions that mean the same.
//!
//! ECS fills in defaults when it describes what was registered, and people write quantities in several ways. What is told as a change
//! must change what runs, so both sides are brought to this form before they are compared. It is for comparing only: what is registered
//! is never touched. Defaults are those of the
//! [task definition parameters](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html).

use serde_json::{Map, Value, json};

type Members = Map<String, Value>;

/// The body of a task definition in the form in which bodies are compared.
pub(super) fn normal(body: &Members) -> Members {
    let mut body = body.clone();
    // The order of members says nothing; things without a name are told apart by their text, which must not depend on it.
    body.sort_keys();
    body.values_mut().for_each(Value::sort_all_objects);
    drop_empty(&mut body);
    body.retain(|_, value| value.as_str() != Some(""));
    quantity(&mut body, "cpu", "vcpu", 1024.0);
    quantity(&mut body, "memory", "gb", 1024.0);
    let fargate = strings(&body, "requiresCompatibilities").any(|kind| kind == "FARGATE");
    fill(&mut body, "networkMode", if fargate { "awsvpc" } else { "bridge" }.into());
    if fargate {
        let platform = body.entry("runtimePlatform").or_insert_with(|| json!({}));
        if let Some(platform) = platform.as_object_mut() {
            fill(platform, "cpuArchitecture", "X86_64".into());
            fill(platform, "operatingSystemFamily", "LINUX".into());
        }
    }
    let own_address = matches!(body.get("networkMode").and_then(Value::as_str), Some("awsvpc" | "host"));
    each(&mut body, "containerDefinitions", |members| container(members, own_address));
    each(&mut body, "volumes", volume);
    body
}

fn container(container: &mut Members, own_address: bool) {
    if container.get("cpu").and_then(Value::as_f64) == Some(0.0) {
        container.shift_remove("cpu");
    }
    fill(container, "essential", true.into());
    if container.get("versionConsistency").and_then(Value::as_str) == Some("enabled") {
        container.shift_remove("versionConsistency");
    }
    each(container, "portMappings", |mapping| {
        fill(mapping, "protocol", "tcp".into());
        let any = mapping.get("hostPort").and_then(Value::as_i64).unwrap_or(0) == 0;
        if any {
            // Where a task has an address of its own, the host's port is the container's.
            let port = if own_address { mapping.get("containerPort").cloned() } else { Some(0.into()) };
            if let Some(port) = port {
                mapping.insert("hostPort".to_owned(), port);
            }
        }
    });
    each(container, "mountPoints", |mount| fill(mount, "readOnly", false.into()));
    each(container, "volumesFrom", |volumes| fill(volumes, "readOnly", false.into()));
    if let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut) {
        fill(check, "interval", 30.into());
        fill(check, "timeout", 5.into());
        fill(check, "retries", 3.into());
        fill(check, "startPeriod", 0.into());
    }
}

fn volume(volume: &mut Members) {
    if let Some(efs) = volume.get_mut("efsVolumeConfiguration").and_then(Value::as_object_mut) {
        fill(efs, "rootDirectory", "/".into());
        fill(efs, "transitEncryption", "DISABLED".into());
    }
}

/// `0.25 vCPU` is `256`, `1 GB` is `1024`.
fn quantity(body: &mut Members, name: &str, unit: &str, factor: f64) {
    let Some(value) = body.get_mut(name) else { return };
    let text = match &*value {
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    let plain = match text.strip_suffix(unit) {
        Some(number) => number.trim().parse::<f64>().ok().map(|number| (number * factor).round()),
        None => text.parse::<f64>().ok(),
    };
    if let Some(plain) = plain.filter(|plain| plain.is_finite()) {
        *value = Value::String(plain.to_string());
    }
}

/// Nothing, an empty list and an empty object say the same, at any depth. An empty text does not: a variable may be set to it.
fn drop_empty(members: &mut Members) {
    for value in members.values_mut() {
        drop_empty_in(value);
    }
    members.retain(|_, value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    });
}

fn drop_empty_in(value: &mut Value) {
    match value {
        Value::Object(members) => drop_empty(members),
        Value::Array(items) => items.iter_mut().for_each(drop_empty_in),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn fill(members: &mut Members, name: &str, default: Value) {
    members.entry(name).or_insert(default);
}

fn each(members: &mut Members, list: &str, mut change: impl FnMut(&mut Members)) {
    let items = members.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut change);
}

fn strings<'a>(members: &'a Members, list: &str) -> impl Iterator<Item = &'a str> {
    members.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
