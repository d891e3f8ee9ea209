//! Test quotes: the rows a release must price, with the prices it must give.
//!
//! A file is an array of rows or one row. A row with the key `input` is golden: `input`, `expected` and `tolerance_pct`,
//! the form of Haute 0.5 and later. Any other row is plain, the form of Haute 0.1 to 0.3 and of its documentation. One
//! file has rows of one form. Keys that start with `_` are notes, in a row and in its `input`.

mod codes;
mod compare;
mod folder;
mod json;
mod rows;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use codes::CODES;

use crate::diagnostic::{Diagnostic, Report};
use crate::project::Project;

/// One test quote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestQuote {
    /// File and index: `tests/quotes/young.json#0`.
    pub id: String,
    /// The row, without `_` keys. Numbers are exactly what the file says: whole numbers as 64-bit integers, others as the
    /// nearest 64-bit float.
    pub input: Map<String, Value>,
    /// What the answer must hold, by top-level column; `None` where nothing was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Map<String, Value>>,
    /// How far a number may be from the expected one, as a fraction of it, 0 to 1: 0.01 is one per cent.
    #[serde(default)]
    pub tolerance_pct: f64,
}

impl TestQuote {
    /// A quote without an expected price.
    pub fn new(id: impl Into<String>, input: Map<String, Value>) -> Self {
        Self { id: id.into(), input, expected: None, tolerance_pct: 0.0 }
    }

    /// Sets what the answer must hold, and how far its numbers may be off, as a fraction.
    #[must_use]
    pub fn with_expected(mut self, expected: Map<String, Value>, tolerance_pct: f64) -> Self {
        self.expected = Some(expected);
        self.tolerance_pct = tolerance_pct;
        self
    }
}

/// Reads every test quote of a project, in order of file name and row. Mistakes go to `report`, all of them; the files
/// that were read go to its sources.
///
/// The directory is `[test_quotes] dir`; where that is not set, `test_quotes` if it holds quotes (the default of Haute
/// 0.1), else there are none and a warning says so.
pub fn read(project: &Project, report: &mut Report) -> Vec<TestQuote> {
    let mut placed = Vec::new();
    for (path, text) in folder::files(project, report) {
        placed.extend(read_file(&path, &text, report));
    }
    compare::compare(&placed, &mut report.diagnostics);
    placed.into_iter().map(|row| row.quote).collect()
}

/// Reads the text of one file of test quotes, shown as `path`, with no file system: for editors, and for tests that try
/// many texts. The quotes are complete only when the report holds no error.
pub fn parse_text(path: &str, text: &str) -> (Vec<TestQuote>, Report) {
    let mut report = Report::default();
    let placed = read_file(path, text, &mut report);
    compare::compare(&placed, &mut report.diagnostics);
    report.finish();
    (placed.into_iter().map(|row| row.quote).collect(), report)
}

fn read_file(path: &str, text: &str, report: &mut Report) -> Vec<rows::Placed> {
    let file = report.sources.add(path, text);
    if text.starts_with('\u{feff}') {
        let message = format!("`{path}` starts with a byte order mark");
        let diagnostic =
            Diagnostic::error(codes::UNREADABLE, message).at(file, 0..3, "an invisible character");
        report.push(diagnostic.help("save the file as UTF-8 without a byte order mark: JSON has none"));
        return Vec::new();
    }
    rows::read(path, file, text, &mut report.diagnostics)
}
