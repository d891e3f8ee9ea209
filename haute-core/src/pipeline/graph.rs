//! The pipeline as a graph, submodels opened up.

use std::ops::Range;

use serde::Serialize;

use super::kind::NodeKind;
use super::module::{Function, Module};
use crate::diagnostic::FileId;

/// Which form of Haute's pipeline files this is (`haute.md` §2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// `@pipeline.node(...)`, Haute 0.1 and 0.2: every function is run as written.
    Generic,
    /// Typed decorators of Haute 0.3, where the bodies of declarative nodes pass their input through.
    Typed,
    /// Declarations and hooks, Haute 0.5 and later.
    Declared,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file in the report.
    pub file: FileId,
    /// Bytes in it.
    pub range: Range<usize>,
}

/// The pipeline as read.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The name given to `haute.Pipeline`.
    pub name: String,
    /// The form of the file.
    pub generation: Generation,
    /// The main file, then one module per submodel definition.
    pub modules: Vec<Module>,
    /// The submodel definitions, by the module they stand in.
    pub definitions: Vec<Definition>,
    /// The occurrences of submodels, in the order they are registered.
    pub occurrences: Vec<Occurrence>,
    /// The nodes: those of the main file, then those of each occurrence.
    pub nodes: Vec<Node>,
    /// The edges, submodel ports resolved.
    pub edges: Vec<Edge>,
    /// Indices of the edges that lead to each node, in order of input.
    pub incoming: Vec<Vec<usize>>,
}

/// A submodel file.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its module.
    pub module: usize,
    /// The identity it declares.
    pub id: String,
    /// Public inputs.
    pub inputs: Vec<InputPort>,
    /// Public outputs.
    pub outputs: Vec<OutputPort>,
    /// From the file to the pipeline's directory: `..` once per folder.
    pub pipeline_directory: String,
}

/// A public input of a submodel.
#[derive(Clone, Debug)]
pub struct InputPort {
    /// Its name, which is the name of the input in code.
    pub name: String,
    /// The nodes it feeds: node name and, for an edge join, the role.
    pub targets: Vec<Endpoint>,
}

/// A public output of a submodel.
#[derive(Clone, Debug)]
pub struct OutputPort {
    /// Its name, which is the name of the input in code further on.
    pub name: String,
    /// The node it comes from.
    pub source: Endpoint,
}

/// A node of a submodel and one of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The node.
    pub node: String,
    /// The port, when the node has several.
    pub handle: Option<String>,
    /// Where it is declared.
    pub range: Range<usize>,
}

/// A submodel as it is used.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// Its name.
    pub name: String,
    /// Which of [`Graph::definitions`].
    pub definition: usize,
    /// The path in the `submodel` call.
    pub reference: String,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name; below a submodel `<occurrence>.<name>`.
    pub id: String,
    /// Which of [`Graph::modules`].
    pub module: usize,
    /// Which of the module's functions.
    pub function: usize,
    /// Which of [`Graph::occurrences`] it belongs to.
    pub occurrence: Option<usize>,
    /// For an instance: the node it copies.
    pub original: Option<usize>,
}

/// One edge.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The node it starts at.
    pub source: usize,
    /// The node it leads to.
    pub target: usize,
    /// The table of a quote input.
    pub source_port: Option<String>,
    /// The role at an edge join.
    pub target_port: Option<String>,
    /// The name the target's code has for it.
    pub input: String,
    /// Where it is written.
    pub place: Place,
    /// Whether it follows from a parameter's name.
    pub implicit: bool,
}

impl Graph {
    /// The function of a node.
    pub fn function(&self, node: usize) -> Option<&Function> {
        let node = self.nodes.get(node)?;
        self.modules.get(node.module)?.functions.get(node.function)
    }

    /// The function that does a node's work: the original's for an instance.
    pub fn effective(&self, node: usize) -> Option<&Function> {
        let original = self.nodes.get(node)?.original.unwrap_or(node);
        self.function(original)
    }

    /// What a node does, the original's kind for an instance.
    pub fn kind(&self, node: usize) -> NodeKind {
        self.effective(node).map_or(NodeKind::Polars, |function| function.kind)
    }

    /// A node's id.
    pub fn id(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("", |node| node.id.as_str())
    }

    /// The place of a node's name.
    pub fn place(&self, node: usize) -> Option<Place> {
        let entry = self.nodes.get(node)?;
        let module = self.modules.get(entry.module)?;
        let function = module.functions.get(entry.function)?;
        Some(Place { file: module.file, range: function.name_range.clone() })
    }

    /// The edges that lead to a node, in order of input.
    pub fn inputs(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.incoming.get(node).into_iter().flatten().filter_map(|edge| self.edges.get(*edge))
    }

    /// The node called `id`.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// Whether a node takes no inputs: a source by kind, or a transform without parameters.
    pub fn is_source(&self, node: usize) -> bool {
        self.effective(node).is_some_and(|function| {
            function.kind.is_source()
                || (matches!(function.kind, NodeKind::Polars) || function.is_generic)
                    && function.parameters.is_empty()
        })
    }

    /// The module of the main file.
    pub fn main(&self) -> Option<&Module> {
        self.modules.first()
    }
}
