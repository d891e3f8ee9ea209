//! The files the scoring path needs, each with the reason.

use serde::Serialize;

use super::Read;
use super::files::ProjectFile;
use super::graph::Graph;
use super::kind::NodeKind;
use super::module::Function;
use super::path::ScoringPath;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileKind {
    /// The settings of a node.
    Sidecar,
    /// A fitted model.
    Model,
    /// What a model's inputs must look like.
    FeatureContract,
    /// A static table.
    Data,
    /// An object a node's code reads.
    External,
    /// A saved optimisation result.
    Optimisation,
    /// The values of `global_constants`.
    Constants,
    /// A submodel definition.
    Submodel,
    /// Project code the pipeline imports.
    Utility,
}

/// A file the scoring path needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NeededFile {
    /// What it is for.
    pub kind: FileKind,
    /// The file.
    pub file: ProjectFile,
    /// Who needs it: a node's id, or the pipeline file.
    pub needed_by: String,
}

/// A path in a node's settings, and what it leads to.
pub(crate) struct Reference<'a> {
    pub(crate) kind: FileKind,
    pub(crate) what: &'static str,
    pub(crate) path: &'a str,
    pub(crate) range: std::ops::Range<usize>,
}

/// The paths in the settings of a function that a price depends on.
pub(crate) fn references(function: &Function) -> Vec<Reference<'_>> {
    let settings = &function.settings.value;
    let reference = |key: &str, kind, what| {
        let value = settings.get(key)?;
        Some(Reference { kind, what, path: value.text()?, range: value.range.clone() })
    };
    let source_is_file =
        || settings.text_at("sourceType").or_else(|| settings.text_at("source_type")) == Some("file");
    let found = match function.kind {
        NodeKind::DataInput => {
            let is_file = settings.text_at("inputType").is_none_or(|kind| kind == "file");
            vec![is_file.then(|| reference("path", FileKind::Data, "data file")).flatten()]
        }
        NodeKind::ExternalFile => vec![reference("path", FileKind::External, "file")],
        NodeKind::ModelScore => vec![
            source_is_file().then(|| reference("model_path", FileKind::Model, "model file")).flatten(),
            reference("feature_contract_path", FileKind::FeatureContract, "feature contract"),
        ],
        NodeKind::OptimiserApply => {
            vec![
                source_is_file()
                    .then(|| reference("artifact_path", FileKind::Optimisation, "optimisation result"))
                    .flatten(),
            ]
        }
        _ => Vec::new(),
    };
    found.into_iter().flatten().filter(|reference| !reference.path.is_empty()).collect()
}

/// Everything the path needs, in order of kind and place. Paths that lead nowhere are left to the rules.
pub(crate) fn collect(read: &Read, path: &ScoringPath) -> Vec<NeededFile> {
    let graph = &read.graph;
    let mut needed = Vec::new();
    for &node in &path.nodes {
        let Some(function) = graph.effective(node) else { continue };
        let stands_in = path.inputs.contains(&node);
        node_files(read, graph, node, function, stands_in, &mut needed);
    }
    if let Some(constants) = &read.constants {
        needed.push(NeededFile {
            kind: FileKind::Constants,
            file: constants.file.clone(),
            needed_by: graph.main().map(|main| main.path.clone()).unwrap_or_default(),
        });
    }
    for utility in &read.utility.files {
        needed.push(NeededFile {
            kind: FileKind::Utility,
            file: utility.file.clone(),
            needed_by: utility.imported_by.clone(),
        });
    }
    for (index, occurrence) in graph.occurrences.iter().enumerate() {
        let used =
            path.nodes.iter().any(|n| graph.nodes.get(*n).is_some_and(|n| n.occurrence == Some(index)));
        if used && let Ok(file) = read.files.in_directory(&occurrence.reference) {
            needed.push(NeededFile { kind: FileKind::Submodel, file, needed_by: occurrence.name.clone() });
        }
    }
    needed.sort();
    needed.dedup();
    needed
}

fn node_files(
    read: &Read,
    graph: &Graph,
    node: usize,
    function: &Function,
    stands_in: bool,
    needed: &mut Vec<NeededFile>,
) {
    let id = graph.id(node);
    let mut push = |kind, file| needed.push(NeededFile { kind, file, needed_by: id.to_owned() });
    if let Some(sidecar) = &function.settings.sidecar {
        // It was found inside the project when it was read.
        let absolute = read.files.root().join(&sidecar.path);
        push(FileKind::Sidecar, ProjectFile { absolute, relative: sidecar.path.clone() });
    }
    if stands_in {
        return;
    }
    for reference in references(function) {
        let Ok(file) = read.files.artifact(reference.path) else { continue };
        if reference.kind == FileKind::Model
            && function.settings.value.text_at("feature_contract_path").is_none()
        {
            for candidate in contract_candidates(&file.relative) {
                if let Ok(contract) = read.files.at_root(&candidate) {
                    push(FileKind::FeatureContract, contract);
                    break;
                }
            }
        }
        push(reference.kind, file);
    }
}

/// Where the feature contract of a model file may stand beside it (`haute.md` §2.7), the first that exists counts.
fn contract_candidates(model: &str) -> [String; 2] {
    let (folder, name) = model.rsplit_once('/').map_or(("", model), |(folder, name)| (folder, name));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    [format!("{prefix}{stem}.feature_contract.json"), format!("{prefix}feature_contract.json")]
}
