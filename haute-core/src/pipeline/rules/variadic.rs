//! HT0211: a node takes any number of inputs.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// A node takes any number of inputs.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0211"),
    title: "a node takes any number of inputs",
    explain: r"The parameters of a node name its inputs, one each. `*args` and `**kwargs` name none: which input a frame is would depend
on the order of `connect` calls alone, and Haute's editor and its scoring do not agree on what such a node receives.
Name every input.

Example:

    @pipeline.polars
    def joined(*frames): ...                  # refused

    @pipeline.polars
    def joined(policy, claims): ...",
};

/// No node function takes `*args` or `**kwargs`.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for module in &context.graph.modules {
        for function in &module.functions {
            for range in &function.variadic {
                found.push(
                    Diagnostic::error(
                        INFO.code,
                        format!("the node `{}` takes any number of inputs", function.name),
                    )
                    .at(module.file, range.clone(), "names no input")
                    .help("name each input with a parameter of its own"),
                );
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn inputs_are_named_one_by_one() {
        let sample = Sample::valid().replace(
            "rating/main.py",
            "def priced(policy: pl.LazyFrame)",
            "def priced(policy, **more)",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0211]: the node `priced` takes any number of inputs
          --> rating/main.py:12:20 names no input
          help: name each input with a parameter of its own
        "#);
    }
}
