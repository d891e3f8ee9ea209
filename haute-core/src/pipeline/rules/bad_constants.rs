//! HT0267: the global constants cannot be read.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// The global constants cannot be read.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0267"),
    title: "the global constants cannot be read",
    explain: r#"`global_constants="config/global_constants.json"` gives every node the constants of that file as `global_constants.<name>`. The
file holds `{"constants": [...]}`; each constant has a name, a type (integer, float, text, boolean, date) and either one `value` or
`by_source` values. Haute reads it only when a node reads a constant, so a mistake shows with the first quote; here it is
found before.

Example:

    {"constants": [
      {"name": "inflation", "type": "float", "value": 1.034},
      {"name": "fee", "type": "float", "by_source": {"live": 12.0, "renewals": 10.0}}
    ]}"#,
};

/// `message` says what is wrong.
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, message: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, message).at(file, range, "")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn constants_have_a_type_and_a_value() {
        let sample = Sample::with_constants(
            "{\"constants\": [{\"name\": \"fee\", \"type\": \"money\", \"value\": 1}, {\"name\": \"a\", \"type\": \"integer\", \"value\": 1.5}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0267]: the constant `fee` needs a `type`: integer, float, text, boolean or date
          --> rating/config/global_constants.json:1:16
        error[HT0267]: the constant `a` is declared as integer, this is a number
          --> rating/config/global_constants.json:1:104
        "#);
    }
}
