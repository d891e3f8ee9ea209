//! HT0220: no node answers.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// No node answers.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0220"),
    title: "no node answers",
    explain: r#"The node decorated with `@pipeline.output` is the answer to a quote; everything it depends on is the scoring path and is
shipped, everything else is left out. Without one there is no price to serve. In Haute 0.1 and 0.2 the mark is
`@pipeline.node(output=True)`. An output inside a submodel does not count.

Example:

    @pipeline.output(config="config/quote_response/price.json")
    def price(priced): ..."#,
};

/// At least one node answers.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some(main) = context.graph.main() else { return };
    if !context.outputs.is_empty() || main.damaged || main.functions.is_empty() {
        return;
    }
    let range = main.constructor.as_ref().map_or(0..0, |constructor| constructor.range.clone());
    found.push(
        Diagnostic::error(INFO.code, "no node answers: there is no output node")
            .at(main.file, range, "")
            .help("decorate the node that gives the price with `@pipeline.output(config=\"config/quote_response/<name>.json\")`"),
    );
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn without_an_output_there_is_no_price() {
        let sample = Sample::valid()
            .replace(
                "rating/main.py",
                "@pipeline.output(config=\"config/quote_response/price.json\")",
                "@pipeline.polars",
            )
            .replace("rating/main.py", "def price(priced): ...", "def price(priced):\n    return priced");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0220]: no node answers: there is no output node
          --> rating/main.py:4:1
          help: decorate the node that gives the price with `@pipeline.output(config="config/quote_response/<name>.json")`
        "#);
    }
}
