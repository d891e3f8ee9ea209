//! HT0203: there is not exactly one pipeline.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};
use crate::pipeline::reader::Receiver;

/// There is not exactly one pipeline.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0203"),
    title: "there is not exactly one pipeline",
    explain: r#"Haute looks for one assignment to the name `pipeline` at the top level of the file, and takes everything decorated with
`@pipeline...` as its nodes. Without it there is nothing to price; with two, which nodes belong to which is known only
when Python runs, and the first one would be served with the nodes of the second.

Example:

    import haute

    pipeline = haute.Pipeline("motor")     # exactly once, under exactly this name"#,
};

/// The name is bound a second time.
#[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "only the reader finds this"))]
pub(crate) fn rebound(
    file: FileId,
    range: Range<usize>,
    first: Range<usize>,
    receiver: Receiver,
) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("`{}` is made twice", receiver.variable()))
        .at(file, range, "made again here")
        .context(file, first, "made here first")
        .help(format!("keep one `{} = haute.{}(...)`", receiver.variable(), receiver.class()))
}

/// The main file makes a pipeline.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if let Some(main) = context.graph.main()
        && main.constructor.is_none()
        && !main.damaged
    {
        found.push(
            Diagnostic::error(INFO.code, "the file makes no pipeline")
                .at(main.file, 0..0, "")
                .help("add `pipeline = haute.Pipeline(\"name\")` above the first node"),
        );
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn the_pipeline_is_made_once() {
        let twice = Sample::valid().append("rating/main.py", "\npipeline = haute.Pipeline(\"other\")\n");
        insta::assert_snapshot!(twice.check(), @r#"
        error[HT0203]: `pipeline` is made twice
          --> rating/main.py:22:1 made again here
              rating/main.py:4:1 made here first
          help: keep one `pipeline = haute.Pipeline(...)`
        "#);
        insta::assert_snapshot!(Sample::valid().write("rating/main.py", "import haute\n").check(), @r#"
        error[HT0203]: the file makes no pipeline
          --> rating/main.py:1:1
          help: add `pipeline = haute.Pipeline("name")` above the first node
        "#);
    }
}
