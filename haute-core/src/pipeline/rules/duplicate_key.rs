//! HT0242: a key stands twice in one object.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// A key stands twice in one object.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0242"),
    title: "a key stands twice in one object",
    explain: r#"JSON readers keep the last of two equal keys and say nothing. In a table of factors that means one of two values is
silently gone, and which one differs between tools. Haute refuses a sidecar with a repeated key, and so does this check:
decide which value is meant and delete the other.

Example:

    {"rules": {"A": "town", "B": "town", "A": "rural"}}      # is A town or rural?"#,
};

/// Both places of the key.
pub(crate) fn diagnostic(file: FileId, first: Range<usize>, second: Range<usize>, key: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("the key `{key}` stands twice"))
        .at(file, second, "again here")
        .context(file, first, "first here")
        .help("delete one of the two")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn both_places_are_shown() {
        let sample = Sample::valid().write(
            "rating/config/quote_response/price.json",
            "{\"outputFormat\": \"json\",\n \"outputFormat\": \"json\"}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0242]: the key `outputFormat` stands twice
          --> rating/config/quote_response/price.json:2:2 again here
              rating/config/quote_response/price.json:1:2 first here
          help: delete one of the two
        "#);
    }
}
