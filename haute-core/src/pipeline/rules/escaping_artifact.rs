//! HT0261: a file lies outside the project.

use super::Context;
use super::artifact::each_reference;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::files::PathProblem;

/// A file lies outside the project.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0261"),
    title: "a file lies outside the project",
    explain: r#"A release is made from the project alone: what lies outside is on one machine, is not reviewed with the project, and may
change between the test and the deploy. Paths with `..` that leave the project, absolute paths, and links that lead out are
refused, as are names Windows keeps for devices (CON, NUL, COM1, ...), which colleagues there could not even check out.

Example:

    {"path": "/home/anna/tables/areas.parquet"}      # refused
    {"path": "data/areas.parquet"}                   # inside the project"#,
};

/// Files named on the path lie inside the project.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    each_reference(context, |function, reference, problem| {
        if problem.is_forbidden() {
            let mut diagnostic = Diagnostic::error(
                INFO.code,
                problem.message(reference.what, reference.path),
            )
            .at(function.settings.file, reference.range.clone(), "");
            if let PathProblem::Link(target) = problem {
                diagnostic = diagnostic.note(format!("the link leads to `{}`", target.display()));
            }
            found.push(diagnostic.help("move the file into the project and name it by its path from there"));
        }
    });
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn what_lies_outside_is_refused() {
        let sample = Sample::with_model(
            "{\"sourceType\": \"file\", \"model_path\": \"../../frequency.cbm\", \"task\": \"regression\"}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0261]: the model file `../../frequency.cbm` lies outside the project
          --> rating/config/model_scoring/step.json:1:38
          help: move the file into the project and name it by its path from there
        "#);
    }
}
