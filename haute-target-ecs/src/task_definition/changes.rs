//! What changes from one task definition to another.

use haute_core::plan::Change;
use serde_json::Value;

use super::leaves::{Leaf, leaves};
use super::normal::normal;
use super::redact::REDACTED;
use super::{TaskDefinition, redact};

impl TaskDefinition {
    /// What changes of what runs, by path, from this one to `after`. Empty: a revision of `after` would run the same.
    ///
    /// Order where order says nothing, defaults and ways of writing do not count. Values that look like secrets are told as
    /// `[redacted]`; that they change is told still. The path of what has a name holds it: `containerDefinitions[api].environment[PORT]`.
    pub fn changes_to(&self, after: &Self) -> Vec<Change> {
        let old = leaves(&normal(&self.body));
        let new = leaves(&normal(&after.body));
        let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        paths
            .into_iter()
            .filter_map(|path| {
                let (before, after) = (old.get(path), new.get(path));
                if before.map(|leaf| &leaf.value) == after.map(|leaf| &leaf.value) {
                    return None;
                }
                // What is a secret on one side is one on the other: the other value is an older or a newer one of the same thing.
                let secret = [before, after].into_iter().flatten().any(|leaf| leaf.secret);
                let shown = |leaf: &Leaf| if secret { REDACTED.to_owned() } else { shown(&leaf.value) };
                Some(Change::new(path.clone(), before.map(shown), after.map(shown)))
            })
            .collect()
    }

    /// Whether a revision of `other` would run the same.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        self.changes_to(other).is_empty()
    }

    /// What changes of the tags, in order of their keys. Tags change nothing that runs.
    pub fn tag_changes_to(&self, after: &Self) -> Vec<Change> {
        let tags = |definition: &Self| -> std::collections::BTreeMap<String, String> {
            definition
                .tags_to_register()
                .into_iter()
                .map(|tag| (tag.key.clone(), tag.value.clone()))
                .collect()
        };
        let (old, new) = (tags(self), tags(after));
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        keys.into_iter()
            .filter(|key| old.get(*key) != new.get(*key))
            .map(|key| {
                let secret = [old.get(key), new.get(key)]
                    .into_iter()
                    .flatten()
                    .any(|value| redact::is_secret_tag(key, value));
                let shown = |value: &String| if secret { REDACTED.to_owned() } else { value.clone() };
                Change::new(format!("tags[{key}]"), old.get(key).map(shown), new.get(key).map(shown))
            })
            .collect()
    }
}

/// Texts as they are, and an empty one so that it can be seen.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}
