//! HT0241: a sidecar is not JSON.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// A sidecar is not JSON.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0241"),
    title: "a sidecar is not JSON",
    explain: r#"Sidecars are JSON as the standard has it: UTF-8 without a byte order mark, double quotes, no comments, no comma before a
closing bracket, no NaN. The whole file must be one object. Haute refuses anything else, and a table read halfway would
give prices from the half that was read.

Example:

    {"values": [{"name": "base", "value": 120.0},]}      # the last comma is one too many
    {"values": [{"name": "base", "value": 120.0}]}"#,
};

/// `reason` says what is wrong at the place.
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, reason: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("this is not JSON: {reason}")).at(file, range, "")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn the_place_of_a_stray_comma_is_shown() {
        let sample = Sample::valid()
            .write("rating/config/quote_response/price.json", "{\n  \"outputMapping\": [1,]\n}");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0241]: this is not JSON: a comma stands before the closing `]`
          --> rating/config/quote_response/price.json:2:23
        "#);
        let sample = Sample::valid().write("rating/config/quote_response/price.json", "[]");
        assert!(sample.check().contains("holds an object"));
        let sample = Sample::valid().write("rating/config/quote_response/price.json", "\u{feff}{}");
        assert!(sample.check().contains("byte order mark"));
    }
}
