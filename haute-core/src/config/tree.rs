//! The merged values of all layers, each with its origin.

use std::collections::BTreeMap;
use std::ops::Range;

use super::origin::Origin;
use crate::diagnostic::FileId;

/// A value of the configuration, before it is decoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A string of a file.
    String(String),
    /// An integer of a file.
    Integer(i64),
    /// A float of a file.
    Float(f64),
    /// A boolean of a file.
    Boolean(bool),
    /// A date or time of a file, which no key of a configuration wants.
    Datetime,
    /// An integer of a file that does not fit 64 bits.
    TooLarge,
    /// Text of a variable or a flag: read as whatever the key wants.
    Text(String),
    /// An array.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

impl Value {
    /// What kind of value it is, in words.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::String(_) | Self::Text(_) => "a string",
            Self::Integer(_) | Self::TooLarge => "a whole number",
            Self::Float(_) => "a number with a decimal point",
            Self::Boolean(_) => "a boolean",
            Self::Datetime => "a date or time",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }

    /// The value as TOML.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::String(text) | Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Boolean(flag) => flag.to_string(),
            Self::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| item.value.shown()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Datetime | Self::TooLarge | Self::Table(_) => self.words().to_owned(),
        }
    }
}

/// A value, the key that leads to it, and where the value came from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The key's place; `None` for elements of arrays and for values that come from no file.
    pub(super) key: Option<(FileId, Range<usize>)>,
    /// Where the value came from.
    pub(super) origin: Origin,
    /// The value.
    pub(super) value: Value,
}

impl Node {
    fn each_string<'a>(&'a self, path: &str, visit: &mut dyn FnMut(&str, &'a Node, &'a str)) {
        match &self.value {
            Value::String(text) | Value::Text(text) => visit(path, self, text),
            Value::Array(items) => items.iter().for_each(|item| item.each_string(path, visit)),
            Value::Table(table) => table.each_string(path, visit),
            Value::Integer(_) | Value::TooLarge | Value::Float(_) | Value::Boolean(_) | Value::Datetime => {}
        }
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table(pub(super) BTreeMap<String, Node>);

impl Table {
    /// The node at a dotted path. Keys that hold dots themselves cannot be found: none of the known ones does.
    pub(super) fn find(&self, path: &str) -> Option<&Node> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let node = self.0.get(first)?;
        match (rest, &node.value) {
            (None, _) => Some(node),
            (Some(rest), Value::Table(table)) => table.find(rest),
            (Some(_), _) => None,
        }
    }

    /// Lays `upper` over this table: tables are merged, everything else is replaced.
    pub(super) fn merge(&mut self, upper: Self) {
        for (key, node) in upper.0 {
            match (self.0.get_mut(&key).map(|below| &mut below.value), node) {
                (Some(Value::Table(below)), Node { value: Value::Table(above), .. }) => below.merge(above),
                (_, node) => {
                    self.0.insert(key, node);
                }
            }
        }
    }

    /// Sets the value at a dotted path, making the tables that lead there. A value on the way is replaced by a table.
    pub(super) fn set(&mut self, path: &str, node: Node) {
        let Some((first, rest)) = path.split_once('.') else {
            self.0.insert(path.to_owned(), node);
            return;
        };
        let below = self.0.entry(first.to_owned()).or_insert_with(|| Node {
            key: None,
            origin: node.origin.clone(),
            value: Value::Table(Self::default()),
        });
        if let Value::Table(table) = &mut below.value {
            table.set(rest, node);
        } else {
            let mut table = Self::default();
            table.set(rest, node);
            below.value = Value::Table(table);
        }
    }

    /// Calls `visit` with every string, also those in arrays, with the dotted path of its key.
    pub(super) fn each_string<'a>(&'a self, path: &str, visit: &mut dyn FnMut(&str, &'a Node, &'a str)) {
        for (key, node) in &self.0 {
            let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            node.each_string(&full, visit);
        }
    }

    /// Calls `visit` with everything that is not a table.
    pub(super) fn each_leaf(&self, path: &str, visit: &mut dyn FnMut(&str, &Node)) {
        for (key, node) in &self.0 {
            let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match &node.value {
                Value::Table(table) => table.each_leaf(&full, visit),
                _ => visit(&full, node),
            }
        }
    }

    /// Removes the value at a path given as keys.
    pub(super) fn remove(&mut self, path: &[String]) {
        match path {
            [] => {}
            [last] => {
                self.0.remove(last);
            }
            [first, rest @ ..] => {
                if let Some(Node { value: Value::Table(table), .. }) = self.0.get_mut(first) {
                    table.remove(rest);
                }
            }
        }
    }
}
