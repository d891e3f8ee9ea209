//! Diagnostics: mistakes in files the user wrote, as data. Only the CLI renders them.

mod code;
mod source_map;
mod suggest;

use std::ops::Range;

use serde::{Serialize, Serializer};

pub use code::{Code, CodeInfo, all_codes, find_code};
pub use source_map::{FileId, Position, SourceFile, SourceMap};
pub use suggest::closest;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The project cannot be released like this.
    Error,
    /// It can, but somebody should look.
    Warning,
}

/// A place in one file, with what to say there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which file of the report's [`SourceMap`].
    pub file: FileId,
    /// Byte range in that file.
    pub range: Range<usize>,
    /// What to say at the place; may be empty.
    pub text: String,
    /// Whether this is the place the diagnostic is about (one per diagnostic), or context for it.
    pub primary: bool,
}

/// One mistake: stable code, severity, message, places, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code; `haute-cli explain CODE` prints its long text.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One line, lower case, no full stop, literals in backticks.
    pub message: String,
    /// The places it is about; the first primary one is where a reader is sent.
    pub labels: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What to do.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// An error with `code`.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning with `code`.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// Adds the place it is about.
    #[must_use]
    pub fn at(mut self, file: FileId, range: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { file, range, text: text.into(), primary: true });
        self
    }

    /// Adds a place that helps to understand it.
    #[must_use]
    pub fn context(mut self, file: FileId, range: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { file, range, text: text.into(), primary: false });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.helps.push(help.into());
        self
    }

    /// The place a reader is sent to: the first primary label, else the first.
    pub fn primary(&self) -> Option<&Label> {
        self.labels.iter().find(|label| label.primary).or_else(|| self.labels.first())
    }
}

/// The files that were read and what was found in them.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every file a label may point into.
    pub sources: SourceMap,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether any diagnostic is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// How many errors and how many warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        (errors, self.diagnostics.len() - errors)
    }

    /// Orders by file, place and code, and drops exact repeats, so that a report reads top to bottom and twice the same.
    pub fn finish(&mut self) {
        let key = |d: &Diagnostic| {
            let place = d.primary().map_or((FileId::NONE, 0), |l| (l.file, l.range.start));
            (place, d.code, d.message.clone())
        };
        self.diagnostics.sort_by_key(key);
        self.diagnostics.dedup();
    }

    /// The diagnostics with resolved paths, lines and columns: what `--json` prints.
    pub fn resolved(&self) -> Vec<ResolvedDiagnostic> {
        self.diagnostics.iter().map(|d| ResolvedDiagnostic::new(d, &self.sources)).collect()
    }
}

/// A diagnostic with its places as file, line and column, for JSON and for records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResolvedDiagnostic {
    /// The stable code.
    #[serde(serialize_with = "code_text")]
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub message: String,
    /// The places, the primary one first.
    pub labels: Vec<ResolvedLabel>,
    /// Facts that explain it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub helps: Vec<String>,
}

/// A label as file, line and column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResolvedLabel {
    /// Path relative to the project, with `/`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is said there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether the diagnostic is about this place.
    pub primary: bool,
}

impl ResolvedDiagnostic {
    fn new(diagnostic: &Diagnostic, sources: &SourceMap) -> Self {
        let mut labels: Vec<_> = diagnostic
            .labels
            .iter()
            .filter_map(|label| {
                let file = sources.get(label.file)?;
                let Position { line, column } = file.position(label.range.start);
                let text = label.text.clone();
                Some(ResolvedLabel {
                    file: file.path().to_owned(),
                    line,
                    column,
                    text,
                    primary: label.primary,
                })
            })
            .collect();
        labels.sort_by_key(|label| !label.primary);
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            labels,
            notes: diagnostic.notes.clone(),
            helps: diagnostic.helps.clone(),
        }
    }
}

fn code_text<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}
