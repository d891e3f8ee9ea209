//! HT0209: a value has to be written out.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// A value has to be written out.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0209"),
    title: "a value has to be written out",
    explain: r#"Names of nodes, ports, files and the arguments of decorators are read without running Python, so they are plain text,
numbers, lists and dicts. A variable, an f-string, a call or `**arguments` has a value only when the file runs; taking a
guess could wire another node, or read another table, than the one that prices.

Example:

    TABLES = "config/rating_step/tables.json"

    @pipeline.rating_step(config=TABLES)                              # refused
    @pipeline.rating_step(config="config/rating_step/tables.json")    # read as it stands"#,
};

/// `reason` says what is not written out.
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, reason: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, "a value is not written out")
        .at(file, range, reason)
        .help("write the text, number, list or dict itself")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn computed_arguments_are_refused() {
        let sample = Sample::valid()
            .replace("rating/main.py", "@pipeline.polars", "@pipeline.polars(**options)")
            .replace("rating/main.py", "source_port=\"policy\"", "source_port=PORT");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0209]: a value is not written out
          --> rating/main.py:11:18 `**` is expanded only when Python runs
          help: write the text, number, list or dict itself
        error[HT0224]: an edge from the quote input `quote` names no table
          --> rating/main.py:20:10
          help: write `pipeline.connect("quote", "priced", source_port="policy")`, and name the parameter after the table
        error[HT0209]: a value is not written out
          --> rating/main.py:20:49 this must be text written out, so that the graph can be read without running Python
          help: write the text, number, list or dict itself
        "#);
    }
}
