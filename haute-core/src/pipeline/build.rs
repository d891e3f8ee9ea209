//! Puts modules together into a graph: edges, submodels, instances (`haute.md` §2.4, §2.5).

use std::collections::{HashMap, HashSet};

use super::graph::{Definition, Edge, Generation, Graph, Node, Occurrence, Place};
use super::instance;
use super::kind::NodeKind;
use super::module::{Connect, Function, Module};
use super::names::identifier;
use super::rules;
use crate::diagnostic::Diagnostic;

/// What one module's edges start at and lead to, before submodels are opened.
struct LocalEdge {
    source: String,
    target: String,
    source_port: Option<String>,
    target_port: Option<String>,
    place: Place,
    implicit: bool,
}

/// Builds the graph of `modules`; the first is the main file.
pub(crate) fn build(
    modules: Vec<Module>,
    definitions: Vec<Definition>,
    occurrences: Vec<Occurrence>,
    found: &mut Vec<Diagnostic>,
) -> Graph {
    let generation = generation(&modules);
    let name = modules.first().and_then(|m| m.constructor.as_ref()).map_or("main", |c| c.name.as_str());
    let mut graph = Graph {
        name: name.to_owned(),
        generation,
        definitions,
        occurrences,
        nodes: Vec::new(),
        edges: Vec::new(),
        incoming: Vec::new(),
        modules: Vec::new(),
    };
    let names = add_nodes(&mut graph, &modules);
    for (index, module) in modules.iter().enumerate() {
        let edges = local_edges(&graph, index, module, generation, found);
        if index == 0 {
            open_root(&mut graph, &modules, &names, edges, found);
        } else {
            open_definition(&mut graph, &modules, index, &names, &edges);
        }
    }
    graph.modules = modules;
    instance::resolve(&mut graph, &names, found);
    graph.incoming = vec![Vec::new(); graph.nodes.len()];
    for (index, edge) in graph.edges.iter().enumerate() {
        if let Some(list) = graph.incoming.get_mut(edge.target) {
            list.push(index);
        }
    }
    graph
}

fn generation(modules: &[Module]) -> Generation {
    let mut functions = modules.iter().flat_map(|module| &module.functions);
    if functions.clone().any(|function| function.is_generic) {
        Generation::Generic
    } else if functions.any(|f| matches!(f.decorator.as_str(), "data_source" | "data_sink")) {
        Generation::Typed
    } else {
        Generation::Declared
    }
}

/// Adds every node and returns them by id. Of two nodes with one name the first counts; a rule reports the other.
fn add_nodes(graph: &mut Graph, modules: &[Module]) -> HashMap<String, usize> {
    let mut by_id = HashMap::new();
    let mut add = |module: usize, occurrence: Option<(usize, &str)>, functions: &[Function]| {
        for (function, definition) in functions.iter().enumerate() {
            let id = match occurrence {
                Some((_, name)) => format!("{name}.{}", definition.name),
                None => definition.name.clone(),
            };
            if by_id.contains_key(&id) {
                continue;
            }
            by_id.insert(id.clone(), graph.nodes.len());
            let occurrence = occurrence.map(|(index, _)| index);
            graph.nodes.push(Node { id, module, function, occurrence, original: None });
        }
    };
    if let Some(main) = modules.first() {
        add(0, None, &main.functions);
    }
    for (index, occurrence) in graph.occurrences.iter().enumerate() {
        if let Some(definition) = graph.definitions.get(occurrence.definition)
            && let Some(module) = modules.get(definition.module)
        {
            add(definition.module, Some((index, &occurrence.name)), &module.functions);
        }
    }
    by_id
}

/// The edges of one module by name: the `connect` calls, then what parameters imply.
fn local_edges(
    graph: &Graph,
    index: usize,
    module: &Module,
    generation: Generation,
    found: &mut Vec<Diagnostic>,
) -> Vec<LocalEdge> {
    let functions: HashMap<&str, &Function> =
        module.functions.iter().rev().map(|f| (f.name.as_str(), f)).collect();
    let occurrences: HashSet<&str> = if index == 0 {
        graph.occurrences.iter().map(|occurrence| occurrence.name.as_str()).collect()
    } else {
        HashSet::new()
    };
    let mut edges = Vec::new();
    let mut pairs: HashSet<(&str, &str)> = HashSet::new();
    let mut connected: HashSet<&str> = HashSet::new();
    for connect in &module.connects {
        let ends = [(&connect.source, "source"), (&connect.target, "target")];
        let mut known = true;
        for (end, role) in ends {
            if !functions.contains_key(end.text.as_str()) && !occurrences.contains(end.text.as_str()) {
                known = false;
                if !module.damaged {
                    let names = functions.keys().chain(&occurrences).copied();
                    found.push(rules::unknown_node::diagnostic(module.file, end, role, names));
                }
            }
        }
        if known {
            pairs.insert((&connect.source.text, &connect.target.text));
            connected.insert(&connect.target.text);
            edges.push(explicit(connect, module));
        }
    }
    let mut any = !edges.is_empty();
    for function in &module.functions {
        // Haute 0.1 and 0.2: a node with explicit edges gets no others.
        if generation == Generation::Generic && connected.contains(function.name.as_str()) {
            continue;
        }
        let mapping = (function.kind == NodeKind::Polars).then(|| function.keyword("inputMapping")).flatten();
        for parameter in function.input_parameters() {
            let mapped = mapping.and_then(|m| m.value.text_at(&parameter.name)).unwrap_or(&parameter.name);
            let Some(source) = functions.get(mapped).filter(|source| source.name != function.name) else {
                continue;
            };
            if pairs.insert((&source.name, &function.name)) {
                any = true;
                edges.push(LocalEdge {
                    source: source.name.clone(),
                    target: function.name.clone(),
                    source_port: None,
                    target_port: None,
                    place: Place { file: module.file, range: parameter.range.clone() },
                    implicit: true,
                });
            }
        }
    }
    if !any && generation != Generation::Declared && index == 0 && !module.damaged {
        // Haute 0.1 to 0.3: without any edge the nodes form a chain in the order they are written.
        for (source, target) in module.functions.iter().zip(module.functions.iter().skip(1)) {
            edges.push(LocalEdge {
                source: source.name.clone(),
                target: target.name.clone(),
                source_port: None,
                target_port: None,
                place: Place { file: module.file, range: target.name_range.clone() },
                implicit: true,
            });
        }
    }
    edges
}

fn explicit(connect: &Connect, module: &Module) -> LocalEdge {
    let port = |port: &Option<super::module::Located>| {
        port.as_ref().map(|port| port.text.clone()).filter(|text| !text.is_empty())
    };
    LocalEdge {
        source: connect.source.text.clone(),
        target: connect.target.text.clone(),
        source_port: port(&connect.source_port),
        target_port: port(&connect.target_port),
        place: Place { file: module.file, range: connect.range.clone() },
        implicit: false,
    }
}

/// The name an input from a node has in code: a table's label for a quote input, else the node's own.
fn input_name(kind: NodeKind, name: &str, port: Option<&String>) -> String {
    match port {
        Some(port) if kind == NodeKind::ApiInput => port.clone(),
        _ => identifier(name).into_owned(),
    }
}

/// Edges of the main file: those that touch an occurrence become edges of the nodes behind its ports.
fn open_root(
    graph: &mut Graph,
    modules: &[Module],
    names: &HashMap<String, usize>,
    edges: Vec<LocalEdge>,
    found: &mut Vec<Diagnostic>,
) {
    let occurrences: HashMap<String, usize> =
        graph.occurrences.iter().enumerate().map(|(index, o)| (o.name.clone(), index)).collect();
    for edge in edges {
        let mut input = None;
        let (source, source_port) = match occurrences.get(&edge.source) {
            None => {
                let Some(node) = names.get(&edge.source) else { continue };
                let kind = kind_of(graph, modules, *node);
                input = Some(input_name(kind, &edge.source, edge.source_port.as_ref()));
                (*node, edge.source_port.clone())
            }
            Some(occurrence) => {
                let Some(definition) = definition(graph, *occurrence) else { continue };
                let port = edge.source_port.as_deref().unwrap_or_default();
                let Some(output) = definition.outputs.iter().find(|output| output.name == port) else {
                    let known = definition.outputs.iter().map(|output| output.name.as_str());
                    found.push(rules::unknown_port::submodel(
                        &edge.place,
                        &edge.source,
                        port,
                        "output",
                        known,
                    ));
                    continue;
                };
                let Some(node) = names.get(&format!("{}.{}", edge.source, output.source.node)) else {
                    continue;
                };
                input.get_or_insert_with(|| identifier(port).into_owned());
                (*node, output.source.handle.clone())
            }
        };
        match occurrences.get(&edge.target) {
            None => {
                let Some(target) = names.get(&edge.target) else { continue };
                graph.edges.push(Edge {
                    source,
                    target: *target,
                    source_port,
                    target_port: edge.target_port,
                    input: input.unwrap_or_default(),
                    place: edge.place,
                    implicit: edge.implicit,
                });
            }
            Some(occurrence) => {
                let Some(definition) = definition(graph, *occurrence) else { continue };
                let port = edge.target_port.as_deref().unwrap_or_default();
                let Some(public) = definition.inputs.iter().find(|input| input.name == port) else {
                    let known = definition.inputs.iter().map(|input| input.name.as_str());
                    found.push(rules::unknown_port::submodel(
                        &edge.place,
                        &edge.target,
                        port,
                        "input",
                        known,
                    ));
                    continue;
                };
                let targets: Vec<_> = public
                    .targets
                    .iter()
                    .filter_map(|end| {
                        let target = names.get(&format!("{}.{}", edge.target, end.node))?;
                        Some((*target, end.handle.clone()))
                    })
                    .collect();
                for (target, target_port) in targets {
                    graph.edges.push(Edge {
                        source,
                        target,
                        source_port: source_port.clone(),
                        target_port,
                        input: identifier(port).into_owned(),
                        place: edge.place.clone(),
                        implicit: false,
                    });
                }
            }
        }
    }
}

/// Edges inside a definition, once per occurrence.
fn open_definition(
    graph: &mut Graph,
    modules: &[Module],
    module: usize,
    names: &HashMap<String, usize>,
    edges: &[LocalEdge],
) {
    let occurrences: Vec<String> = graph
        .occurrences
        .iter()
        .filter(|o| graph.definitions.get(o.definition).is_some_and(|d| d.module == module))
        .map(|o| o.name.clone())
        .collect();
    for occurrence in occurrences {
        for edge in edges {
            let source = names.get(&format!("{occurrence}.{}", edge.source));
            let target = names.get(&format!("{occurrence}.{}", edge.target));
            let (Some(source), Some(target)) = (source, target) else { continue };
            let kind = kind_of(graph, modules, *source);
            graph.edges.push(Edge {
                source: *source,
                target: *target,
                source_port: edge.source_port.clone(),
                target_port: edge.target_port.clone(),
                input: input_name(kind, &edge.source, edge.source_port.as_ref()),
                place: edge.place.clone(),
                implicit: edge.implicit,
            });
        }
    }
}

fn definition(graph: &Graph, occurrence: usize) -> Option<&Definition> {
    graph.definitions.get(graph.occurrences.get(occurrence)?.definition)
}

fn kind_of(graph: &Graph, modules: &[Module], node: usize) -> NodeKind {
    graph
        .nodes
        .get(node)
        .and_then(|node| modules.get(node.module)?.functions.get(node.function))
        .map_or(NodeKind::Polars, |function| function.kind)
}
