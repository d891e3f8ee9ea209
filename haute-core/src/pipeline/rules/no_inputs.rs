//! HT0232: a node on the scoring path has no input.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;

/// A node on the scoring path has no input.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0232"),
    title: "a node on the scoring path has no input",
    explain: r#"Only quote inputs, data inputs, constants and transforms without parameters start by themselves. Every other node works on
a frame another node made; without an edge it has nothing to work on, and Haute's scoring stops with an error for every
quote. A hook (`def rated(df)`) and a declaration with no parameters need a `pipeline.connect` line: nothing implies their edge.

Example:

    @pipeline.rating_step(config="config/rating_step/base.json")
    def base(df): ...

    pipeline.connect("bands", "base")        # without this line the hook has no input"#,
};

/// Every node on the path that works on a frame has one.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some(path) = context.path else { return };
    let graph = context.graph;
    if graph.modules.iter().any(|module| module.damaged) {
        return;
    }
    for &node in &path.nodes {
        let kind = graph.kind(node);
        if graph.is_source(node) || graph.inputs(node).next().is_some() || kind == NodeKind::EdgeJoin {
            continue;
        }
        // A parameter nothing is connected to is reported where it stands.
        let has_parameters = graph.function(node).is_some_and(|f| !f.input_parameters().is_empty());
        if has_parameters && kind == NodeKind::Polars {
            continue;
        }
        if let Some(place) = graph.place(node) {
            found.push(
                Diagnostic::error(INFO.code, format!("the node `{}` has no input", graph.id(node)))
                    .at(place.file, place.range, "")
                    .help(format!("add `pipeline.connect(\"<node>\", \"{}\")`", graph.id(node))),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_declaration_needs_a_frame() {
        let sample = Sample::valid().replace("rating/main.py", "def price(priced): ...", "def price(): ...");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0226]: the answer of `price` does not depend on a quote
          --> rating/main.py:17:5 no quote input leads here
              rating/main.py:8:5 this quote input leads elsewhere
          help: connect the quote input, or mark the table the quote takes the place of with `@pipeline.api_input`
        error[HT0232]: the node `price` has no input
          --> rating/main.py:17:5
          help: add `pipeline.connect("<node>", "price")`
        "#);
    }
}
