//! One file's JSON → test quotes.

use serde_json::{Map, Value};

use super::TestQuote;
use super::codes;
use super::json::{self, Flaw, Json, Key, Kind};
use crate::diagnostic::{Diagnostic, FileId, closest};

/// The keys of a golden row.
const GOLDEN: [&str; 3] = ["input", "expected", "tolerance_pct"];

/// A test quote and where it stands.
pub(super) struct Placed {
    /// The quote.
    pub(super) quote: TestQuote,
    /// Its file.
    pub(super) file: FileId,
    /// Its input's first byte up to the last.
    pub(super) range: std::ops::Range<usize>,
}

/// Reads the quotes of the file shown as `path`.
pub(super) fn read(path: &str, file: FileId, text: &str, out: &mut Vec<Diagnostic>) -> Vec<Placed> {
    let mut flaws = Vec::new();
    let parsed = json::parse(text, &mut flaws);
    out.extend(flaws.into_iter().map(|flaw| flaw_diagnostic(flaw, file)));
    let document = match parsed {
        Ok(document) => document,
        Err(broken) => {
            let diagnostic =
                Diagnostic::error(codes::NOT_JSON, broken.message).at(file, broken.range, "here");
            out.push(match broken.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            return Vec::new();
        }
    };
    let rows = match &document.kind {
        Kind::Array(rows) => rows.as_slice(),
        Kind::Object(_) => std::slice::from_ref(&document),
        _ => {
            let message = format!("expected an array of quotes, found {}", document.words());
            let diagnostic =
                Diagnostic::error(codes::SHAPE, message).at(file, document.range.clone(), "here");
            out.push(diagnostic.help("a file holds `[{…}, {…}]`, one object per quote"));
            return Vec::new();
        }
    };
    if rows.is_empty() {
        let diagnostic = Diagnostic::error(codes::NO_ROWS, format!("`{path}` holds no quote"));
        out.push(
            diagnostic
                .at(file, document.range.clone(), "an empty list")
                .help("add a row, or remove the file"),
        );
        return Vec::new();
    }
    forms(rows, file, out);
    let mut reader = Reader { path, file, out };
    rows.iter().enumerate().filter_map(|(index, row)| reader.row(index, row)).collect()
}

fn flaw_diagnostic(flaw: Flaw, file: FileId) -> Diagnostic {
    match flaw {
        Flaw::Duplicate { key, first, second } => Diagnostic::error(
            codes::DUPLICATE_KEY,
            format!("the key `{}` is given twice", key.escape_debug()),
        )
        .at(file, second, "the second time")
        .context(file, first, "the first time")
        .help("keep one of the two"),
        Flaw::Number { range, message } => Diagnostic::error(codes::NUMBER, message)
            .at(file, range, "here")
            .help("write `null` for a value that is not known"),
        Flaw::Large { range } => {
            Diagnostic::warning(codes::LARGE_NUMBER, "callers that read numbers as floats change this one")
                .at(file, range, "beyond 2^53")
                .help("write an identifier as a string")
        }
    }
}

/// Whether a row is golden: it has the key `input`. `None` for what is no row.
fn is_golden(row: &Json) -> Option<bool> {
    match &row.kind {
        Kind::Object(entries) => Some(entries.iter().any(|(key, _)| key.text == "input")),
        _ => None,
    }
}

/// Refuses a file with rows of both forms, at the first row whose form is not that of the first.
fn forms(rows: &[Json], file: FileId, out: &mut Vec<Diagnostic>) {
    let mut known = rows.iter().filter_map(|row| Some((row, is_golden(row)?)));
    let Some((first, golden)) = known.next() else { return };
    if let Some((other, _)) = known.find(|(_, other)| *other != golden) {
        let words = |golden| if golden { "with `input`" } else { "without `input`" };
        let message = "rows with `input` and rows without it do not go into one file";
        out.push(
            Diagnostic::error(codes::MIXED, message)
                .at(file, start_of(other), words(!golden))
                .context(file, start_of(first), words(golden))
                .help("wrap the plain rows as `{\"input\": {…}}`, or move them to a file of their own"),
        );
    }
}

/// The opening bracket of a value: enough to show which one is meant.
fn start_of(value: &Json) -> std::ops::Range<usize> {
    value.range.start..(value.range.start + 1).min(value.range.end)
}

struct Reader<'a> {
    path: &'a str,
    file: FileId,
    out: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn shape(&mut self, range: std::ops::Range<usize>, message: String, help: &str) {
        let diagnostic = Diagnostic::error(codes::SHAPE, message).at(self.file, range, "here");
        self.out.push(diagnostic.help(help));
    }

    fn row(&mut self, index: usize, row: &Json) -> Option<Placed> {
        let Kind::Object(entries) = &row.kind else {
            let message = format!("quote {index} is {}, not an object", row.words());
            self.shape(row.range.clone(), message, "a quote is `{\"column\": value, …}`");
            return None;
        };
        let (input, range, expected, tolerance) = if is_golden(row) == Some(true) {
            self.golden(index, entries)?
        } else {
            (self.plain(index, row, entries)?, row.range.clone(), None, 0.0)
        };
        if input.is_empty() {
            self.shape(range, format!("quote {index} has no values"), "write at least one column");
            return None;
        }
        let id = format!("{}#{index}", self.path);
        let quote = TestQuote { id, input, expected, tolerance_pct: tolerance };
        Some(Placed { quote, file: self.file, range })
    }

    fn plain(&mut self, index: usize, row: &Json, entries: &[(Key, Json)]) -> Option<Map<String, Value>> {
        let mut kept = entries.iter().filter(|(key, _)| !key.text.starts_with('_'));
        let stray = kept.clone().find(|(key, _)| key.text == "expected" || key.text == "tolerance_pct");
        let meant = kept.clone().find(|(key, value)| {
            matches!(value.kind, Kind::Object(_)) && closest(&key.text, ["input"]).is_some()
        });
        let alone = kept.clone().count() == 1;
        if let (Some((key, _)), true) = (meant, stray.is_some() || alone) {
            let message = format!("unknown key `{}` in quote {index}", key.text.escape_debug());
            let diagnostic = Diagnostic::error(codes::UNKNOWN_KEY, message);
            let diagnostic = diagnostic.at(self.file, key.range.clone(), "not a column, by its look");
            self.out.push(diagnostic.help("did you mean `input`?"));
            return None;
        }
        if let Some((key, _)) = stray {
            let message = format!("quote {index} has `{}` but no `input`", key.text);
            self.shape(key.range.clone(), message, "write the columns as `\"input\": {…}` beside it");
            return None;
        }
        if kept.next().is_none() {
            let message = format!("quote {index} has no values");
            self.shape(row.range.clone(), message, "write at least one column");
            return None;
        }
        Some(without_notes(entries))
    }

    fn golden(&mut self, index: usize, entries: &[(Key, Json)]) -> Option<Golden> {
        for (key, _) in entries.iter().filter(|(key, _)| !key.text.starts_with('_')) {
            if !GOLDEN.contains(&key.text.as_str()) {
                let message =
                    format!("unknown key `{}` beside `input` in quote {index}", key.text.escape_debug());
                let diagnostic = Diagnostic::error(codes::UNKNOWN_KEY, message);
                let diagnostic = diagnostic.at(self.file, key.range.clone(), "nothing reads it");
                self.out.push(match closest(&key.text, GOLDEN) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help(format!(
                        "a column goes into `input`, a note is called `_{}`",
                        key.text.escape_debug()
                    )),
                });
            }
        }
        let find = |name: &str| entries.iter().rfind(|(key, _)| key.text == name).map(|(_, value)| value);
        let expected = find("expected").and_then(|value| {
            if let Kind::Object(columns) = &value.kind {
                return Some((value, columns));
            }
            let message = format!("`expected` of quote {index} is {}, not an object", value.words());
            self.shape(value.range.clone(), message, "write `\"expected\": {\"premium\": 100.0}`");
            None
        });
        let tolerance = find("tolerance_pct")
            .map(|value| (value, self.tolerance(index, value, find("expected").is_some())));
        if let Some((value, columns)) = expected {
            let numbers = columns.iter().any(|(_, value)| matches!(value.kind, Kind::Number(_)));
            let message = match (columns.is_empty(), tolerance.is_some() && !numbers) {
                (true, _) => Some("`expected` is empty: nothing is compared"),
                (false, true) => Some("`tolerance_pct` counts for numbers, and `expected` has none"),
                (false, false) => None,
            };
            if let Some(message) = message {
                let diagnostic =
                    Diagnostic::warning(codes::NOTHING_CHECKED, format!("quote {index}: {message}"));
                let diagnostic = diagnostic.at(self.file, value.range.clone(), "here");
                self.out.push(diagnostic.help("write the price that must come out"));
            }
        }
        let input = find("input")?;
        let Kind::Object(columns) = &input.kind else {
            let message = format!("`input` of quote {index} is {}, not an object", input.words());
            self.shape(input.range.clone(), message, "write the columns as `\"input\": {\"column\": value}`");
            return None;
        };
        let tolerance = tolerance.and_then(|(_, fraction)| fraction).unwrap_or(0.0);
        let expected = expected.map(|(_, columns)| json::object(columns));
        Some((without_notes(columns), input.range.clone(), expected, tolerance))
    }

    fn tolerance(&mut self, index: usize, value: &Json, expected: bool) -> Option<f64> {
        let fraction = match &value.kind {
            Kind::Number(number) => number.as_f64(),
            _ => None,
        };
        let (message, help) = match fraction {
            None => (
                format!("is {}, not a number", value.words()),
                "write a fraction from 0 to 1: 0.01 is one per cent".to_owned(),
            ),
            Some(fraction) if fraction < 0.0 => {
                ("is negative".to_owned(), "write a fraction from 0 to 1".to_owned())
            }
            Some(fraction) if fraction > 1.0 => (
                format!("is {fraction}: more than the whole price"),
                format!("it is a fraction, 0.01 is one per cent: did you mean `{}`?", fraction / 100.0),
            ),
            Some(_) if !expected => (
                "has nothing to count for: there is no `expected`".to_owned(),
                "add `expected`, or remove it".to_owned(),
            ),
            Some(fraction) => return Some(fraction),
        };
        let diagnostic =
            Diagnostic::error(codes::TOLERANCE, format!("`tolerance_pct` of quote {index} {message}"));
        self.out.push(diagnostic.at(self.file, value.range.clone(), "here").help(help));
        None
    }
}

type Golden = (Map<String, Value>, std::ops::Range<usize>, Option<Map<String, Value>>, f64);

fn without_notes(entries: &[(Key, Json)]) -> Map<String, Value> {
    let mut columns = json::object(entries);
    columns.retain(|key, _| !key.starts_with('_'));
    columns
}
