//! The overlay `haute.<env>.toml`.

use std::path::Path;

use super::codes;
use crate::diagnostic::{Diagnostic, closest};

/// The name of the overlay file for `environment`, when there is one. Else says which ones there are.
pub(super) fn find(root: &Path, environment: &str, out: &mut Vec<Diagnostic>) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if environment.is_empty() || !environment.chars().all(plain) {
        let message = format!("`{}` is no name of an environment", environment.escape_debug());
        out.push(
            Diagnostic::error(codes::OVERLAY, message)
                .help("a name has letters, digits, `-` and `_`: `--env staging` reads `haute.staging.toml`"),
        );
        return None;
    }
    let name = format!("haute.{environment}.toml");
    if root.join(&name).is_file() {
        return Some(name);
    }
    let files = names(root);
    let there: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix("haute.")?.strip_suffix(".toml"))
        .filter(|there| !there.is_empty())
        .collect();
    let diagnostic = Diagnostic::error(
        codes::OVERLAY,
        format!("there is no `{name}` for the environment `{environment}`"),
    );
    out.push(if there.is_empty() {
        diagnostic.help(format!("the project has no overlays: create `{name}` beside `haute.toml`"))
    } else {
        let list = there.iter().map(|there| format!("`{there}`")).collect::<Vec<_>>().join(", ");
        let diagnostic = diagnostic.note(format!("there are overlays for {list}"));
        match closest(environment, there) {
            Some(near) => diagnostic.help(format!("did you mean `--env {near}`?")),
            None => diagnostic.help(format!("create `{name}` beside `haute.toml`")),
        }
    });
    None
}

/// The names of the files in a directory, in order; none where it cannot be read.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
