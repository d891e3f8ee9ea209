//! HT0265: a submodel's file is missing.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};
use crate::pipeline::files::PathProblem;

/// A submodel's file is missing.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0265"),
    title: "a submodel's file is missing",
    explain: r#"`pipeline.submodel("modules/perils.py", "perils")` puts the nodes of another file into the pipeline. The path is relative to the
pipeline file's folder and may not climb out of it. Haute's own deploy skips submodels and passes their input through, which
prices without them; here a submodel that cannot be read stops the check.

Example:

    pipeline.submodel("modules/perils.py", "perils")

    rating/main.py
    rating/modules/perils.py"#,
};

/// The file leads nowhere.
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, path: &str, problem: &PathProblem) -> Diagnostic {
    Diagnostic::error(INFO.code, problem.message("submodel file", path)).at(file, range, "")
}

/// The path climbs.
pub(crate) fn climbs(file: FileId, range: Range<usize>, path: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("the submodel file `{path}` is not below the pipeline's folder"))
        .at(file, range, "")
        .help("move it below the folder of the pipeline file; Haute follows no `..` here")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_submodel_file_is_there() {
        let sample = Sample::valid()
            .append("rating/main.py", "\npipeline.submodel(\"modules/perils.py\", \"perils\")\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0265]: the submodel file `modules/perils.py` does not exist
          --> rating/main.py:22:19
        "#);
    }
}
