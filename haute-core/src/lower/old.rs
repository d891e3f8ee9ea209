//! Pipelines of Haute 0.1 to 0.4, whose `Pipeline.score` runs every function as it is written.

use std::fmt::Write as _;

use super::python;
use crate::diagnostic::Diagnostic;
use crate::pipeline::{Checked, Edge, Generation, NodeKind, cannot_ship, old_haute};

/// Whether this version of Haute runs the functions of declared nodes as they are written.
pub(super) fn is_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let (major, minor) = (parts.next().unwrap_or(u32::MAX), parts.next().unwrap_or(u32::MAX));
    major == 0 && minor < 5
}

/// Whether this version reads `@pipeline.node`.
fn reads_generic(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let (major, minor) = (parts.next().unwrap_or(u32::MAX), parts.next().unwrap_or(u32::MAX));
    major == 0 && minor < 3
}

/// What this version cannot price or read.
pub(super) fn refuse(checked: &Checked, version: &str, found: &mut Vec<Diagnostic>) {
    let graph = &checked.graph;
    let first = checked.path.nodes.first().and_then(|node| graph.place(*node));
    match graph.generation {
        Generation::Generic if !reads_generic(version) => {
            found.push(old_haute::wrong_form(first, "`@pipeline.node`", version));
            return;
        }
        Generation::Typed if !is_old(version) => {
            found.push(old_haute::wrong_form(first, "`data_source` and `data_sink`", version));
            return;
        }
        Generation::Typed | Generation::Declared if reads_generic(version) => {
            found.push(old_haute::wrong_form(first, "typed decorators", version));
            return;
        }
        _ => {}
    }
    if !is_old(version) {
        return;
    }
    let functions: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
    for &node in &checked.path.nodes {
        let kind = graph.kind(node);
        // These versions let one node's code call another node's function: it would have to ship with it.
        if let Some(function) = graph.function(node) {
            let called = functions.iter().find(|name| {
                function.reads.contains(**name)
                    && !function.parameters.iter().any(|parameter| parameter.name == **name)
                    && !graph.find(name).is_some_and(|other| checked.path.contains(other))
            });
            if let Some(called) = called {
                found.push(cannot_ship::diagnostic(
                    graph.place(node),
                    format!("`{}` calls the node `{called}`, which is off the scoring path", function.name),
                    "move the shared code into a function of the `utility` package",
                ));
            }
        }
        let has_tables = graph
            .effective(node)
            .is_some_and(|f| f.kind == NodeKind::ApiInput && f.settings.value.get("tables").is_some());
        let passes_through = matches!(
            kind,
            NodeKind::Banding
                | NodeKind::RatingStep
                | NodeKind::ModelScore
                | NodeKind::Constant
                | NodeKind::EdgeJoin
                | NodeKind::ScenarioExpander
                | NodeKind::OptimiserApply
                | NodeKind::ExternalFile
        ) || graph
            .nodes
            .get(node)
            .is_some_and(|node| node.original.is_some() || node.occurrence.is_some());
        if passes_through || has_tables {
            let name = graph.id(node);
            found.push(old_haute::diagnostic(graph.place(node), name, kind.decorator(), version));
        }
    }
}

/// The pipeline file, its functions as written and its edges explicit.
pub(super) fn write(checked: &Checked) -> Option<String> {
    let graph = &checked.graph;
    let main = graph.main()?;
    let mut parts: Vec<(usize, String)> = main
        .kept
        .iter()
        .map(|range| (range.start, format!("{}\n", python::slice(main, range.clone()).trim_end())))
        .collect();
    let mut edges = String::new();
    for &node in &checked.path.nodes {
        let Some(function) = graph.function(node) else { continue };
        let inputs = checked.path.inputs_of(graph, node);
        if function.kind == NodeKind::LiveSwitch {
            let parameter = inputs.first().map_or("df", |edge| edge.input.as_str());
            let decorator = if graph.generation == Generation::Generic { "node" } else { "polars" };
            let text = format!(
                "\n\n@pipeline.{decorator}\ndef {}({parameter}):\n    return {parameter}\n",
                function.name
            );
            parts.push((function.range.start, text));
        } else {
            let text = python::slice(main, function.range.clone());
            parts.push((function.range.start, format!("\n\n{}\n", text.trim_end())));
        }
        // Frames are passed in the order of edges; where parameters name them, theirs is the order.
        let position = |edge: &Edge| function.parameters.iter().position(|p| p.name == edge.input);
        let mut inputs = inputs;
        if inputs.iter().all(|edge| position(edge).is_some()) {
            inputs.sort_by_key(|edge| position(edge));
        }
        for edge in inputs {
            let source = graph.id(edge.source);
            let _infallible = writeln!(
                edges,
                "pipeline.connect({}, {})",
                python::text(source),
                python::text(&function.name)
            );
        }
    }
    parts.sort_by_key(|(start, _)| *start);
    let mut text: String = parts.into_iter().map(|(_, text)| text).collect();
    text.push_str("\n\n");
    text.push_str(&edges);
    Some(text)
}
