//! A task definition as paths and values, in which the order of what has no order does not show.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::redact::{self, Around};

/// One value of a task definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    /// What it is.
    pub(super) value: Value,
    /// Whether it must not be shown.
    pub(super) secret: bool,
}

/// Path → value.
pub(super) type Leaves = BTreeMap<String, Leaf>;

/// How the objects of a list are told apart.
struct Keyed {
    list: &'static str,
    /// The members that name an object, all of them.
    key: &'static [&'static str],
    /// The member that is the whole content beside the name, where there is only one.
    content: Option<&'static str>,
}

const fn keyed(list: &'static str, key: &'static [&'static str], content: Option<&'static str>) -> Keyed {
    Keyed { list, key, content }
}

const KEYED: &[Keyed] = &[
    keyed("containerDefinitions", &["name"], None),
    keyed("environment", &["name"], Some("value")),
    keyed("secrets", &["name"], Some("valueFrom")),
    keyed("secretOptions", &["name"], Some("valueFrom")),
    keyed("properties", &["name"], Some("value")),
    keyed("portMappings", &["containerPort", "protocol"], None),
    keyed("mountPoints", &["containerPath"], None),
    keyed("volumesFrom", &["sourceContainer"], None),
    keyed("volumes", &["name"], None),
    keyed("ulimits", &["name"], None),
    keyed("dependsOn", &["containerName"], Some("condition")),
    keyed("systemControls", &["namespace"], Some("value")),
    keyed("extraHosts", &["hostname"], Some("ipAddress")),
    keyed("resourceRequirements", &["type"], Some("value")),
    keyed("inferenceAccelerators", &["deviceName"], Some("deviceType")),
    keyed("devices", &["hostPath"], None),
    keyed("tmpfs", &["containerPath"], None),
];

/// Lists whose order says nothing and whose items have no name.
const SETS: &[&str] =
    &["requiresCompatibilities", "placementConstraints", "add", "drop", "portMappings", "devices", "tmpfs"];

/// Every value in `body`, by its path.
pub(super) fn leaves(body: &Map<String, Value>) -> Leaves {
    let mut walk = Walk { leaves: Leaves::new() };
    walk.members(body, "", &Around::default());
    walk.leaves
}

struct Walk {
    leaves: Leaves,
}

impl Walk {
    fn members(&mut self, members: &Map<String, Value>, path: &str, around: &Around<'_>) {
        for (name, value) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.value(value, &path, &around.inside(name));
        }
    }

    fn value(&mut self, value: &Value, path: &str, around: &Around<'_>) {
        match value {
            Value::Object(members) if !members.is_empty() => self.members(members, path, around),
            Value::Array(items) if !items.is_empty() => self.list(items, path, around),
            leaf => {
                let secret = redact::is_secret(leaf, around);
                let mut path = path.to_owned();
                // People choose names, so a path could be made to look like another one. Neither may hide the other.
                while self.leaves.contains_key(&path) {
                    path.push('\'');
                }
                self.leaves.insert(path, Leaf { value: leaf.clone(), secret });
            }
        }
    }

    fn list(&mut self, items: &[Value], path: &str, around: &Around<'_>) {
        let rule = KEYED.iter().find(|rule| rule.list == around.list());
        if let Some((rule, mut keys)) = rule.and_then(|rule| Some((rule, rule.keys(items)?))) {
            if rule.content.is_none() {
                keys.sort_by_cached_key(|(key, members)| {
                    (key.clone(), Value::Object((*members).clone()).to_string())
                });
            }
            return self.keyed(rule, &keys, path, around);
        }
        let mut items: Vec<&Value> = items.iter().collect();
        if SETS.contains(&around.list()) {
            items.sort_by_cached_key(ToString::to_string);
        }
        let mut before = None;
        for (index, item) in items.into_iter().enumerate() {
            self.value(item, &format!("{path}[{index}]"), &around.after(before));
            before = item.as_str();
        }
    }

    fn keyed(
        &mut self,
        rule: &Keyed,
        keys: &[(String, &Map<String, Value>)],
        path: &str,
        around: &Around<'_>,
    ) {
        // Two variables of one name stay in the order they are in: the later one counts.
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (key, members) in keys {
            let count = seen.entry(key).or_default();
            *count += 1;
            let path = if *count == 1 { format!("{path}[{key}]") } else { format!("{path}[{key}#{count}]") };
            let around = around.item(key);
            let only = rule
                .content
                .and_then(|content| members.get(content))
                .filter(|_| members.len() == rule.key.len() + 1);
            if let Some(content) = only {
                self.value(content, &path, &around);
            } else {
                let rest = members.iter().filter(|(name, _)| !rule.key.contains(&name.as_str()));
                let rest = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
                self.value(&Value::Object(rest), &path, &around);
            }
        }
    }
}

impl Keyed {
    /// The objects with their names; `None` where one has none, so that all are told apart by their place.
    fn keys<'a>(&self, items: &'a [Value]) -> Option<Vec<(String, &'a Map<String, Value>)>> {
        items
            .iter()
            .map(|item| {
                let members = item.as_object()?;
                let parts = self
                    .key
                    .iter()
                    .map(|key| members.get(*key).and_then(plain))
                    .collect::<Option<Vec<_>>>()?;
                Some((parts.join("/"), members))
            })
            .collect()
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
