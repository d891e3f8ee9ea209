//! HT0233: something is connected behind a node that gives nothing on.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::Generation;

/// Something is connected behind a node that gives nothing on.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0233"),
    title: "something is connected behind a node that gives nothing on",
    explain: r#"Outputs, data outputs, training, optimisation and exploration nodes end a branch: nothing can be computed from them. An
edge that starts at one is refused by Haute's editor. If the path to the answer leads through one, take the edge from the
node before it instead.

Example:

    pipeline.connect("saved_quotes", "price")     # saved_quotes is a data_output
    pipeline.connect("priced", "price")           # what it saves comes from priced"#,
};

/// No edge starts at an end.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    if graph.generation != Generation::Declared {
        return;
    }
    for edge in &graph.edges {
        let kind = graph.kind(edge.source);
        if !kind.is_sink() {
            continue;
        }
        let mut diagnostic = Diagnostic::error(
            INFO.code,
            format!(
                "`{}` takes its input from `{}`, which gives nothing on",
                graph.id(edge.target),
                graph.id(edge.source)
            ),
        )
        .at(edge.place.file, edge.place.range.clone(), "this edge");
        if let Some(place) = graph.place(edge.source) {
            diagnostic = diagnostic.context(
                place.file,
                place.range,
                format!("{} nodes end their branch", kind.decorator()),
            );
        }
        found.push(diagnostic.help("take the edge from the node before it"));
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn an_output_ends_its_branch() {
        let sample = Sample::valid()
            .append("rating/main.py", "\n@pipeline.polars\ndef more(price):\n    return price\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0233]: `more` takes its input from `price`, which gives nothing on
          --> rating/main.py:23:10 this edge
              rating/main.py:17:5 output nodes end their branch
          help: take the edge from the node before it
        "#);
    }
}
