//! Writes the pipeline file and the submodel files of a release.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::node::{From, Wire, Writer, Written};
use super::python;
use crate::diagnostic::Diagnostic;
use crate::pipeline::{Checked, Edge, Graph, Module, ScoringPath};

/// What was written: the main file, and the submodel files by their path below the pipeline's folder.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) main: String,
    pub(super) submodels: BTreeMap<String, String>,
}

/// The public ports of one occurrence, as the release declares them.
#[derive(Debug, Default)]
struct Ports {
    /// Input port → the functions it feeds, with their role.
    inputs: BTreeMap<String, Vec<(String, Option<String>)>>,
    /// Output port → the function it comes from, and the table of a source with several.
    outputs: BTreeMap<String, (String, Option<String>)>,
}

/// One `pipeline.connect` of the main file.
struct RootEdge {
    source: String,
    source_port: Option<String>,
    target: String,
    target_port: Option<String>,
}

/// Writes every file, or says what cannot be written.
pub(super) fn write(checked: &Checked, found: &mut Vec<Diagnostic>) -> Option<Sources> {
    let graph = &checked.graph;
    let path = &checked.path;
    let before = found.len();
    let mut root: Vec<(usize, Written)> = Vec::new();
    let mut inner: Vec<Vec<(usize, Written)>> = graph.occurrences.iter().map(|_| Vec::new()).collect();
    for &node in &path.nodes {
        let occurrence = graph.nodes.get(node).and_then(|node| node.occurrence);
        let receiver = if occurrence.is_some() { "submodel" } else { "pipeline" };
        match (Writer { graph, path, receiver, node }).write() {
            Ok(written) => match occurrence.and_then(|occurrence| inner.get_mut(occurrence)) {
                Some(list) => list.push((node, written)),
                None => root.push((node, written)),
            },
            Err(refused) => found.push(*refused),
        }
    }
    if found.len() > before {
        return None;
    }
    let mut ports: Vec<Ports> = graph.occurrences.iter().map(|_| Ports::default()).collect();
    let mut edges: Vec<RootEdge> = Vec::new();
    for (node, written) in root.iter().chain(inner.iter().flatten()) {
        for wire in &written.wires {
            root_edge(graph, *node, wire, &mut ports, &mut edges);
        }
    }
    let (references, submodels) = submodel_files(graph, path, &inner, &ports);
    let main = graph.main()?;
    let mut text = statements(graph, main, &root, None);
    text.push('\n');
    for (occurrence, reference) in &references {
        let name = graph.occurrences.get(*occurrence)?.name.as_str();
        let _infallible =
            writeln!(text, "pipeline.submodel({}, {})", python::text(reference), python::text(name));
    }
    for edge in edges {
        let ends = format!("{}, {}", python::text(&edge.source), python::text(&edge.target));
        let source_port = edge.source_port.map(|port| format!(", source_port={}", python::text(&port)));
        let target_port = edge.target_port.map(|port| format!(", target_port={}", python::text(&port)));
        let _infallible = writeln!(
            text,
            "pipeline.connect({ends}{}{})",
            source_port.unwrap_or_default(),
            target_port.unwrap_or_default()
        );
    }
    Some(Sources { main: text, submodels })
}

fn local_name(graph: &Graph, node: usize) -> String {
    graph.function(node).map(|function| function.name.clone()).unwrap_or_default()
}

/// Adds what the main file says about one wire; wires inside an occurrence are none of its business.
fn root_edge(graph: &Graph, target: usize, wire: &Wire, ports: &mut [Ports], edges: &mut Vec<RootEdge>) {
    let target_occurrence = graph.nodes.get(target).and_then(|node| node.occurrence);
    let edge = match &wire.from {
        From::Local(name) => {
            if target_occurrence.is_none() {
                edges.push(RootEdge {
                    source: name.clone(),
                    source_port: None,
                    target: wire.to.clone(),
                    target_port: None,
                });
            }
            return;
        }
        From::Edge(edge) => edge,
    };
    let source_occurrence = graph.nodes.get(edge.source).and_then(|node| node.occurrence);
    if source_occurrence.is_some() && source_occurrence == target_occurrence {
        return;
    }
    let occurrence_name =
        |index: usize| graph.occurrences.get(index).map(|o| o.name.clone()).unwrap_or_default();
    let (source, source_port) = match source_occurrence {
        None => (local_name(graph, edge.source), edge.source_port.clone()),
        Some(index) => {
            let port = match target_occurrence {
                None => edge.input.clone(),
                Some(other) => format!("{}__{}", occurrence_name(other), edge.input),
            };
            if let Some(ports) = ports.get_mut(index) {
                let end = (local_name(graph, edge.source), edge.source_port.clone());
                ports.outputs.insert(port.clone(), end);
            }
            (occurrence_name(index), Some(port))
        }
    };
    let (to, target_port) = match target_occurrence {
        None => (wire.to.clone(), wire.target_port.clone()),
        Some(index) => {
            let port = edge.input.clone();
            if let Some(ports) = ports.get_mut(index) {
                let ends = ports.inputs.entry(port.clone()).or_default();
                let end = (wire.to.clone(), wire.target_port.clone());
                ends.push(end);
                if ends.len() > 1 {
                    // The port feeds one more function; the edge to it is there already.
                    return;
                }
            }
            (occurrence_name(index), Some(port))
        }
    };
    edges.push(RootEdge { source, source_port, target: to, target_port });
}

/// The submodel files, and for each occurrence on the path the reference to its file.
fn submodel_files(
    graph: &Graph,
    path: &ScoringPath,
    inner: &[Vec<(usize, Written)>],
    ports: &[Ports],
) -> (Vec<(usize, String)>, BTreeMap<String, String>) {
    let mut references = Vec::new();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (index, occurrence) in graph.occurrences.iter().enumerate() {
        let (Some(nodes), Some(ports)) = (inner.get(index), ports.get(index)) else { continue };
        let Some(definition) = graph.definitions.get(occurrence.definition) else { continue };
        let Some(module) = graph.modules.get(definition.module) else { continue };
        if nodes.is_empty() {
            continue;
        }
        let constructor = constructor(graph, index, ports);
        let mut text = statements(graph, module, nodes, Some(&constructor));
        text.push('\n');
        for (_, written) in nodes {
            for wire in &written.wires {
                text.push_str(&inner_edge(graph, path, index, wire));
            }
        }
        let mut reference = occurrence.reference.clone();
        if files.get(&reference).is_some_and(|known| *known != text) {
            // Another occurrence needs other parts of the same definition.
            let stem = reference.strip_suffix(".py").unwrap_or(&reference).to_owned();
            reference = format!("{stem}__{}.py", occurrence.name);
        }
        files.insert(reference.clone(), text);
        references.push((index, reference));
    }
    (references, files)
}

fn inner_edge(graph: &Graph, path: &ScoringPath, occurrence: usize, wire: &Wire) -> String {
    let (source, source_port) = match &wire.from {
        From::Local(name) => (name.clone(), None),
        From::Edge(edge) if is_inside(graph, occurrence, edge) => {
            (local_name(graph, edge.source), edge.source_port.clone())
        }
        From::Edge(_) => return String::new(),
    };
    let _ = path;
    let mut line = format!("submodel.connect({}, {}", python::text(&source), python::text(&wire.to));
    for (name, port) in [("source_port", &source_port), ("target_port", &wire.target_port)] {
        if let Some(port) = port {
            let _infallible = write!(line, ", {name}={}", python::text(port));
        }
    }
    line.push_str(")\n");
    line
}

fn is_inside(graph: &Graph, occurrence: usize, edge: &Edge) -> bool {
    graph.nodes.get(edge.source).is_some_and(|node| node.occurrence == Some(occurrence))
}

/// `submodel = haute.Submodel(...)` with the ports that are used.
fn constructor(graph: &Graph, index: usize, ports: &Ports) -> String {
    let Some(occurrence) = graph.occurrences.get(index) else { return String::new() };
    let Some(definition) = graph.definitions.get(occurrence.definition) else { return String::new() };
    let name = graph
        .modules
        .get(definition.module)
        .and_then(|module| module.constructor.as_ref())
        .map_or("submodel", |constructor| constructor.name.as_str());
    let handle = |handle: &Option<String>| handle.as_deref().map_or("None".to_owned(), python::text);
    let end = |(node, port): &(String, Option<String>)| {
        format!("{{\"nodeId\": {}, \"handleId\": {}}}", python::text(node), handle(port))
    };
    let inputs: Vec<String> = ports
        .inputs
        .iter()
        .map(|(name, ends)| {
            let ends: Vec<String> = ends.iter().map(end).collect();
            format!("        {{\"name\": {}, \"targets\": [{}]}},\n", python::text(name), ends.join(", "))
        })
        .collect();
    let outputs: Vec<String> = ports
        .outputs
        .iter()
        .map(|(name, source)| {
            format!("        {{\"name\": {}, \"source\": {}}},\n", python::text(name), end(source))
        })
        .collect();
    format!(
        "submodel = haute.Submodel(\n    {},\n    definition_id={},\n    input_ports=[\n{}    ],\n    output_ports=[\n{}    ],\n    pipeline_dir={},\n)",
        python::text(name),
        python::text(&definition.id),
        inputs.concat(),
        outputs.concat(),
        python::text(&definition.pipeline_directory)
    )
}

/// The statements of a module in their order: those that are kept, the given nodes, and a constructor in its place.
fn statements(
    graph: &Graph,
    module: &Module,
    nodes: &[(usize, Written)],
    constructor: Option<&str>,
) -> String {
    let mut parts: Vec<(usize, String)> = Vec::new();
    for range in &module.kept {
        let text = python::slice(module, range.clone());
        parts.push((range.start, format!("{}\n", text.trim_end())));
    }
    if let (Some(text), Some(place)) = (constructor, &module.constructor) {
        parts.push((place.range.start, format!("{text}\n")));
    }
    for (node, written) in nodes {
        let start = graph.function(*node).map_or(usize::MAX, |function| function.range.start);
        for function in &written.functions {
            parts.push((start, format!("\n\n{function}")));
        }
    }
    parts.sort_by_key(|(start, _)| *start);
    parts.into_iter().map(|(_, text)| text).collect()
}
