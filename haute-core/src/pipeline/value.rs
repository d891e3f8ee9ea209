//! Literal values with their places: what a sidecar or a decorator says, and where it says it.

use std::ops::Range;

/// A value read from a JSON sidecar or from the literals of a decorator.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Byte range in the file it was read from.
    pub range: Range<usize>,
    /// What it is.
    pub kind: ValueKind,
}

/// The kinds of [`Value`].
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// `null` or `None`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, in the digits of the file.
    Number(String),
    /// Text.
    Text(String),
    /// An array, list, tuple or set.
    List(Vec<Value>),
    /// An object or dict, in the order of the file. A repeated key is reported by the reader; the last one counts.
    Object(Vec<Member>),
}

/// One key of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_range: Range<usize>,
    /// Its value.
    pub value: Value,
}

impl Value {
    /// An object without keys, standing at `range`.
    pub fn empty_object(range: Range<usize>) -> Self {
        Self { range, kind: ValueKind::Object(Vec::new()) }
    }

    /// The member `key` of an object; the last one of a repeated key.
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().rev().find(|member| member.key == key)
    }

    /// The value of `key` of an object. `null` counts as absent, as Haute reads its settings.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let value = &self.member(key)?.value;
        (value.kind != ValueKind::Null).then_some(value)
    }

    /// The members of an object; nothing for other kinds.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            ValueKind::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of a list; nothing for other kinds.
    pub fn elements(&self) -> &[Self] {
        match &self.kind {
            ValueKind::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a text value.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text at `key`, when it is text with something in it.
    pub fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text().filter(|text| !text.trim().is_empty())
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, ValueKind::List(_))
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, ValueKind::Object(_))
    }

    /// Whether Python would take it for false: absent, empty, zero or `False`.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            ValueKind::Null | ValueKind::Bool(false) => true,
            ValueKind::Bool(true) => false,
            ValueKind::Number(text) => text.parse::<f64>() == Ok(0.0),
            ValueKind::Text(text) => text.is_empty(),
            ValueKind::List(elements) => elements.is_empty(),
            ValueKind::Object(members) => members.is_empty(),
        }
    }

    /// The number, when it is one that a 64-bit float can hold.
    pub fn number(&self) -> Option<f64> {
        match &self.kind {
            ValueKind::Number(text) => text.parse().ok().filter(|n: &f64| n.is_finite()),
            _ => None,
        }
    }

    /// What to call the kind in a message.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            ValueKind::Null => "null",
            ValueKind::Bool(_) => "a truth value",
            ValueKind::Number(_) => "a number",
            ValueKind::Text(_) => "text",
            ValueKind::List(_) => "a list",
            ValueKind::Object(_) => "an object",
        }
    }

    /// The value as JSON. Integers keep their digits where 64 bits hold them.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            ValueKind::Null => serde_json::Value::Null,
            ValueKind::Bool(value) => (*value).into(),
            ValueKind::Number(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
            ValueKind::Text(text) => text.clone().into(),
            ValueKind::List(elements) => elements.iter().map(Self::to_json).collect(),
            ValueKind::Object(members) => {
                members.iter().map(|member| (member.key.clone(), member.value.to_json())).collect()
            }
        }
    }
}
