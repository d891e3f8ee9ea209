//! HT0280: this version of Haute does not price declared nodes.

use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::Place;

/// This version of Haute does not price declared nodes.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0280"),
    title: "this version of Haute does not price declared nodes",
    explain: r"A release prices through `haute.Pipeline.score`. In Haute 0.1 to 0.4 that method runs the functions as they are written, and the
functions of banding, rating, model and other declared nodes only pass their input on: the price would lack those factors,
while Haute's own deploy applies them. Rather than serve such a price, the release is refused. Pipelines of plain functions
are served by these versions as they are.

To go on: upgrade the project to Haute 0.6 (`haute==0.6.0` in its requirements), open it in the editor and save it once, which
writes typed decorators and sidecars; then compare the prices of the test quotes.

Example:

    haute==0.2.5      # banding and rating steps pass through
    haute==0.6.0",
};

/// A declared node on the path of a version that does not run it.
pub(crate) fn diagnostic(place: Option<Place>, node: &str, kind: &str, version: &str) -> Diagnostic {
    let message = format!("Haute {version} does not price the {kind} node `{node}` outside its own deploy");
    let diagnostic = Diagnostic::error(INFO.code, message)
        .note("in this version `Pipeline.score` passes the node's input through")
        .help("upgrade the project to haute 0.6.0, save it once in the editor, and compare the test quotes");
    match place {
        Some(place) => diagnostic.at(place.file, place.range, ""),
        None => diagnostic,
    }
}

/// A file in a form the version does not read.
pub(crate) fn wrong_form(place: Option<Place>, form: &str, version: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(INFO.code, format!("Haute {version} does not read {form}"))
        .help("pin the version of Haute the project was written with, or save the project in the editor of this one");
    match place {
        Some(place) => diagnostic.at(place.file, place.range, ""),
        None => diagnostic,
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_price_without_its_factors_is_refused() {
        let sample = Sample::valid();
        insta::assert_snapshot!(sample.lower_with("0.3.3"), @r#"
        error[HT0280]: Haute 0.3.3 does not price the api_input node `quote` outside its own deploy
          --> rating/main.py:8:5
          note: in this version `Pipeline.score` passes the node's input through
          help: upgrade the project to haute 0.6.0, save it once in the editor, and compare the test quotes
        "#);
        assert!(sample.lower_with("0.6.0").is_empty());
    }
}
