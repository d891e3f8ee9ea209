//! HT0240: a sidecar is missing or out of reach.

use std::io;
use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId, closest};
use crate::pipeline::files::{Files, PathProblem};
use crate::pipeline::kind::NodeKind;

/// A sidecar is missing or out of reach.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0240"),
    title: "a sidecar is missing or out of reach",
    explain: r#"The settings of a node stand in a JSON file, its sidecar, named by `config=` in the decorator and looked for below the
folder of the pipeline file. Without it the node has no tables, no bands or no model. The path must stay inside the
project, also after links are followed. A file that exists on one machine only is usually one that was not committed.

Example:

    @pipeline.banding(config="config/banding/ages.json")
    def ages(policy): ...

    rating/main.py
    rating/config/banding/ages.json"#,
};

/// The sidecar `reference` leads nowhere.
pub(crate) fn diagnostic(
    file: FileId,
    range: Range<usize>,
    reference: &str,
    problem: &PathProblem,
    kind: NodeKind,
    files: &Files,
) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(INFO.code, problem.message("sidecar", reference)).at(file, range, "");
    if matches!(problem, PathProblem::Missing) {
        let folder = reference.rsplit_once('/').map_or("", |(folder, _)| folder);
        let at = files.root().join(files.directory()).join(folder);
        let names: Vec<String> = std::fs::read_dir(at)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        let wanted = reference.rsplit('/').next().unwrap_or(reference);
        if let Some(close) = closest(wanted, names.iter().map(String::as_str)) {
            diagnostic = diagnostic.help(format!("did you mean `{folder}/{close}`?"));
        } else if let Some(expected) = kind.folder() {
            diagnostic = diagnostic
                .note(format!("sidecars of {} nodes stand in `config/{expected}/`", kind.decorator()));
        }
    }
    diagnostic
}

/// The sidecar is there but cannot be opened.
pub(crate) fn unreadable(
    file: FileId,
    range: Range<usize>,
    reference: &str,
    error: &io::Error,
) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("the sidecar `{reference}` cannot be read: {}", error.kind()))
        .at(file, range, "")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_missing_sidecar_is_named_where_it_is_used() {
        let sample = Sample::valid().remove("rating/config/quote_response/price.json");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0240]: the sidecar `config/quote_response/price.json` does not exist
          --> rating/main.py:16:25
          note: sidecars of output nodes stand in `config/quote_response/`
        "#);
        let sample =
            Sample::valid().replace("rating/main.py", "config/quote_response/price.json", "../../price.json");
        assert!(sample.check().contains("outside the project"));
    }
}
