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
