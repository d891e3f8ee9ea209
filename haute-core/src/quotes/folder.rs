//! Finds the files of test quotes: inside the project, links followed.

use std::path::{Path, PathBuf};

use super::codes;
use crate::diagnostic::{Diagnostic, Report};
use crate::project::Project;

/// Where the directory is set.
const KEY: &str = "test_quotes.dir";

/// The directory Haute 0.1 looked into where none was set.
const OLD_DEFAULT: &str = "test_quotes";

/// The directory Haute creates for a new project.
const USUAL: &str = "tests/quotes";

/// A larger file is a data set, not a list of test quotes, in bytes.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;

/// Every file of test quotes in order of name: how it is shown, and its text.
pub(super) fn files(project: &Project, report: &mut Report) -> Vec<(String, String)> {
    let set = project.config().test_quotes.dir.as_deref().filter(|dir| !dir.is_empty());
    let Some(written) = set.or_else(|| has_quotes(&project.root().join(OLD_DEFAULT)).then_some(OLD_DEFAULT))
    else {
        let diagnostic =
            Diagnostic::warning(codes::NO_QUOTES, "the project has no test quotes: no price is compared");
        report.push(if has_quotes(&project.root().join(USUAL)) {
            diagnostic
                .help(format!("there are quotes in `{USUAL}`: set `dir = \"{USUAL}\"` in `[test_quotes]`"))
        } else {
            diagnostic
                .help(format!("write some rows to `{USUAL}/` and set `dir = \"{USUAL}\"` in `[test_quotes]`"))
        });
        return Vec::new();
    };
    let Some(directory) = directory(project, written, report) else { return Vec::new() };
    let shown = shown(project.root(), &directory);
    let names = match names(&directory) {
        Ok(names) => names,
        Err(error) => {
            let message = format!("`{KEY}`: `{shown}` cannot be read: {error}");
            let diagnostic =
                point(project, report, Diagnostic::error(codes::UNREADABLE, message), "not readable");
            report.push(diagnostic);
            return Vec::new();
        }
    };
    if names.is_empty() {
        let message = format!("`{KEY}`: there is no `*.json` file in `{shown}`");
        let diagnostic =
            point(project, report, Diagnostic::error(codes::NO_FILES, message), "no quotes in it");
        report.push(diagnostic.help("add a file of quotes; directories below it are not looked into"));
    }
    names
        .into_iter()
        .filter_map(|name| {
            let shown = format!("{shown}/{name}");
            Some((shown.clone(), text(project.root(), &directory.join(name), &shown, report)?))
        })
        .collect()
}

fn directory(project: &Project, written: &str, report: &mut Report) -> Option<PathBuf> {
    let root = project.root();
    let found = shown_text(written);
    let (code, message, label, help) = match root.join(written).canonicalize() {
        Ok(real) if !real.starts_with(root) => (
            codes::OUTSIDE,
            format!("`{KEY}`: `{found}` is outside of the project"),
            "outside of the project",
            "move the quotes into the project",
        ),
        Ok(real) if !real.is_dir() => (
            codes::FOLDER_MISSING,
            format!("`{KEY}`: `{found}` is not a directory"),
            "not a directory",
            "name the directory the files are in",
        ),
        Ok(real) => return Some(real),
        Err(_) if Path::new(written).is_absolute() || written.split(['/', '\\']).any(|part| part == "..") => {
            (
                codes::OUTSIDE,
                format!("`{KEY}`: `{found}` is outside of the project"),
                "outside of the project",
                "write the path from the directory of `haute.toml`",
            )
        }
        Err(_) => (
            codes::FOLDER_MISSING,
            format!("`{KEY}`: there is no directory `{found}`"),
            "not found",
            "create it, or name the directory the quotes are in",
        ),
    };
    let diagnostic = point(project, report, Diagnostic::error(code, message), label);
    report.push(match (code == codes::FOLDER_MISSING, nearest(root, written)) {
        (true, Some(near)) => diagnostic.help(format!("did you mean `{near}`?")),
        _ => diagnostic.help(help),
    });
    None
}

/// Points at `test_quotes.dir` in a report that may number its files otherwise than the project's own.
fn point(project: &Project, report: &mut Report, diagnostic: Diagnostic, label: &str) -> Diagnostic {
    let mut diagnostic = project.config().point(diagnostic, KEY, label);
    let own = &project.report().sources;
    diagnostic.labels.retain_mut(|label| {
        own.get(label.file)
            .map(|source| label.file = report.sources.add(source.path(), source.shared_text()))
            .is_some()
    });
    diagnostic
}

/// A directory with a name near to the last part of the path.
fn nearest(root: &Path, written: &str) -> Option<String> {
    let path = Path::new(written);
    let parent = path.parent().unwrap_or(Path::new(""));
    let directories: Vec<String> = std::fs::read_dir(root.join(parent))
        .ok()?
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let near =
        crate::diagnostic::closest(path.file_name()?.to_str()?, directories.iter().map(String::as_str))?;
    Some(parent.join(near).to_string_lossy().into_owned())
}

fn has_quotes(directory: &Path) -> bool {
    directory.is_dir() && names(directory).is_ok_and(|names| !names.is_empty())
}

/// The `*.json` files right in `directory`, in order of name.
fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "json") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn text(root: &Path, path: &Path, shown: &str, report: &mut Report) -> Option<String> {
    let refuse = |code, message: String, help: &str| Diagnostic::error(code, message).help(help);
    let shown_name = shown_text(shown);
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(error) => {
            let message = format!("`{shown_name}` cannot be read: {error}");
            report.push(refuse(codes::UNREADABLE, message, "remove it, or put the file there"));
            return None;
        }
    };
    if !real.starts_with(root) {
        let message = format!("`{shown_name}` is a link out of the project");
        report.push(refuse(codes::OUTSIDE, message, "put the file itself into the project"));
        return None;
    }
    // A pipe or a device would wait for ever.
    if !real.is_file() {
        let message = format!("`{shown_name}` is not a regular file");
        report.push(refuse(codes::UNREADABLE, message, "remove it, or put a file of quotes there"));
        return None;
    }
    if real.metadata().is_ok_and(|metadata| metadata.len() > SIZE_LIMIT) {
        let message = format!("`{shown_name}` is larger than {} MiB", SIZE_LIMIT / (1024 * 1024));
        report.push(refuse(
            codes::UNREADABLE,
            message,
            "test quotes are some rows; a data set goes elsewhere",
        ));
        return None;
    }
    let bytes = match std::fs::read(&real) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("`{shown_name}` cannot be read: {error}");
            report.push(refuse(codes::UNREADABLE, message, "let this user read it"));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let file = report.sources.add(shown, String::from_utf8_lossy(error.as_bytes()).into_owned());
            let diagnostic = Diagnostic::error(codes::UNREADABLE, format!("`{shown_name}` is not UTF-8"));
            let range = valid..valid + '\u{fffd}'.len_utf8();
            report.push(
                diagnostic.at(file, range, "the first byte that is not").help("save the file as UTF-8"),
            );
            None
        }
    }
}

fn shown(root: &Path, directory: &Path) -> String {
    let relative = directory.strip_prefix(root).unwrap_or(directory);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn shown_text(text: &str) -> String {
    text.escape_debug().to_string()
}
