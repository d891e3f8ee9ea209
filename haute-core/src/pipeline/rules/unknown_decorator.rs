//! HT0208: Haute has no such node type.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId, closest};
use crate::pipeline::kind::ALL;

/// Haute has no such node type.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0208"),
    title: "Haute has no such node type",
    explain: r#"The name behind `@pipeline.` says what a node does. Haute 0.6 knows api_input, data_input, data_output, polars, edge_join,
banding, rating_step, model_score, external_file, live_switch, constant, scenario_expander, optimiser_apply, output,
modelling, optimiser, explore and instance; data_source and data_sink are the names of Haute 0.3, node the one of 0.1
and 0.2. Anything else stops Haute when it imports the file.

Example:

    @pipeline.bandings(config="config/banding/ages.json")     # unknown
    @pipeline.banding(config="config/banding/ages.json")"#,
};

/// `name` is what stands behind `@pipeline.`.
#[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "only the reader finds this"))]
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, name: &str) -> Diagnostic {
    let known = ALL.iter().map(|kind| kind.decorator());
    let diagnostic =
        Diagnostic::error(INFO.code, format!("there is no node type `{name}`")).at(file, range, "");
    match closest(name, known) {
        Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
        None => diagnostic.help("the node types are listed by `haute-cli explain HT0208`"),
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_close_name_is_suggested() {
        let sample = Sample::valid().replace("rating/main.py", "@pipeline.polars", "@pipeline.polar");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0208]: there is no node type `polar`
          --> rating/main.py:11:1
          help: did you mean `polars`?
        "#);
    }
}
