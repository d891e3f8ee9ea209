//! HT0266: a submodel is not defined completely.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// A submodel is not defined completely.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0266"),
    title: "a submodel is not defined completely",
    explain: r#"A submodel file makes exactly one `submodel = haute.Submodel(...)` with a `definition_id`, its `input_ports` and `output_ports`, and
`pipeline_dir`, the way from its folder to the pipeline's (`".."` for a file in `modules/`). Ports name nodes of the file. A
port that names a missing node would deliver nothing, and the price would be computed without the part behind it.

Example:

    submodel = haute.Submodel(
        "perils", definition_id="perils", pipeline_dir="..",
        input_ports=[{"name": "exposure", "targets": [{"nodeId": "theft", "handleId": None}]}],
        output_ports=[{"name": "costs", "source": {"nodeId": "total", "handleId": None}}],
    )"#,
};

/// An occurrence without a name, as Haute 0.2 wrote it.
#[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "only the reader finds this"))]
pub(crate) fn unnamed(file: FileId, range: Range<usize>, path: &str) -> Diagnostic {
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".py");
    Diagnostic::error(INFO.code, "a submodel has no name here")
        .at(file, range, "")
        .note("Haute 0.2 leaves such a submodel out of every price it computes")
        .help(format!("write `pipeline.submodel(\"{path}\", \"{stem}\")`, in the form of Haute 0.6"))
}

/// `message` says what is wrong with the definition.
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, message: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, message).at(file, range, "")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn ports_name_nodes() {
        let sample = Sample::valid()
            .append("rating/main.py", "\npipeline.submodel(\"modules/perils.py\", \"perils\")\n")
            .write(
                "rating/modules/perils.py",
                "import haute\nsubmodel = haute.Submodel(\"perils\", input_ports=[{\"name\": \"a\", \"targets\": [{\"nodeId\": \"x\"}]}], output_ports=[])\n",
            );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0266]: `definition_id` is missing
          --> rating/modules/perils.py:2:1
        error[HT0266]: `pipeline_dir` must be `..`: the way from this file to the pipeline's folder
          --> rating/modules/perils.py:2:1
        error[HT0266]: the submodel has no node `x`
          --> rating/modules/perils.py:2:76
        "#);
    }
}
