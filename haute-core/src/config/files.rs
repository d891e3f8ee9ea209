//! Reads the files of the layers as text: `haute.toml`, the overlay, `.env`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::load::{FILE, VARIABLES};
use super::{codes, dotenv, overlay, parse, secrets};
use crate::diagnostic::{Diagnostic, FileId, Report, closest};
use crate::variables::Variables;

/// The directory of the project, absolute and link-free, if there is a `haute.toml` in it.
pub(super) fn find_root(given: &Path) -> Result<PathBuf, Diagnostic> {
    let shown = given.display();
    let root = given.canonicalize().map_err(|error| {
        Diagnostic::error(codes::FILE_MISSING, format!("there is no project at `{shown}`: {error}"))
            .help("name the directory that holds `haute.toml`")
    })?;
    if !root.is_dir() {
        return Err(Diagnostic::error(codes::FILE_MISSING, format!("`{shown}` is not a directory"))
            .help("name the directory that holds `haute.toml`, not the file"));
    }
    if root.join(FILE).exists() {
        return Ok(root);
    }
    let mut diagnostic =
        Diagnostic::error(codes::FILE_MISSING, format!("there is no `haute.toml` in `{shown}`"));
    let names = overlay::names(&root);
    if let Some(near) = closest(FILE, names.iter().map(String::as_str)) {
        diagnostic = diagnostic.help(format!("there is a `{near}`: rename it to `haute.toml`"));
    }
    diagnostic = match root.ancestors().skip(1).find(|above| above.join(FILE).is_file()) {
        Some(_) => diagnostic.help("a directory above holds one: name that directory"),
        None => diagnostic.help("run `haute init` there, or name the directory of a Haute project"),
    };
    Err(diagnostic)
}

/// The text of a file of the project. What is not UTF-8 is reported and replaced, so that the rest is looked at still.
pub(super) fn read_text(root: &Path, name: &str, report: &mut Report) -> Option<String> {
    let metadata = std::fs::metadata(root.join(name));
    // A pipe would wait for ever, a device never end.
    if metadata.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
        let message = format!("`{name}` is not a regular file");
        report.push(Diagnostic::error(codes::NOT_TEXT, message).help("put the file itself there"));
        return None;
    }
    let size = metadata.map_or(0, |metadata| metadata.len());
    let bytes = match std::fs::read(root.join(name)) {
        Ok(bytes) if size <= parse::SIZE_LIMIT as u64 => bytes,
        Ok(_) => {
            let message = format!("`{name}` is larger than {} KiB", parse::SIZE_LIMIT / 1024);
            report.push(Diagnostic::error(codes::SYNTAX, message).help("a configuration is a few lines"));
            return None;
        }
        Err(error) => {
            report.push(Diagnostic::error(codes::NOT_TEXT, format!("`{name}` cannot be read: {error}")));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let masks: Vec<_> = secrets::find(&text).into_iter().map(|(range, _)| range).collect();
            let file = report.sources.add(name, secrets::mask(&text, &masks));
            report.push(
                Diagnostic::error(codes::NOT_TEXT, format!("`{name}` is not UTF-8"))
                    .at(file, valid..valid + '\u{fffd}'.len_utf8(), "the first byte that is not")
                    .help("save the file as UTF-8"),
            );
            Some(text)
        }
    }
}

/// Lays `.env` below the variables. Returns what it has set, with the places.
pub(super) fn read_dotenv(
    root: &Path,
    variables: &mut Variables,
    report: &mut Report,
) -> BTreeMap<String, (FileId, Range<usize>)> {
    const NAME: &str = ".env";
    if !root.join(NAME).is_file() {
        return BTreeMap::new();
    }
    let bytes = match std::fs::read(root.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.push(Diagnostic::error(codes::NOT_TEXT, format!("`.env` cannot be read: {error}")));
            return BTreeMap::new();
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        report.push(Diagnostic::error(codes::NOT_TEXT, "`.env` is not UTF-8").help("save the file as UTF-8"));
        return BTreeMap::new();
    };
    // Python reads text files with every line end turned into `\n`.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let read = dotenv::parse(&text);
    let file = report.sources.add(NAME, masked(&text, &read));
    for range in read.broken {
        report.push(
            Diagnostic::warning(codes::DOTENV, "a line of `.env` cannot be read and is skipped")
                .at(file, range, "not of the form NAME=value")
                .help("write `NAME=value`, with quotes that close around a value of several words"),
        );
    }
    let ours: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    for binding in &read.bindings {
        let name = binding.name.as_str();
        let near = closest(name, ours.iter().copied())
            .filter(|near| *near != name && strsim::damerau_levenshtein(name, near) <= 2);
        if let Some(near) = near {
            report.push(
                Diagnostic::warning(codes::VARIABLE, format!("nothing reads the variable `{name}`"))
                    .at(file, binding.range.clone(), "has no effect")
                    .help(format!("did you mean `{near}`?")),
            );
        }
    }
    let set = dotenv::apply(&read.bindings, variables);
    set.into_iter().map(|(name, range)| (name, (file, range))).collect()
}

/// `.env` as it may be shown: the values of the variables of this module, no others.
fn masked(text: &str, read: &dotenv::DotEnv) -> String {
    let mut ranges: Vec<_> = read
        .bindings
        .iter()
        .filter(|binding| !VARIABLES.iter().any(|(name, _)| *name == binding.name))
        .map(|binding| binding.range.clone())
        .collect();
    ranges.extend(read.broken.iter().cloned());
    ranges.extend(secrets::find(text).into_iter().map(|(range, _)| range));
    secrets::mask(text, &ranges)
}
