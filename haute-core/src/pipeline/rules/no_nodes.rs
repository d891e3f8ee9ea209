//! HT0205: the pipeline has no nodes.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// The pipeline has no nodes.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0205"),
    title: "the pipeline has no nodes",
    explain: r#"A price comes out of nodes: functions decorated with `@pipeline.<type>`. This file has none, so there is nothing to
serve. A fresh `haute init` project looks like this until the first node is added in the editor. Functions without a
decorator are helpers, not nodes, and decorators on another variable than `pipeline` do not count.

Example:

    @pipeline.polars
    def priced(policy):
        return policy.with_columns(premium=pl.col("age") * 2.0)"#,
};

/// The main file has at least one node.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if let Some(main) = context.graph.main()
        && let Some(constructor) = &main.constructor
        && main.functions.is_empty()
        && !main.damaged
    {
        found.push(
            Diagnostic::error(INFO.code, "the pipeline has no nodes")
                .at(main.file, constructor.range.clone(), "nothing is decorated with `@pipeline...`")
                .help("add the nodes in Haute's editor, or write a decorated function"),
        );
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_fresh_project_is_told_what_is_missing() {
        let sample =
            Sample::valid().write("rating/main.py", "import haute\n\npipeline = haute.Pipeline(\"motor\")\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0205]: the pipeline has no nodes
          --> rating/main.py:3:1 nothing is decorated with `@pipeline...`
          help: add the nodes in Haute's editor, or write a decorated function
        "#);
    }
}
