//! HT0204: the graph depends on code that has to run.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// The graph depends on code that has to run.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0204"),
    title: "the graph depends on code that has to run",
    explain: r#"The graph is read from the file without running it: only then is the pipeline that was checked the one that is served,
on every machine. Nodes defined under a condition, `connect` in a loop or a helper, a pipeline handed to other code, or
a second decorator on a node have a meaning only once Python runs, so they are refused where they stand; nothing is guessed.

Write nodes and connections out at the top level, with names as plain text. A block under
`if __name__ == "__main__":` may do as it likes: it does not run when a price is served.

Example:

    for name in ["age", "power"]:              # refused: no edge can be read from a loop
        pipeline.connect("quote", name)

    pipeline.connect("quote", "age")           # written out
    pipeline.connect("quote", "power")"#,
};

/// `reason` says what cannot be known.
#[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "only the reader finds this"))]
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, reason: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, "the pipeline cannot be read without running it")
        .at(file, range, reason)
        .help("write nodes and `connect` calls out at the top level of the file")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_loop_of_connects_is_named_not_guessed() {
        let sample = Sample::valid()
            .append("rating/main.py", "\nfor name in [\"a\"]:\n    pipeline.connect(\"quote\", name)\n")
            .append(
                "rating/main.py",
                "\nif True:\n    @pipeline.polars\n    def more(priced): return priced\n",
            )
            .append("rating/main.py", "\nother = pipeline\npipeline.run(source=\"live\")\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0204]: the pipeline cannot be read without running it
          --> rating/main.py:23:5 this changes the graph only if the code around it runs: write it at the top level
          help: write nodes and `connect` calls out at the top level of the file
        error[HT0204]: the pipeline cannot be read without running it
          --> rating/main.py:26:5 this node exists only if the code around it runs: nodes are defined at the top level
          help: write nodes and `connect` calls out at the top level of the file
        error[HT0204]: the pipeline cannot be read without running it
          --> rating/main.py:29:9 what happens to the pipeline here shows only when Python runs
          help: write nodes and `connect` calls out at the top level of the file
        error[HT0204]: the pipeline cannot be read without running it
          --> rating/main.py:30:10 `pipeline.run(...)` runs whenever the file is imported
          help: write nodes and `connect` calls out at the top level of the file
        "#);
    }
}
