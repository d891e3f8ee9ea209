//! The pipeline, read statically: no Python runs, and nothing outside the project's folder is looked at.
//!
//! [`check`] reads the pipeline file, the submodels, the sidecars and the imports, puts them together into a
//! [`Graph`], judges it by the rules, and finds the [`ScoringPath`] and the files it needs. Everything that is
//! wrong is reported in one run.

mod build;
mod constants;
mod files;
mod graph;
#[cfg(test)]
#[cfg(feature = "pipeline")]
mod hostile;
mod instance;
mod json;
mod kind;
#[cfg(feature = "pipeline")]
mod limits;
mod models;
mod module;
mod names;
mod needs;
mod path;
#[cfg(feature = "pipeline")]
mod reader;
#[cfg(not(feature = "pipeline"))]
#[path = "reader_absent.rs"]
mod reader;
mod rules;
mod sidecar;
mod submodel;
#[cfg(test)]
#[cfg(feature = "pipeline")]
mod testing;
mod utility;
mod value;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

pub use files::ProjectFile;
pub use graph::{
    Definition, Edge, Endpoint, Generation, Graph, InputPort, Node, Occurrence, OutputPort, Place,
};
pub use kind::NodeKind;
pub use module::{
    BodyShape, Connect, Constructor, Function, Import, Keyword, Located, Module, Parameter, Registration,
    Settings, Sidecar,
};
pub use needs::{FileKind, NeededFile};
pub use path::ScoringPath;
pub use value::{Member, Value, ValueKind};

pub(crate) use files::join as join_path;
pub(crate) use instance::pairs as instance_pairs;
pub(crate) use models::distributions;
pub(crate) use names::identifier;
pub(crate) use rules::{cannot_ship, old_haute};

use crate::diagnostic::{CodeInfo, Report};
use crate::project::Project;

/// The codes of this module.
pub fn codes() -> Vec<&'static CodeInfo> {
    rules::CODES.to_vec()
}

/// A pipeline that was read and found without errors.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The whole graph.
    pub graph: Graph,
    /// The part a price goes through.
    pub path: ScoringPath,
    /// The files that part needs.
    pub files: Vec<NeededFile>,
    /// Top-level modules of packages the shipped code imports, `haute` and `polars` aside.
    pub packages: BTreeSet<String>,
    /// The project's root: absolute and free of links.
    pub root: std::path::PathBuf,
    /// The folder of the pipeline file, relative to the project, with `/`; empty for the project itself.
    pub directory: String,
}

/// What was read, right or wrong.
pub(crate) struct Read {
    pub(crate) graph: Graph,
    pub(crate) files: files::Files,
    pub(crate) constants: Option<constants::Constants>,
    pub(crate) utility: utility::Utility,
}

/// Reads and checks the pipeline of `project`.
///
/// `None` when an error was reported. Warnings alone do not stand in the way.
pub fn check(project: &Project, report: &mut Report) -> Option<Checked> {
    check_file(project.root(), &project.config().project.pipeline, report)
}

/// Reads and checks the pipeline file `pipeline`, relative to `root`: what [`check`] does for a program that has no
/// `haute.toml`. `root` is absolute and free of links.
pub fn check_file(root: &Path, pipeline: &str, report: &mut Report) -> Option<Checked> {
    let mut found = Vec::new();
    let outcome = read_and_judge(root, pipeline, report, &mut found);
    let failed = found.iter().any(|d| d.severity == crate::diagnostic::Severity::Error);
    report.diagnostics.append(&mut found);
    if failed { None } else { outcome }
}

fn read_and_judge(
    root: &Path,
    pipeline: &str,
    report: &mut Report,
    found: &mut Vec<crate::diagnostic::Diagnostic>,
) -> Option<Checked> {
    let sources = &mut report.sources;
    let main_file = rules::pipeline_file::find(root, pipeline, found)?;
    let directory = files::folder(&main_file.relative).to_owned();
    let files = files::Files::new(root.to_owned(), directory.clone());
    let bytes = match fs::read(&main_file.absolute) {
        Ok(bytes) => bytes,
        Err(error) => {
            found.push(rules::pipeline_file::unreadable(&main_file.relative, &error));
            return None;
        }
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let id = sources.add(&main_file.relative, String::from_utf8_lossy(error.as_bytes()).into_owned());
            found.push(rules::pipeline_file::not_text(id, at, &main_file.relative));
            return None;
        }
    };
    let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(&text).into();
    let id = sources.add(&main_file.relative, Arc::clone(&text));
    let main = reader::read(id, &main_file.relative, &text, reader::Receiver::Pipeline, found);
    let mut modules = vec![main];
    let (definitions, occurrences) = submodel::load(&mut modules, &files, sources, found);
    let mut sidecars = sidecar::Sidecars::default();
    for module in &mut modules {
        sidecars.load(module, &files, sources, found);
    }
    let constants = modules.first().and_then(|main| constants::load(main, &files, sources, found));
    let graph = build::build(modules, definitions, occurrences, found);
    let outputs = path::outputs(&graph);
    let path = match outputs.as_slice() {
        [output] => Some(path::trace(&graph, *output)),
        _ => None,
    };
    let utility = utility::follow(&graph, path.as_ref(), &files, sources, found);
    let read = Read { graph, files, constants, utility };
    let context = rules::Context {
        graph: &read.graph,
        outputs: &outputs,
        path: path.as_ref(),
        files: &read.files,
        constants: read.constants.as_ref(),
    };
    for check in rules::CHECKS {
        check(&context, found);
    }
    let path = path?;
    let needed = needs::collect(&read, &path);
    let packages =
        read.utility.packages.iter().filter(|p| !matches!(p.as_str(), "haute" | "polars")).cloned();
    Some(Checked {
        path,
        files: needed,
        packages: packages.collect(),
        root: root.to_owned(),
        directory,
        graph: read.graph,
    })
}
