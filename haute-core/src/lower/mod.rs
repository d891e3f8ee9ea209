//! Lowering: the serving part of a project, written so that `haute.Pipeline.score` gives the price of `haute run`.
//!
//! Only what the [scoring path](crate::pipeline::ScoringPath) needs is taken over: code off the path is neither
//! shipped nor importable. The user's functions are copied as they are; what is added is the wiring `score` needs.

mod node;
mod old;
mod python;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::pipeline::{
    Checked, FileKind, Generation, NeededFile, NodeKind, cannot_ship, distributions, join_path,
};
use crate::project::Project;

/// The content of one file of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoweredContent {
    /// Written by lowering.
    Text(String),
    /// A file of the project, byte for byte; an absolute path.
    Copy(PathBuf),
}

/// Where a quote enters: `input` of the release's manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InputContract {
    /// The node.
    pub node: String,
    /// Whether its sidecar maps the quote to tables.
    pub mode: InputMode,
    /// The tables as in the sidecar; empty for [`InputMode::Flat`].
    pub tables: Vec<serde_json::Value>,
    /// The tables that are connected, each once, in order of edge.
    pub ports: Vec<String>,
}

/// How a quote becomes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputMode {
    /// The sidecar's tables say how.
    Tables,
    /// A quote is one row.
    Flat,
}

/// The serving part of a project.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Lowered {
    /// The files by their path in the release, such as `project/rating/main.py`.
    pub files: BTreeMap<String, LoweredContent>,
    /// The pipeline file, `project/rating/main.py`.
    pub pipeline_file: String,
    /// Its folder, `project/rating`: first on the import path, before `project`.
    pub directory: String,
    /// The name given to `haute.Pipeline`.
    pub name: String,
    /// The nodes of the scoring path, by id, in the order of the project.
    pub nodes: Vec<String>,
    /// The node that answers.
    pub output_node: String,
    /// Where a quote enters.
    pub input: InputContract,
    /// The output's mapping as in its sidecar; `None` when it has none and its frame is the answer.
    pub output_mapping: Option<serde_json::Value>,
    /// The fields an output of Haute 0.1 or 0.2 names in its decorator: they are kept, in this order.
    pub output_fields: Option<Vec<String>>,
    /// Top-level modules of packages the shipped code imports, `haute` and `polars` aside.
    pub imports: Vec<String>,
    /// The distributions that read the shipped models, by file suffix.
    pub model_distributions: Vec<String>,
    /// The form of the pipeline file.
    pub generation: Generation,
}

/// Lowers a checked pipeline for the given version of Haute.
///
/// `None` when something on the scoring path cannot be carried; the report says what and where.
pub fn lower(
    project: &Project,
    checked: &Checked,
    haute_version: &str,
    report: &mut Report,
) -> Option<Lowered> {
    let _ = project;
    lower_checked(checked, haute_version, report)
}

/// [`lower`] for a pipeline checked without a `haute.toml`.
pub fn lower_checked(checked: &Checked, haute_version: &str, report: &mut Report) -> Option<Lowered> {
    let mut found = Vec::new();
    let lowered = write(checked, haute_version, &mut found);
    let failed = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    report.diagnostics.append(&mut found);
    if failed { None } else { lowered }
}

fn write(checked: &Checked, haute_version: &str, found: &mut Vec<Diagnostic>) -> Option<Lowered> {
    let graph = &checked.graph;
    old::refuse(checked, haute_version, found);
    refuse_levels(checked, found);
    let main = graph.main()?;
    let mut files = BTreeMap::new();
    let is_old = old::is_old(haute_version);
    let pipeline_file = format!("project/{}", main.path);
    if is_old {
        if found.is_empty() {
            files.insert(pipeline_file.clone(), LoweredContent::Text(old::write(checked)?));
        }
    } else if let Some(sources) = source::write(checked, found) {
        files.insert(pipeline_file.clone(), LoweredContent::Text(sources.main));
        for (reference, text) in sources.submodels {
            let path = join_path(&checked.directory, &reference)?;
            files.insert(format!("project/{path}"), LoweredContent::Text(text));
        }
    }
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return None;
    }
    for needed in &checked.files {
        if let Some(path) = destination(checked, needed, is_old) {
            files
                .entry(format!("project/{path}"))
                .or_insert(LoweredContent::Copy(needed.file.absolute.clone()));
        }
    }
    let toml = format!(
        "[project]\nname = {}\npipeline = {}\n",
        serde_json::Value::from(graph.name.as_str()),
        serde_json::Value::from(main.path.as_str())
    );
    files.insert("project/haute.toml".to_owned(), LoweredContent::Text(toml));
    // Haute takes a folder for a project only where something called `.git` exists; an empty file is enough.
    files.insert("project/.git".to_owned(), LoweredContent::Text(String::new()));
    let output = graph.effective(checked.path.output);
    Some(Lowered {
        files,
        directory: folder_in_release(&checked.directory),
        pipeline_file,
        name: graph.name.clone(),
        nodes: checked.path.nodes.iter().map(|node| graph.id(*node).to_owned()).collect(),
        output_node: graph.id(checked.path.output).to_owned(),
        input: input_contract(checked),
        output_mapping: output
            .and_then(|f| f.settings.value.get("outputMapping"))
            .map(crate::pipeline::Value::to_json),
        output_fields: output
            .and_then(|f| f.settings.value.get("fields"))
            .filter(|value| !value.is_empty())
            .map(|value| {
                value.elements().iter().filter_map(|field| field.text().map(str::to_owned)).collect()
            }),
        imports: checked.packages.iter().cloned().collect(),
        model_distributions: model_distributions(checked),
        generation: graph.generation,
    })
}

fn folder_in_release(directory: &str) -> String {
    if directory.is_empty() { "project".to_owned() } else { format!("project/{directory}") }
}

/// Levels declared before a model reach it in a run; `score` reads the model's own settings only.
fn refuse_levels(checked: &Checked, found: &mut Vec<Diagnostic>) {
    let graph = &checked.graph;
    let nodes = &checked.path.nodes;
    if !nodes.iter().any(|node| graph.kind(*node) == NodeKind::ModelScore) {
        return;
    }
    for &node in nodes {
        let Some(function) = graph.effective(node) else { continue };
        let declares =
            function.settings.value.get("categorical_levels").is_some_and(|value| !value.is_empty());
        if declares && function.kind != NodeKind::ModelScore {
            found.push(cannot_ship::diagnostic(
                graph.place(node),
                format!("the categorical levels of `{}` would not reach the model", graph.id(node)),
                "declare `categorical_levels` in the sidecar of the model_score node",
            ));
        }
    }
}

/// Where a file goes in the release; `None` for one the lowered pipeline does not read.
fn destination(checked: &Checked, needed: &NeededFile, is_old: bool) -> Option<String> {
    let graph = &checked.graph;
    let node = graph.find(&needed.needed_by);
    let kind = node.map(|node| graph.kind(node));
    match needed.kind {
        FileKind::Sidecar if !is_old => {
            let is_read = !matches!(kind, Some(NodeKind::LiveSwitch | NodeKind::Polars | NodeKind::EdgeJoin));
            is_read.then(|| needed.file.relative.clone())
        }
        // Written by lowering.
        FileKind::Submodel => None,
        // `score` looks for it below the pipeline's folder only.
        FileKind::Optimisation => {
            let path = graph.effective(node?)?.settings.value.text_at("artifact_path")?;
            join_path(&checked.directory, path)
        }
        _ => Some(needed.file.relative.clone()),
    }
}

fn input_contract(checked: &Checked) -> InputContract {
    let graph = &checked.graph;
    let node = checked.path.inputs.first().copied();
    let tables = node
        .filter(|node| graph.kind(*node) == NodeKind::ApiInput)
        .and_then(|node| graph.effective(node)?.settings.value.get("tables"))
        .map(|tables| tables.elements().iter().map(crate::pipeline::Value::to_json).collect::<Vec<_>>())
        .unwrap_or_default();
    let mut ports: Vec<String> = Vec::new();
    for edge in checked.path.edges.iter().filter_map(|edge| graph.edges.get(*edge)) {
        if Some(edge.source) == node
            && let Some(port) = &edge.source_port
            && !ports.contains(port)
        {
            ports.push(port.clone());
        }
    }
    InputContract {
        node: node.map(|node| graph.id(node).to_owned()).unwrap_or_default(),
        mode: if tables.is_empty() { InputMode::Flat } else { InputMode::Tables },
        tables,
        ports,
    }
}

fn model_distributions(checked: &Checked) -> Vec<String> {
    let mut names = BTreeSet::new();
    for needed in &checked.files {
        if matches!(needed.kind, FileKind::Model | FileKind::External) {
            names.extend(
                distributions(&needed.file.relative).unwrap_or_default().iter().map(|n| (*n).to_owned()),
            );
        }
    }
    names.into_iter().collect()
}
