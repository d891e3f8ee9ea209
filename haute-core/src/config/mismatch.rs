//! Why a value does not fit the struct it is decoded into, in words for people who do not write Rust.

use std::fmt;

use serde::de::{Expected, Unexpected};

use super::codes;
use super::origin::Origin;
use super::tree::Node;
use crate::diagnostic::{Diagnostic, closest};

/// Why a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Type,
    Value,
    Missing,
}

/// An error of decoding. Never holds the value itself: it may be a secret.
#[derive(Debug)]
pub(super) struct DecodeError {
    reason: Reason,
    message: String,
    help: Option<String>,
    origin: Option<Box<Origin>>,
    /// The keys that lead to the value, innermost first.
    pub(super) path: Vec<String>,
}

impl DecodeError {
    fn new(reason: Reason, message: String) -> Self {
        Self { reason, message, help: None, origin: None, path: Vec::new() }
    }

    /// Text of a variable or a flag that cannot be read as what the key wants.
    pub(super) fn other_text(expected: &str) -> Self {
        Self::new(Reason::Type, format!("expected {expected}, found other text"))
    }

    /// Says where, unless something deeper has said so already.
    pub(super) fn at(mut self, node: &Node) -> Self {
        self.origin.get_or_insert_with(|| Box::new(node.origin.clone()));
        self
    }

    /// The diagnostic for the value at the dotted `path`; `fallback` is where the whole came from.
    pub(super) fn into_diagnostic(self, path: &str, fallback: &Origin) -> Diagnostic {
        let code = match self.reason {
            Reason::Type => codes::WRONG_TYPE,
            Reason::Value => codes::OUT_OF_RANGE,
            Reason::Missing => codes::MISSING_KEY,
        };
        let origin = self.origin.map_or_else(|| fallback.clone(), |origin| *origin);
        let diagnostic = Diagnostic::error(code, format!("{}: {}", origin.subject(path), self.message));
        let diagnostic = origin.point(diagnostic, "here");
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Value, message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let message = format!("expected {}, found {}", wanted(expected), found(unexpected));
        Self::new(Reason::Type, message)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let message = match unexpected {
            Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_) => {
                format!("out of range: expected {}", wanted(expected))
            }
            _ => format!("expected {}, found {}", wanted(expected), found(unexpected)),
        };
        Self::new(Reason::Value, message)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let list = expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut error = Self::new(Reason::Value, format!("expected one of {list}"));
        error.help = closest(variant, expected.iter().copied()).map(|name| format!("did you mean `{name}`?"));
        error
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Reason::Missing, format!("the key `{field}` is missing"))
    }
}

/// What a visitor expects, in words for people who do not write Rust.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let words = match text.as_str() {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "an array",
        "a map" => "a table",
        _ if text.starts_with("struct ") => "a table",
        _ => text.as_str(),
    };
    words.to_owned()
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(_) => "a boolean".to_owned(),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number".to_owned(),
        Unexpected::Float(_) => "a number with a decimal point".to_owned(),
        Unexpected::Str(_) | Unexpected::Char(_) => "a string".to_owned(),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "a table".to_owned(),
        Unexpected::Other(what) => what.to_owned(),
        _ => "something else".to_owned(),
    }
}
