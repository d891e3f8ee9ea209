//! HT0213: a node returns early.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::Generation;

/// A node returns early.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0213"),
    title: "a node returns early",
    explain: r"Haute keeps a node's code as statements that leave their result in `df`; a closing `return` is the one form it can take
over. An earlier `return`, inside an `if` or a loop, cannot be written that way, so Haute refuses the file: there is no
price of `haute run` this project's price could be compared with.

Example:

    if flag:
        return policy                    # refused
    return policy.head(1)

    df = policy if flag else policy.head(1)
    return df",
};

/// Node code returns at its end only.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.graph.generation != Generation::Declared {
        return;
    }
    for module in &context.graph.modules {
        for function in &module.functions {
            if let Some(range) = function.early_returns.first() {
                found.push(
                    Diagnostic::error(INFO.code, format!("the node `{}` returns early", function.name))
                        .at(module.file, range.clone(), "only the last statement may return")
                        .help("assign the result to `df` in each branch and return `df` at the end"),
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
    fn only_the_last_statement_returns() {
        let sample = Sample::valid().replace(
            "rating/main.py",
            "    return policy",
            "    if pl:\n        return policy\n    return policy",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0213]: the node `priced` returns early
          --> rating/main.py:14:9 only the last statement may return
          help: assign the result to `df` in each branch and return `df` at the end
        "#);
    }
}
