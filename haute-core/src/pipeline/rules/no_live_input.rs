//! HT0226: nothing on the scoring path takes the quote.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;

/// Nothing on the scoring path takes the quote.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0226"),
    title: "nothing on the scoring path takes the quote",
    explain: r#"A quote enters the pipeline at its `@pipeline.api_input` node. If none is among the nodes the output depends on, the answer
would be the same for every customer. Where a pipeline has no quote input at all, exactly one data_input may stand in for
it: the quote then takes the place of that table. With several, which one is the quote cannot be known.

Example:

    @pipeline.api_input(config="config/quote_input/quote.json")
    def quote(): ...

    pipeline.connect("quote", "priced", source_port="policy")"#,
};

/// The path starts at a quote.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some(path) = context.path else { return };
    let graph = context.graph;
    if !path.inputs.is_empty() || graph.modules.iter().any(|module| module.damaged) {
        return;
    }
    let Some(place) = graph.place(path.output) else { return };
    let tables: Vec<usize> =
        path.nodes.iter().copied().filter(|node| graph.kind(*node) == NodeKind::DataInput).collect();
    let mut diagnostic = Diagnostic::error(
        INFO.code,
        format!("the answer of `{}` does not depend on a quote", graph.id(path.output)),
    )
    .at(place.file, place.range, "no quote input leads here");
    for table in tables {
        if let Some(place) = graph.place(table) {
            diagnostic =
                diagnostic.context(place.file, place.range, "one of several tables that could stand in");
        }
    }
    for node in 0..graph.nodes.len() {
        if graph.kind(node) == NodeKind::ApiInput
            && let Some(place) = graph.place(node)
        {
            diagnostic = diagnostic.context(place.file, place.range, "this quote input leads elsewhere");
        }
    }
    found.push(diagnostic.help(
        "connect the quote input, or mark the table the quote takes the place of with `@pipeline.api_input`",
    ));
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_price_depends_on_a_quote() {
        let sample = Sample::valid()
            .replace("rating/main.py", "pipeline.connect(\"quote\", \"priced\", source_port=\"policy\")", "")
            .replace("rating/main.py", "def priced(policy: pl.LazyFrame)", "def priced()");
        insta::assert_snapshot!(sample.check(), @r#"
        warning[HT0225]: the node `quote` is connected to nothing
          --> rating/main.py:8:5 takes no part in any price
          help: connect it or remove it
        error[HT0226]: the answer of `price` does not depend on a quote
          --> rating/main.py:17:5 no quote input leads here
              rating/main.py:8:5 this quote input leads elsewhere
          help: connect the quote input, or mark the table the quote takes the place of with `@pipeline.api_input`
        "#);
    }
}
