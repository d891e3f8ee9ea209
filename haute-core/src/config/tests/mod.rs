//! Tests of configuration.

mod bad;
mod layers;
mod places;
mod random;
mod whole;

use std::path::Path;

use crate::diagnostic::{Report, Severity};
use crate::project::{LoadOptions, Project};
use crate::target::Registry;

/// One line per diagnostic: code, severity, place, message; then notes and helps.
pub(crate) fn dump(report: &Report) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for diagnostic in report.resolved() {
        let place = diagnostic.labels.first().map_or_else(
            || "-".to_owned(),
            |label| format!("{}:{}:{}", label.file, label.line, label.column),
        );
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(text, "{} {severity} {place} {}", diagnostic.code, diagnostic.message).unwrap();
        for note in &diagnostic.notes {
            writeln!(text, "  note: {note}").unwrap();
        }
        for help in &diagnostic.helps {
            writeln!(text, "  help: {help}").unwrap();
        }
    }
    text
}

/// The codes of a report, in order.
pub(crate) fn codes(report: &Report) -> Vec<&'static str> {
    report.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// A directory with a pipeline at `rating/main.py` and the given files.
pub(crate) fn project(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "rating/main.py", b"import haute\npipeline = haute.Pipeline(\"motor\")\n");
    for (name, content) in files {
        write(directory.path(), name, content);
    }
    directory
}

pub(crate) fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub(crate) fn options(directory: &tempfile::TempDir) -> LoadOptions {
    LoadOptions::new(directory.path())
}

pub(crate) fn load(options: &LoadOptions) -> Result<Project, Report> {
    crate::project::load(options, &Registry::new())
}

/// Loads, and gives the report whatever came of it.
pub(crate) fn report(options: &LoadOptions) -> Report {
    match load(options) {
        Ok(project) => project.report().clone(),
        Err(report) => report,
    }
}

/// Whether every label lies on whole characters of its file: a renderer cuts the text there.
pub(crate) fn labels_fit(report: &Report) -> bool {
    report.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels).all(|label| {
        report.sources.get(label.file).is_some_and(|file| file.text().get(label.range.clone()).is_some())
    })
}
