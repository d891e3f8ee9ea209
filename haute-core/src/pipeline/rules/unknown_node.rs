//! HT0223: an edge names a node that does not exist.

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId, closest};
use crate::pipeline::module::Located;

/// An edge names a node that does not exist.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0223"),
    title: "an edge names a node that does not exist",
    explain: r#"`pipeline.connect("a", "b")` says that b takes a as an input. If either name is wrong, the edge is missing from the graph,
and a node that should have received a table is computed without it or not at all. Haute stops when it imports the file.
The usual causes are a renamed function and a missing `pipeline.submodel(...)` line.

Example:

    @pipeline.polars
    def priced(policy): ...

    pipeline.connect("policy_bands", "prices")     # the node is called `priced`"#,
};

/// `role` is "source" or "target"; `names` are the nodes there are.
pub(crate) fn diagnostic<'a>(
    file: FileId,
    end: &Located,
    role: &str,
    names: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    let message = format!("there is no node `{}`", end.text);
    let diagnostic =
        Diagnostic::error(INFO.code, message).at(file, end.range.clone(), format!("the {role} of this edge"));
    match closest(&end.text, names.iter().copied()) {
        Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
        None => diagnostic.note(format!("the nodes are {}", names.join(", "))),
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_close_name_is_suggested() {
        let sample = Sample::valid()
            .append("rating/main.py", "\npipeline.connect(\"quote\", \"pricd\", source_port=\"policy\")\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0223]: there is no node `pricd`
          --> rating/main.py:22:27 the target of this edge
          help: did you mean `price`?
        "#);
    }
}
