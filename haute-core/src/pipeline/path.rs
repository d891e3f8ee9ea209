//! The scoring path: the nodes a price goes through.

use super::graph::Graph;
use super::kind::NodeKind;

/// The part of the graph a price goes through: the ancestors of the output, with the live branch of each switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoringPath {
    /// The node that answers.
    pub output: usize,
    /// The nodes, in the order of [`Graph::nodes`].
    pub nodes: Vec<usize>,
    /// The edges between them, in the order of [`Graph::edges`].
    pub edges: Vec<usize>,
    /// The nodes that receive the quote: the quote inputs, or the one static table that stands in for one.
    pub inputs: Vec<usize>,
}

impl ScoringPath {
    /// Whether a node is on the path.
    pub fn contains(&self, node: usize) -> bool {
        self.nodes.binary_search(&node).is_ok()
    }

    /// The edges on the path that lead to `node`, in order of input.
    pub fn inputs_of<'g>(&self, graph: &'g Graph, node: usize) -> Vec<&'g super::graph::Edge> {
        graph
            .incoming
            .get(node)
            .into_iter()
            .flatten()
            .filter(|edge| self.edges.binary_search(edge).is_ok())
            .filter_map(|edge| graph.edges.get(*edge))
            .collect()
    }
}

/// The output nodes of the main file.
pub(crate) fn outputs(graph: &Graph) -> Vec<usize> {
    (0..graph.nodes.len())
        .filter(|node| graph.nodes.get(*node).is_some_and(|n| n.occurrence.is_none()))
        .filter(|node| {
            graph.function(*node).is_some_and(|function| {
                function.kind == NodeKind::Output
                    || function.settings.value.get("output").is_some_and(|value| !value.is_empty())
            })
        })
        .collect()
}

/// The path to `output`.
pub(crate) fn trace(graph: &Graph, output: usize) -> ScoringPath {
    let mut on_path = vec![false; graph.nodes.len()];
    let mut edges = Vec::new();
    let mut open = vec![output];
    if let Some(flag) = on_path.get_mut(output) {
        *flag = true;
    }
    while let Some(node) = open.pop() {
        for index in graph.incoming.get(node).into_iter().flatten() {
            let Some(edge) = graph.edges.get(*index) else { continue };
            if graph.kind(node) == NodeKind::LiveSwitch && !is_live(graph, node, &edge.input) {
                continue;
            }
            edges.push(*index);
            if let Some(flag) = on_path.get_mut(edge.source)
                && !*flag
            {
                *flag = true;
                open.push(edge.source);
            }
        }
    }
    edges.sort_unstable();
    edges.dedup();
    let nodes: Vec<usize> = on_path.iter().enumerate().filter(|(_, on)| **on).map(|(node, _)| node).collect();
    let of_kind = |kind: NodeKind| -> Vec<usize> {
        nodes.iter().copied().filter(|node| graph.kind(*node) == kind).collect()
    };
    let mut inputs = of_kind(NodeKind::ApiInput);
    if inputs.is_empty() {
        let tables = of_kind(NodeKind::DataInput);
        if tables.len() == 1 {
            inputs = tables;
        }
    }
    ScoringPath { output, nodes, edges, inputs }
}

/// Whether `input` is the input a switch routes when a quote is priced. A switch without any live input
/// routes nothing; a rule reports it.
fn is_live(graph: &Graph, switch: usize, input: &str) -> bool {
    let Some(function) = graph.effective(switch) else { return false };
    let Some(map) = function.settings.value.get("input_scenario_map") else { return false };
    let live = map.members().iter().find(|member| member.value.text() == Some("live"));
    let original = live.map(|member| member.key.as_str());
    let Some(original) = original else { return false };
    if graph.nodes.get(switch).is_some_and(|node| node.original.is_some()) {
        // The map speaks of the original's inputs.
        return super::instance::pairs(graph, switch)
            .is_ok_and(|pairs| pairs.iter().any(|(theirs, own)| theirs == original && own == input));
    }
    original == input
}
