//! The global constants file (`haute.md` §2.5).

use std::fs;

use super::files::{Files, ProjectFile};
use super::module::Module;
use super::rules::bad_constants;
use super::sidecar;
use super::value::{Value, ValueKind};
use crate::diagnostic::{Diagnostic, FileId, SourceMap};

/// Where Haute keeps the constants of a pipeline, relative to the pipeline's folder.
pub(crate) const PATH: &str = "config/global_constants.json";

/// The constants a pipeline declares.
#[derive(Clone, Debug)]
pub(crate) struct Constants {
    pub(crate) file: ProjectFile,
    pub(crate) id: FileId,
    /// `None` when the file holds mistakes.
    pub(crate) entries: Option<Vec<Constant>>,
}

/// One constant.
#[derive(Clone, Debug)]
pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) range: std::ops::Range<usize>,
    pub(crate) has_live: bool,
}

/// Reads the constants file the constructor of `main` names.
pub(crate) fn load(
    main: &Module,
    files: &Files,
    sources: &mut SourceMap,
    found: &mut Vec<Diagnostic>,
) -> Option<Constants> {
    let keyword = main.constructor.as_ref()?.keyword("global_constants")?;
    let range = keyword.value.range.clone();
    if keyword.value.kind == ValueKind::Null {
        return None;
    }
    if keyword.value.text() != Some(PATH) {
        let message = format!("`global_constants` must be `{PATH}`: Haute knows no other place");
        found.push(bad_constants::diagnostic(main.file, range, &message));
        return None;
    }
    let file = match files.in_directory(PATH) {
        Ok(file) => file,
        Err(problem) => {
            let message = problem.message("constants file", PATH);
            found.push(bad_constants::diagnostic(main.file, range, &message));
            return None;
        }
    };
    let bytes = match fs::read(&file.absolute) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("the constants file `{PATH}` cannot be read: {}", error.kind());
            found.push(bad_constants::diagnostic(main.file, range, &message));
            return None;
        }
    };
    let (id, value) = sidecar::read_object(&file.relative, bytes, sources, found);
    let entries = value.and_then(|value| entries(&value, id, found));
    Some(Constants { file, id, entries })
}

fn entries(value: &Value, file: FileId, found: &mut Vec<Diagnostic>) -> Option<Vec<Constant>> {
    let before = found.len();
    let mut refuse = |range: &std::ops::Range<usize>, message: &str| {
        found.push(bad_constants::diagnostic(file, range.clone(), message));
    };
    for member in value.members() {
        if member.key != "constants" {
            refuse(
                &member.key_range,
                &format!("`{}` is not known here: the only key is `constants`", member.key),
            );
        }
    }
    let Some(list) = value.get("constants").filter(|list| list.is_list()) else {
        refuse(&value.range, "the file needs a `constants` list");
        return None;
    };
    let mut constants: Vec<Constant> = Vec::new();
    for entry in list.elements() {
        let Some(name) = entry.text_at("name") else {
            refuse(&entry.range, "a constant needs a `name`");
            continue;
        };
        if constants.iter().any(|other| other.name == name) {
            refuse(&entry.range, &format!("the constant `{name}` is defined twice"));
            continue;
        }
        let kind = entry.text_at("type").unwrap_or_default();
        if !["integer", "float", "text", "boolean", "date"].contains(&kind) {
            refuse(
                &entry.range,
                &format!("the constant `{name}` needs a `type`: integer, float, text, boolean or date"),
            );
            continue;
        }
        let by_source = entry.get("by_source");
        let value = entry.get("value");
        if value.is_some() == by_source.is_some() {
            refuse(&entry.range, &format!("the constant `{name}` needs either `value` or `by_source`"));
            continue;
        }
        let live = value.or_else(|| by_source?.get("live"));
        if let Some(live) = live
            && !fits(kind, live)
        {
            refuse(
                &live.range,
                &format!("the constant `{name}` is declared as {kind}, this is {}", live.kind_name()),
            );
            continue;
        }
        let range = entry.member("name").map_or(entry.range.clone(), |member| member.value.range.clone());
        constants.push(Constant { name: name.to_owned(), range, has_live: live.is_some() });
    }
    (found.len() == before).then_some(constants)
}

/// Whether a value is of the declared type.
fn fits(kind: &str, value: &Value) -> bool {
    match (&value.kind, kind) {
        (ValueKind::Number(text), "integer") => !text.contains(['.', 'e', 'E']),
        (ValueKind::Number(_), "float") | (ValueKind::Bool(_), "boolean") | (ValueKind::Text(_), "text") => {
            true
        }
        (ValueKind::Text(text), "date") => text.parse::<jiff::civil::Date>().is_ok(),
        _ => false,
    }
}
