//! Writes bits of Python.

use std::fmt::Write as _;
use std::ops::Range;

use crate::pipeline::{Function, Module, Value, ValueKind};

/// A string literal.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('"');
    for c in value.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                // Writing to a string cannot fail.
                let _infallible = write!(literal, "\\x{:02x}", c as u32);
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// A literal.
pub(super) fn literal(value: &Value) -> String {
    match &value.kind {
        ValueKind::Null => "None".to_owned(),
        ValueKind::Bool(true) => "True".to_owned(),
        ValueKind::Bool(false) => "False".to_owned(),
        ValueKind::Number(number) => number.clone(),
        ValueKind::Text(value) => text(value),
        ValueKind::List(elements) => {
            let elements: Vec<String> = elements.iter().map(literal).collect();
            format!("[{}]", elements.join(", "))
        }
        ValueKind::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|member| format!("{}: {}", text(&member.key), literal(&member.value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// The text of a module at `range`.
pub(super) fn slice(module: &Module, range: Range<usize>) -> &str {
    module.text.get(range).unwrap_or_default()
}

/// A function's body as lines of their own: its indentation, and its text from the first statement on.
pub(super) fn body<'m>(module: &'m Module, function: &Function) -> (String, &'m str) {
    let before = slice(module, 0..function.body_range.start);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let is_own_line = line.chars().all(|c| matches!(c, ' ' | '\t' | '\u{c}'));
    let indent = if is_own_line && !line.is_empty() { line.to_owned() } else { "    ".to_owned() };
    (indent, slice(module, function.body_range.clone()))
}

/// The function's header up to its colon, under another name and, when given, with other parameters.
pub(super) fn header(module: &Module, function: &Function, name: &str, parameters: Option<&str>) -> String {
    let mut header = String::from("def ");
    header.push_str(name);
    if let Some(parameters) = parameters {
        header.push('(');
        header.push_str(parameters);
        header.push_str("):");
    } else {
        let rest = slice(module, function.name_range.end..function.body_range.start);
        header.push_str(rest.trim_end());
    }
    header
}

/// The header of a function as written may end in a comment: everything from the last colon is ours again.
pub(super) fn function(
    module: &Module,
    function: &Function,
    name: &str,
    parameters: Option<&str>,
    first: &[String],
    returns: bool,
) -> String {
    let (indent, body) = body(module, function);
    let mut written = header(module, function, name, parameters);
    for line in first {
        written.push('\n');
        written.push_str(&indent);
        written.push_str(line);
    }
    written.push('\n');
    written.push_str(&indent);
    written.push_str(body);
    if returns {
        written.push('\n');
        written.push_str(&indent);
        written.push_str("return df");
    }
    written.push('\n');
    written
}
