//! The `utility` package: the only project code a pipeline may import (`haute.md` §2.5).

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::ops::Range;
use std::sync::Arc;

use super::files::{Files, ProjectFile, folder};
use super::graph::Graph;
use super::module::Import;
use super::names::is_standard_library;
use super::path::ScoringPath;
use super::{reader, rules};
use crate::diagnostic::{Diagnostic, FileId, SourceMap};

/// A file of `utility` that is imported, by itself or through another.
#[derive(Clone, Debug)]
pub(crate) struct UtilityFile {
    pub(crate) file: ProjectFile,
    pub(crate) imported_by: String,
}

/// What the pipeline imports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utility {
    /// The files of `utility` that ship, in order of path.
    pub(crate) files: Vec<UtilityFile>,
    /// Top-level modules that come from packages.
    pub(crate) packages: BTreeSet<String>,
}

/// One import and where it stands.
struct Wanted {
    import: Import,
    file: FileId,
    /// Relative to the project.
    path: String,
    /// For a module of `utility`: the package it belongs to, such as `utility.tables`.
    package: Option<String>,
}

/// Follows the imports of the preambles and of the node bodies on the path through `utility`.
pub(crate) fn follow(
    graph: &Graph,
    path: Option<&ScoringPath>,
    files: &Files,
    sources: &mut SourceMap,
    found: &mut Vec<Diagnostic>,
) -> Utility {
    let mut utility = Utility::default();
    let mut open: VecDeque<Wanted> = VecDeque::new();
    let on_path: BTreeSet<(usize, usize)> = path
        .into_iter()
        .flat_map(|path| &path.nodes)
        .filter_map(|node| graph.nodes.get(graph.nodes.get(*node)?.original.unwrap_or(*node)))
        .map(|node| (node.module, node.function))
        .collect();
    for (index, module) in graph.modules.iter().enumerate() {
        let bodies = module
            .functions
            .iter()
            .enumerate()
            .filter(|(function, _)| on_path.contains(&(index, *function)))
            .flat_map(|(_, function)| &function.imports);
        for import in module.imports.iter().chain(bodies) {
            open.push_back(Wanted {
                import: import.clone(),
                file: module.file,
                path: module.path.clone(),
                package: None,
            });
        }
    }
    // Haute puts the pipeline's folder first on the import path, then the project.
    let home = home(files);
    let mut seen = BTreeSet::new();
    let mut judged = BTreeSet::new();
    while let Some(wanted) = open.pop_front() {
        let import = &wanted.import;
        let Some(target) = absolute(import, wanted.package.as_deref()) else {
            if wanted.package.is_none() {
                found.push(rules::project_import::relative(wanted.file, import.range.clone()));
            }
            continue;
        };
        let top = target.split('.').next().unwrap_or_default().to_owned();
        if top != "utility" {
            judge(&top, &wanted, import.range.clone(), files, &mut utility, &mut judged, found);
            continue;
        }
        let Some(home) = &home else {
            found.push(rules::project_import::no_utility(wanted.file, import.range.clone()));
            continue;
        };
        let mut candidates = vec![target.clone()];
        candidates.extend(import.names.iter().map(|name| format!("{target}.{name}")));
        let mut resolved = false;
        for (index, candidate) in candidates.iter().enumerate() {
            for file in module_files(candidate, home, files) {
                resolved |= index == 0;
                if !seen.insert(file.relative.clone()) {
                    continue;
                }
                let package = if file.relative.ends_with("__init__.py") {
                    candidate_of(&file.relative, home)
                } else {
                    candidate_of(folder(&file.relative), home)
                };
                utility.files.push(UtilityFile { file: file.clone(), imported_by: wanted.path.clone() });
                for import in imports_of(&file, sources, found) {
                    open.push_back(Wanted {
                        import: import.0,
                        file: import.1,
                        path: file.relative.clone(),
                        package: Some(package.clone()),
                    });
                }
            }
        }
        if !resolved {
            found.push(rules::project_import::no_module(wanted.file, import.range.clone(), &target));
        }
    }
    utility.files.sort_by(|a, b| a.file.cmp(&b.file));
    utility
}

/// The folder `utility` stands in: the pipeline's, else the project's.
fn home(files: &Files) -> Option<String> {
    let directory = files.directory().to_owned();
    [directory, String::new()].into_iter().find(|base| {
        let at = files.root().join(base);
        at.join("utility").is_dir() || at.join("utility.py").is_file()
    })
}

/// `utility.tables` for `rating/utility/tables/__init__.py`.
fn candidate_of(relative: &str, home: &str) -> String {
    let inside = relative.strip_prefix(home).unwrap_or(relative).trim_start_matches('/');
    let module = inside.strip_suffix("/__init__.py").or_else(|| inside.strip_suffix(".py")).unwrap_or(inside);
    module.replace('/', ".")
}

/// The full name of the module an import names; `None` for a relative one outside a package.
fn absolute(import: &Import, package: Option<&str>) -> Option<String> {
    if import.level == 0 {
        return Some(import.module.clone());
    }
    let mut parts: Vec<&str> = package?.split('.').collect();
    for _ in 1..import.level {
        parts.pop();
    }
    if !import.module.is_empty() {
        parts.extend(import.module.split('.'));
    }
    (!parts.is_empty()).then(|| parts.join("."))
}

/// The files Python runs to import `module`: the packages on the way, and the module.
fn module_files(module: &str, home: &str, files: &Files) -> Vec<ProjectFile> {
    let mut found = Vec::new();
    let mut at = home.to_owned();
    let parts: Vec<&str> = module.split('.').collect();
    for (index, part) in parts.iter().enumerate() {
        at = if at.is_empty() { (*part).to_owned() } else { format!("{at}/{part}") };
        let is_last = index + 1 == parts.len();
        if let Ok(file) = files.at_root(&format!("{at}/__init__.py")) {
            found.push(file);
        } else if files.root().join(&at).is_dir() {
            // A namespace package has no file of its own.
        } else if is_last && let Ok(file) = files.at_root(&format!("{at}.py")) {
            found.push(file);
        } else {
            return Vec::new();
        }
    }
    found
}

fn imports_of(
    file: &ProjectFile,
    sources: &mut SourceMap,
    found: &mut Vec<Diagnostic>,
) -> Vec<(Import, FileId)> {
    let text = match fs::read(&file.absolute).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            let id = sources.add(&file.relative, String::from_utf8_lossy(error.as_bytes()).into_owned());
            found.push(rules::pipeline_file::not_text(id, at, &file.relative));
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    };
    let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(&text).into();
    let id = sources.add(&file.relative, Arc::clone(&text));
    reader::read_imports(id, &text, found).into_iter().map(|import| (import, id)).collect()
}

/// A module that is neither `utility` nor part of Python is a package, unless the project itself holds it.
fn judge(
    top: &str,
    wanted: &Wanted,
    range: Range<usize>,
    files: &Files,
    utility: &mut Utility,
    judged: &mut BTreeSet<(String, String)>,
    found: &mut Vec<Diagnostic>,
) {
    if top.is_empty() || is_standard_library(top) {
        return;
    }
    let local = [files.directory(), ""].into_iter().find_map(|base| {
        let base = if base.is_empty() { String::new() } else { format!("{base}/") };
        let file = format!("{base}{top}.py");
        let package = format!("{base}{top}");
        if files.root().join(&file).is_file() {
            Some(file)
        } else {
            files.root().join(&package).is_dir().then_some(package)
        }
    });
    match local {
        Some(local) if holds_python(files, &local) => {
            if judged.insert((wanted.path.clone(), top.to_owned())) {
                found.push(rules::project_import::diagnostic(wanted.file, range, top, &local));
            }
        }
        _ => {
            utility.packages.insert(top.to_owned());
        }
    }
}

/// A folder without any Python file, such as `data`, is not what an import means.
fn holds_python(files: &Files, local: &str) -> bool {
    let at = files.root().join(local);
    if at.is_file() {
        return true;
    }
    fs::read_dir(at).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "py"))
    })
}
