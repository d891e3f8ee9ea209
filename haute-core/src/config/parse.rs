//! Text of a TOML file → a table whose values know their places, and every syntax error the parser recovers from.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::codes;
use super::origin::Origin;
use super::secrets;
use super::tree::{Node, Table, Value};
use crate::diagnostic::{Diagnostic, FileId, SourceMap};

/// Deeper tables than any configuration has. What is below is left out, with a diagnostic.
const DEPTH_LIMIT: usize = 16;

/// More parts than any dotted key has: the parser makes a table of each, one inside the other.
const DOTS_LIMIT: usize = 64;

/// A larger file is no configuration, in bytes.
pub(super) const SIZE_LIMIT: usize = 1024 * 1024;

/// A file that was parsed.
pub(super) struct Parsed {
    /// Its values.
    pub(super) table: Table,
    /// The places of its syntax errors: what else is found on those lines follows from them.
    pub(super) broken: Vec<(FileId, Range<usize>)>,
}

/// Parses `text`, which people know as `path`.
pub(super) fn parse(path: &str, text: &str, sources: &mut SourceMap, out: &mut Vec<Diagnostic>) -> Parsed {
    let secrets: Vec<_> = secrets::find(text).into_iter().map(|(range, _)| range).collect();
    let file =
        sources.add(path, if secrets.is_empty() { text.to_owned() } else { secrets::mask(text, &secrets) });
    if let Some(refused) = refused(text, file) {
        out.push(refused);
        return Parsed { table: Table::default(), broken: vec![(file, 0..text.len())] };
    }
    let mut body = text;
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        let message = format!("`{path}` starts with a byte order mark");
        out.push(
            Diagnostic::error(codes::NOT_TEXT, message)
                .at(file, 0..text.len() - rest.len(), "an invisible character")
                .help("save the file as UTF-8 without a byte order mark: Haute refuses it"),
        );
        body = rest;
    }
    let shift = text.len() - body.len();
    let (table, errors) = DeTable::parse_recoverable(body);
    let mut reader = Reader { file, shift, out, broken: Vec::new() };
    for error in errors {
        reader.syntax(error.message(), error.span(), text);
    }
    let table = reader.table(table.into_inner(), 0);
    Parsed { table, broken: reader.broken }
}

/// Refuses what could make the parser, or whoever walks its result, use up the stack or the memory.
fn refused(text: &str, file: FileId) -> Option<Diagnostic> {
    if text.len() > SIZE_LIMIT {
        let message = format!("the file is larger than {} KiB", SIZE_LIMIT / 1024);
        return Some(Diagnostic::error(codes::SYNTAX, message).at(
            file,
            0..0,
            "a configuration is a few lines",
        ));
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if dots(line) > DOTS_LIMIT {
            let message = format!("a line joins more than {DOTS_LIMIT} words with dots");
            let end = start + line.trim_end().len();
            return Some(Diagnostic::error(codes::SYNTAX, message).at(file, start..end, "no key is as deep"));
        }
        start += line.len();
    }
    None
}

/// How many dots of a line stand between words.
fn dots(line: &str) -> usize {
    let mut count = 0;
    let (mut before, mut pending) = (None, false);
    for character in line.chars().filter(|c| !c.is_whitespace()) {
        if pending && character != '.' {
            count += 1;
        }
        pending = character == '.' && before.is_some_and(|last| last != '.');
        before = Some(character);
    }
    count
}

struct Reader<'a> {
    file: FileId,
    shift: usize,
    out: &'a mut Vec<Diagnostic>,
    broken: Vec<(FileId, Range<usize>)>,
}

impl Reader<'_> {
    fn range(&self, range: Range<usize>) -> Range<usize> {
        range.start + self.shift..range.end + self.shift
    }

    fn syntax(&mut self, message: &str, span: Option<Range<usize>>, text: &str) {
        let range = self.range(span.unwrap_or(0..0));
        let here = text.get(range.clone()).unwrap_or_default();
        let diagnostic = if message.starts_with("duplicate key") {
            let words = here.trim().trim_matches(['"', '\'']);
            Diagnostic::error(codes::DUPLICATE_KEY, format!("`{words}` is set twice"))
                .at(self.file, range.clone(), "the second time")
                .help("keep one of the two")
        } else {
            Diagnostic::error(codes::SYNTAX, message.to_owned()).at(self.file, range.clone(), "here")
        };
        self.broken.push((self.file, range));
        self.out.push(diagnostic);
    }

    fn table(&mut self, table: DeTable<'_>, depth: usize) -> Table {
        let mut result = Table::default();
        for (key, value) in table {
            let key_range = self.range(key.span());
            let node = Node { key: Some((self.file, key_range)), ..self.node(value, depth) };
            result.0.insert(key.into_inner().into_owned(), node);
        }
        result
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>, depth: usize) -> Node {
        let range = self.range(value.span());
        let nested = matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_));
        let value = if nested && depth >= DEPTH_LIMIT {
            self.out.push(
                Diagnostic::error(codes::SYNTAX, format!("nested more than {DEPTH_LIMIT} deep")).at(
                    self.file,
                    range.clone(),
                    "too deep",
                ),
            );
            Value::Table(Table::default())
        } else {
            match value.into_inner() {
                DeValue::String(text) => Value::String(text.into_owned()),
                DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                    .map_or(Value::TooLarge, Value::Integer),
                DeValue::Float(number) => number.as_str().parse().map_or(Value::TooLarge, Value::Float),
                DeValue::Boolean(flag) => Value::Boolean(flag),
                DeValue::Datetime(_) => Value::Datetime,
                DeValue::Array(items) => {
                    Value::Array(items.into_iter().map(|item| self.node(item, depth + 1)).collect())
                }
                DeValue::Table(table) => Value::Table(self.table(table, depth + 1)),
            }
        };
        Node { key: None, origin: Origin::File { file: self.file, range }, value }
    }
}
