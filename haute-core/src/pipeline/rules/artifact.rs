//! HT0260: a file the price needs is missing.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::files::PathProblem;
use crate::pipeline::module::Function;
use crate::pipeline::needs::{Reference, references};

/// A file the price needs is missing.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0260"),
    title: "a file the price needs is missing",
    explain: r#"Models, tables and objects on the scoring path are part of the release, so they must be in the project when it is built. The
path is looked for below the project's folder first, then below the pipeline's, as Haute does. A file that exists on one
machine only, often because .gitignore hides `data/` or `models/`, stops a fresh clone from being deployed.

Example:

    {"sourceType": "file", "model_path": "rating/models/frequency.cbm"}

    motor/haute.toml
    motor/rating/models/frequency.cbm      # committed"#,
};

/// Files named on the path are there.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    each_reference(context, |function, reference, problem| {
        if matches!(problem, PathProblem::Missing | PathProblem::Empty) {
            found.push(
                Diagnostic::error(INFO.code, problem.message(reference.what, reference.path))
                    .at(function.settings.file, reference.range.clone(), "")
                    .note(format!("the node `{}` needs it for a price", function.name))
                    .help("add the file to the project, and check that .gitignore does not hide it"),
            );
        }
    });
}

/// Calls `judge` for every path on the scoring path that leads nowhere.
pub(crate) fn each_reference(
    context: &Context<'_>,
    mut judge: impl FnMut(&Function, &Reference<'_>, &PathProblem),
) {
    for node in context.nodes_on_path() {
        let Some(function) = context.graph.effective(node) else { continue };
        if context.path.is_some_and(|path| path.inputs.contains(&node)) || function.settings.damaged {
            continue;
        }
        for reference in references(function) {
            if let Err(problem) = context.files.artifact(reference.path) {
                judge(function, &reference, &problem);
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_missing_model_is_named() {
        let sample = Sample::with_model(
            "{\"sourceType\": \"file\", \"model_path\": \"models/frequency.cbm\", \"task\": \"regression\"}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0260]: the model file `models/frequency.cbm` does not exist
          --> rating/config/model_scoring/step.json:1:38
          note: the node `step` needs it for a price
          help: add the file to the project, and check that .gitignore does not hide it
        "#);
    }
}
