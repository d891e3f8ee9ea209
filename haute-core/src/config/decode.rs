//! Decodes merged values into plain structs with serde, and finds every mistake, not the first one only.
//!
//! Serde stops at the first value that does not fit. So a value that does not fit is reported, taken out and the rest
//! decoded again, until what remains fits. The deserializer is our own because it must know two things no format crate
//! keeps: which of the layers a value came from, and that text from a variable or a flag is read as whatever the field
//! wants.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer as _,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::mismatch::DecodeError;
use super::tree::{Node, Table, Value};
use crate::diagnostic::Diagnostic;

/// What decoding came to.
#[derive(Debug)]
pub(super) struct Decoded<T> {
    /// The value, with defaults where something did not fit.
    pub(super) value: T,
    /// One diagnostic per value that did not fit.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The dotted paths of the values that did not fit.
    pub(super) failed: Vec<String>,
}

/// Decodes `node`, which stands at the dotted `path`.
pub(super) fn decode<T: DeserializeOwned + Default>(node: &Node, path: &str) -> Decoded<T> {
    let mut rest = node.clone();
    let mut diagnostics = Vec::new();
    let mut failed = Vec::new();
    loop {
        let error = match T::deserialize(NodeDeserializer { node: &rest }) {
            Ok(value) => return Decoded { value, diagnostics, failed },
            Err(error) => error,
        };
        let inside: Vec<String> = error.path.iter().rev().cloned().collect();
        let place = if inside.is_empty() { path.to_owned() } else { join(path, &inside.join(".")) };
        diagnostics.push(error.into_diagnostic(&place, &rest.origin));
        failed.push(place);
        let before = rest.clone();
        if let Value::Table(table) = &mut rest.value {
            table.remove(&inside);
        }
        if rest == before {
            return Decoded { value: T::default(), diagnostics, failed };
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'a> {
    node: &'a Node,
}

impl NodeDeserializer<'_> {
    /// Reads text of a variable or a flag as a value of another type; `None` when the node is no such text.
    fn text<T: std::str::FromStr>(self, expected: &str) -> Option<Result<T, DecodeError>> {
        let Value::Text(text) = &self.node.value else { return None };
        let parsed = text.trim().parse().map_err(|_| DecodeError::other_text(expected).at(self.node));
        Some(parsed)
    }
}

macro_rules! number {
    ($method:ident, $visit:ident, $type:ty, $words:literal) => {
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.text::<$type>($words) {
                Some(value) => visitor.$visit(value?).map_err(|error: DecodeError| error.at(self.node)),
                None => self.deserialize_any(visitor),
            }
        }
    };
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::String(text) | Value::Text(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(flag) => visitor.visit_bool(*flag),
            Value::Datetime => Err(DecodeError::invalid_type(Unexpected::Other("a date or time"), &visitor)),
            Value::TooLarge => Err(DecodeError::invalid_value(Unexpected::Signed(i64::MAX), &visitor)),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter() }),
            Value::Table(table) => visitor.visit_map(Entries::new(table)),
        };
        result.map_err(|error: DecodeError| error.at(self.node))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.text::<bool>("`true` or `false`") {
            Some(value) => visitor.visit_bool(value?),
            None => self.deserialize_any(visitor),
        }
    }

    number!(deserialize_i8, visit_i64, i64, "a whole number");
    number!(deserialize_i16, visit_i64, i64, "a whole number");
    number!(deserialize_i32, visit_i64, i64, "a whole number");
    number!(deserialize_i64, visit_i64, i64, "a whole number");
    number!(deserialize_u8, visit_i64, i64, "a whole number");
    number!(deserialize_u16, visit_i64, i64, "a whole number");
    number!(deserialize_u32, visit_i64, i64, "a whole number");
    number!(deserialize_u64, visit_i64, i64, "a whole number");
    number!(deserialize_f32, visit_f64, f64, "a number");
    number!(deserialize_f64, visit_f64, f64, "a number");

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Text(text) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                let items = serde::de::value::SeqDeserializer::new(words);
                visitor.visit_seq(items).map_err(|error: DecodeError| error.at(self.node))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        // Serde would take an array for a struct, field by field.
        match &self.node.value {
            Value::Array(_) => Err(DecodeError::invalid_type(Unexpected::Seq, &"a table").at(self.node)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self).map_err(|error| error.at(self.node))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;
    type Variant = UnitOnly;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, UnitOnly), DecodeError> {
        let (Value::String(text) | Value::Text(text)) = &self.node.value else {
            let expected = &"a string";
            return Err(match &self.node.value {
                Value::Integer(number) => DecodeError::invalid_type(Unexpected::Signed(*number), expected),
                Value::Float(number) => DecodeError::invalid_type(Unexpected::Float(*number), expected),
                Value::Boolean(flag) => DecodeError::invalid_type(Unexpected::Bool(*flag), expected),
                Value::Array(_) => DecodeError::invalid_type(Unexpected::Seq, expected),
                Value::Table(_) => DecodeError::invalid_type(Unexpected::Map, expected),
                _ => DecodeError::invalid_type(Unexpected::Other("something else"), expected),
            });
        };
        let name = seed.deserialize(text.as_str().into_deserializer())?;
        Ok((name, UnitOnly))
    }
}

/// The inside of an enum variant: a configuration has names only.
struct UnitOnly;

impl<'de> VariantAccess<'de> for UnitOnly {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _seed: S) -> Result<S::Value, DecodeError> {
        Err(DecodeError::custom("a value that carries data cannot be written here"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::custom("a value that carries data cannot be written here"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::custom("a value that carries data cannot be written here"))
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer { node }).map(Some).map_err(|mut error| {
            // An array is taken out as a whole: what is left of it would be another value.
            error.path.clear();
            error
        })
    }
}

struct Entries<'a> {
    entries: std::collections::btree_map::Iter<'a, String, Node>,
    next: Option<(&'a str, &'a Node)>,
}

impl<'a> Entries<'a> {
    fn new(table: &'a Table) -> Self {
        Self { entries: table.0.iter(), next: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        self.next = self.entries.next().map(|(key, node)| (key.as_str(), node));
        self.next.map(|(key, _)| seed.deserialize(key.into_deserializer())).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let Some((key, node)) = self.next.take() else {
            return Err(DecodeError::custom("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer { node }).map_err(|mut error| {
            error.path.push(key.to_owned());
            error
        })
    }
}
