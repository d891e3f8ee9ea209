//! HT0210: a node is declared async.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// A node is declared async.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0210"),
    title: "a node is declared async",
    explain: r"Haute calls a node and expects a frame. `async def` gives a coroutine instead, which nothing awaits, so the node never
computes anything. Haute refuses such a node. Polars runs in parallel by itself: a node gains nothing from `async`.

Example:

    @pipeline.polars
    async def priced(policy): ...      # refused

    @pipeline.polars
    def priced(policy): ...",
};

/// No node function is `async`.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for module in &context.graph.modules {
        for function in module.functions.iter().filter(|function| function.is_async) {
            found.push(
                Diagnostic::error(INFO.code, format!("the node `{}` is `async`", function.name))
                    .at(module.file, function.name_range.clone(), "gives a coroutine, not a frame")
                    .help("remove `async`"),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn async_is_refused() {
        let sample = Sample::valid().replace("rating/main.py", "def priced", "async def priced");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0210]: the node `priced` is `async`
          --> rating/main.py:12:11 gives a coroutine, not a frame
          help: remove `async`
        "#);
    }
}
