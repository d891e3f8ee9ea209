//! HT0212: a node's body does not fit its type.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::Generation;
use crate::pipeline::kind::NodeKind;
use crate::pipeline::module::BodyShape;

/// A node's body does not fit its type.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0212"),
    title: "a node's body does not fit its type",
    explain: r#"A `polars` node is its body. Every other node does its work from its settings, and its function is either a declaration
(`...`, with the inputs as parameters) or, for data_input, rating_step, model_score, scenario_expander, external_file and
explore, a hook: code on the node's own result. A hook starts with the parameter `df`; an external_file hook has the
keyword-only parameter `obj`. A body where none is called never runs, so a correction written there would be missing
from every price; Haute refuses it.

Example:

    @pipeline.banding(config="config/banding/ages.json")
    def ages(policy):
        return policy.filter(pl.col("age") > 17)     # never called: put it into a polars node

    @pipeline.rating_step(config="config/rating_step/base.json")
    def base(df):
        df = df.with_columns(pl.col("base") * 1.1)   # a hook: runs on the looked-up table
        return df"#,
};

/// Bodies are where they run, and nowhere else.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.graph.generation != Generation::Declared {
        return;
    }
    for module in &context.graph.modules {
        for function in &module.functions {
            let is_declaration = function.body == BodyShape::Declaration;
            let kind = function.kind;
            let (message, help) = match kind {
                NodeKind::Polars if is_declaration => (
                    format!("the node `{}` has no code", function.name),
                    "write what it computes and return the frame".to_owned(),
                ),
                NodeKind::Polars | NodeKind::Instance => continue,
                _ if function.is_hook() && is_declaration => (
                    format!("the hook `{}` has no code", function.name),
                    "add the code, or name the inputs as parameters and leave `...`".to_owned(),
                ),
                _ if !function.is_hook() && !is_declaration && kind.takes_hook() => (
                    format!("the body of `{}` is never called", function.name),
                    if kind == NodeKind::ExternalFile {
                        "add the keyword-only parameter `obj`: `def f(frame, *, obj)`".to_owned()
                    } else {
                        "make `df` the first parameter: it is the frame this node made".to_owned()
                    },
                ),
                _ if !kind.takes_hook() && !is_declaration => (
                    format!("the body of `{}` is never called", function.name),
                    format!("{} nodes take no code: replace the body by `...`", kind.decorator()),
                ),
                _ => continue,
            };
            found.push(
                Diagnostic::error(INFO.code, message)
                    .at(module.file, function.name_range.clone(), "")
                    .context(module.file, first_line(&module.text, &function.body_range), "the body")
                    .help(help),
            );
        }
    }
}

fn first_line(text: &str, range: &Range<usize>) -> Range<usize> {
    let length = text.get(range.clone()).and_then(|body| body.find('\n')).unwrap_or(range.len());
    range.start..range.start + length
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_body_that_never_runs_is_refused() {
        let sample = Sample::valid()
            .replace(
                "rating/main.py",
                "def price(priced): ...",
                "def price(priced):\n    return priced.head(1)",
            )
            .replace("rating/main.py", "return policy.with_columns(premium=pl.col(\"age\") * 2.0)", "...");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0212]: the node `priced` has no code
          --> rating/main.py:12:5
              rating/main.py:13:5 the body
          help: write what it computes and return the frame
        error[HT0212]: the body of `price` is never called
          --> rating/main.py:17:5
              rating/main.py:18:5 the body
          help: output nodes take no code: replace the body by `...`
        "#);
    }
}
