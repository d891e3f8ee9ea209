//! Mistakes in files, shown where they are.

use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use haute_core::diagnostic::{Diagnostic, FileId, Label, Report, Severity, SourceFile};

use super::style::{Palette, clean, count};

/// How many are shown; the rest is counted.
const SHOWN: usize = 50;

/// Lines longer than this (a minified JSON file) are named by place, not shown.
const LONGEST_LINE: usize = 2_000;

/// Every diagnostic with its source, errors first, then the count: `3 errors, 1 warning`. `root` goes before the paths.
pub(crate) fn render(report: &Report, root: &Path, palette: Palette, errors_only: bool) -> String {
    let renderer = if palette.enabled() { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(110);
    let of = |severity| report.diagnostics.iter().filter(move |diagnostic| diagnostic.severity == severity);
    let wanted = of(Severity::Error).chain(of(Severity::Warning).filter(|_| !errors_only));
    let all: Vec<&Diagnostic> = wanted.collect();
    let mut text = String::new();
    for diagnostic in all.iter().take(SHOWN) {
        text.push_str(&one(diagnostic, report, root, &renderer));
        text.push_str("\n\n");
    }
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.extend(["… and ", &more.to_string(), " more; `--json` lists them all\n\n"]);
    }
    if !all.is_empty() {
        let (errors, warnings) = report.counts();
        text.push_str(&summary(errors, warnings, palette));
        if let Some(first) = all.first() {
            text.extend([" (`haute-cli explain ", first.code.as_str(), "` says more)"]);
        }
        text.push('\n');
    }
    text
}

/// A path as it can be opened from where the command was run.
fn shown_path(root: &Path, path: &str) -> String {
    let root = root.strip_prefix(".").unwrap_or(root);
    let whole = if root.as_os_str().is_empty() {
        path.to_owned()
    } else {
        root.join(path).to_string_lossy().into_owned()
    };
    clean(&whole).into_owned()
}

/// `3 errors, 1 warning`.
fn summary(errors: usize, warnings: usize, palette: Palette) -> String {
    let errors = (errors > 0).then(|| palette.bad(&count(errors, "error")));
    let warnings = (warnings > 0).then(|| palette.warn(&count(warnings, "warning")));
    errors.into_iter().chain(warnings).collect::<Vec<_>>().join(", ")
}

fn one(diagnostic: &Diagnostic, report: &Report, root: &Path, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = clean(&diagnostic.message).into_owned();
    let mut group = Group::with_title(level.primary_title(message).id(diagnostic.code.as_str()));
    for (file, labels) in by_file(diagnostic) {
        let Some(source) = report.sources.get(file) else { continue };
        let path = shown_path(root, source.path());
        match window(source, &labels) {
            Some((start, line, text)) => {
                let annotations = labels.iter().map(|label| {
                    let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                    let span = inside(&label.range, start, text);
                    let said = (!label.text.is_empty()).then(|| clean(&label.text).into_owned());
                    kind.span(span).label(said)
                });
                let snippet = Snippet::source(text).line_start(line).path(path);
                group = group.element(snippet.annotations(annotations));
            }
            None => {
                for label in &labels {
                    let place = source.position(label.range.start);
                    let origin = Origin::path(path.clone());
                    group = group.element(origin.line(place.line).char_column(place.column));
                }
            }
        }
    }
    let notes = diagnostic.notes.iter().map(|note| Level::NOTE.message(clean(note).into_owned()));
    let helps = diagnostic.helps.iter().map(|help| Level::HELP.message(clean(help).into_owned()));
    renderer.render(&[group.elements(notes).elements(helps)])
}

/// The labels by file: the primary one's file first, then the others as they come.
fn by_file(diagnostic: &Diagnostic) -> Vec<(FileId, Vec<&Label>)> {
    let mut files: Vec<(FileId, Vec<&Label>)> = Vec::new();
    for label in diagnostic.primary().into_iter().chain(&diagnostic.labels) {
        match files.iter_mut().find(|(file, _)| *file == label.file) {
            Some((_, labels)) if labels.iter().any(|known| std::ptr::eq(*known, label)) => {}
            Some((_, labels)) => labels.push(label),
            None => files.push((label.file, vec![label])),
        }
    }
    files
}

/// The lines from the first label to the last with one around: where they start, the first line's number, their text.
/// `None` when a line is too long to show, or there is nothing to show.
fn window<'a>(source: &'a SourceFile, labels: &[&Label]) -> Option<(usize, usize, &'a str)> {
    let text = source.text();
    let first = labels.iter().map(|label| label.range.start.min(text.len())).min()?;
    let last = labels.iter().map(|label| label.range.end.min(text.len())).max()?.max(first);
    let before = text.as_bytes().get(..first)?;
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let start = match line_start.checked_sub(1) {
        Some(end) => before.get(..end)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1),
        None => 0,
    };
    let mut end = last;
    for _ in 0..2 {
        let rest = text.as_bytes().get(end..)?;
        end = rest.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| end + at + 1);
    }
    let shown = text.get(start..end)?;
    if shown.is_empty() || shown.lines().any(|line| line.len() > LONGEST_LINE) {
        return None;
    }
    Some((start, source.position(start).line, shown))
}

/// A label's range inside the window, on character boundaries: the renderer trusts it.
fn inside(range: &Range<usize>, start: usize, text: &str) -> Range<usize> {
    let place = |offset: usize| {
        let mut at = offset.saturating_sub(start).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = place(range.start);
    from..place(range.end).max(from)
}

#[cfg(test)]
mod tests {
    use haute_core::diagnostic::Code;

    use super::*;

    const CODE: Code = Code::new("HT9999");

    fn plain(report: &Report) -> String {
        render(report, Path::new("."), Palette::new(false), false)
    }

    #[test]
    fn a_mistake_is_shown_in_every_file_it_touches() {
        let mut report = Report::default();
        let config = report.sources.add("haute.toml", "[deploy]\ntarget = \"locl\"\nmodel_name = \"ä\"\n");
        let code = report.sources.add("rating/main.py", "import polars\n\n\ndef price(df):\n    return df\n");
        report.push(Diagnostic::warning(CODE, "`ä` is not plain").at(config, 41..43, ""));
        report.push(
            Diagnostic::error(CODE, "there is no target `locl`")
                .at(config, 18..24, "not a target")
                .context(code, 20..25, "the pipeline it is for")
                .note("targets are cargo features")
                .help("did you mean `local`?"),
        );
        report.finish();
        let text = plain(&report);
        assert!(text.contains("haute.toml:2:10") && text.contains("rating/main.py:4"), "{text}");
        assert!(text.find("error[").unwrap() < text.find("warning[").unwrap(), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn no_place_in_a_file_can_break_the_renderer() {
        let mut report = Report::default();
        let files = ["", "\n", "no line end", "ä\u{1b}[31m\t€\r\nx\r\n", &"y".repeat(5_000)];
        for (index, text) in files.iter().enumerate() {
            let file = report.sources.add(format!("f{index}"), *text);
            let backwards = Range { start: 3, end: 1 };
            for range in [0..0, 0..text.len(), 1..2, text.len()..text.len(), backwards, 9_999..10_000] {
                report.push(Diagnostic::error(CODE, format!("{index} {range:?}")).at(file, range, "here"));
            }
        }
        report.push(Diagnostic::error(CODE, "nowhere"));
        let text = plain(&report);
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("\n31 errors ("), "{text}");
        assert!(text.contains("f4:1:"), "a line too long to show is named: {text}");
    }

    #[test]
    fn fifty_are_shown_and_the_rest_is_counted() {
        let mut report = Report::default();
        for number in 0..73 {
            report.push(Diagnostic::error(CODE, format!("mistake {number}")));
        }
        let text = plain(&report);
        assert_eq!(text.matches("error[HT9999]").count(), 50);
        assert!(text.contains("… and 23 more; `--json` lists them all\n\n73 errors ("), "{text}");
    }

    #[test]
    fn quiet_leaves_warnings_out_but_counts_them() {
        let mut report = Report::default();
        report.push(Diagnostic::warning(CODE, "look"));
        report.push(Diagnostic::error(CODE, "stop"));
        let text = render(&report, Path::new("sub"), Palette::new(false), true);
        assert!(!text.contains("look") && text.contains("\n1 error, 1 warning ("), "{text}");
    }
}
