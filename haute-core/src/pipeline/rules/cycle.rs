//! HT0222: nodes depend on each other in a circle.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::{Edge, Graph};

/// Nodes depend on each other in a circle.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0222"),
    title: "nodes depend on each other in a circle",
    explain: r"A node can only be computed after its inputs. Where the edges lead back to a node itself, none of the nodes on the way
can ever be computed. `haute lint` does not look for this; a deploy fails on it late. The message names the way round,
edge by edge: remove the edge that should not be there, often a parameter that happens to have another node's name.

Example:

    @pipeline.polars
    def base(loaded): ...        # base needs loaded

    @pipeline.polars
    def loaded(base): ...        # loaded needs base",
};

/// The edges lead nowhere back.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    // 0: not seen, 1: on the way, 2: done.
    let mut state = vec![0_u8; graph.nodes.len()];
    for start in 0..graph.nodes.len() {
        if state.get(start) != Some(&0) {
            continue;
        }
        // Each entry: a node, and how many of its incoming edges were followed.
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((node, followed)) = way.last_mut() {
            let node = *node;
            if *followed == 0
                && let Some(mark) = state.get_mut(node)
            {
                *mark = 1;
            }
            let next = graph.incoming.get(node).and_then(|edges| edges.get(*followed)).copied();
            *followed += 1;
            let Some(edge) = next.and_then(|edge| graph.edges.get(edge)) else {
                if let Some(mark) = state.get_mut(node) {
                    *mark = 2;
                }
                way.pop();
                continue;
            };
            match state.get(edge.source) {
                Some(0) => way.push((edge.source, 0)),
                Some(1) => {
                    let from = way.iter().position(|(node, _)| *node == edge.source).unwrap_or_default();
                    let ring: Vec<usize> = way.iter().skip(from).map(|(node, _)| *node).collect();
                    report(graph, &ring, edge, found);
                }
                _ => {}
            }
        }
    }
}

fn report(graph: &Graph, ring: &[usize], closing: &Edge, found: &mut Vec<Diagnostic>) {
    // The way was walked against the edges.
    let mut names: Vec<&str> = ring.iter().rev().map(|node| graph.id(*node)).collect();
    names.extend(names.first().copied());
    let message = format!("the nodes depend on each other in a circle: {}", names.join(" → "));
    found.push(
        Diagnostic::error(INFO.code, message)
            .at(closing.place.file, closing.place.range.clone(), "this edge closes the circle")
            .help(
                "remove the edge that should not be there; a parameter named like a node makes an edge too",
            ),
    );
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn the_circle_is_named() {
        let sample = Sample::valid()
            .append("rating/main.py", "\n@pipeline.polars\ndef a(c):\n    return c\n\n@pipeline.polars\ndef b(a):\n    return a\n\n@pipeline.polars\ndef c(b):\n    return b\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0222]: the nodes depend on each other in a circle: b → c → a → b
          --> rating/main.py:27:7 this edge closes the circle
          help: remove the edge that should not be there; a parameter named like a node makes an edge too
        "#);
    }
}
