//! HT0201: Python cannot read the file.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// Python cannot read the file.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0201"),
    title: "Python cannot read the file",
    explain: r#"The file does not follow Python's grammar. Nothing can be priced with it, and what stands behind the mistake may be
misread, so rules about the whole graph wait until it is mended. The reader goes on behind each mistake and reports
the first one of every broken statement; what follows from it in the same statement is left out.

Look at the place and just before it: an open bracket, a missing colon or a missing quote is often reported where
Python stumbles, one line late. Very deep nesting (more than 200 open brackets) is refused as Python refuses it.

Example:

    df = priced.with_columns(pl.col("premium") * 1.2     # the bracket is never closed
    df = priced.with_columns(pl.col("premium") * 1.2)    # mended"#,
};

/// `reason` is what the parser says.
#[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "only the reader finds this"))]
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, reason: &str) -> Diagnostic {
    let mut characters = reason.trim_end_matches('.').chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    let reason: String = first.into_iter().chain(characters).collect();
    Diagnostic::error(INFO.code, format!("this is not valid Python: {reason}")).at(file, range, "")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn every_broken_statement_is_reported_once() {
        let sample = Sample::valid()
            .replace("rating/main.py", "pl.col(\"age\") * 2.0)", "pl.col(\"age\" * )")
            .append("rating/main.py", "\nx = = 1\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0201]: this is not valid Python: expected an expression
          --> rating/main.py:13:55
        error[HT0201]: this is not valid Python: expected an expression
          --> rating/main.py:22:5
        "#);
    }
}
