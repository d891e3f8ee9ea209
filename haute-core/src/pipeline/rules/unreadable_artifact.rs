//! HT0262: a file the price needs cannot be read.

use super::Context;
use super::artifact::each_reference;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::files::PathProblem;
use crate::pipeline::needs::references;

/// A file the price needs cannot be read.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0262"),
    title: "a file the price needs cannot be read",
    explain: r"The path of a model, table or object leads to something that is not a file that can be read: a directory, or a file whose
permissions keep the user who builds the release out. A release carries files, one by one, so that each has a digest; a
directory of Parquet parts is merged into one file first.

Example:

    chmod u+r rating/models/frequency.cbm",
};

/// Files named on the path can be read.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    each_reference(context, |function, reference, problem| {
        if matches!(problem, PathProblem::Directory | PathProblem::Unreadable(_)) {
            found.push(
                Diagnostic::error(INFO.code, problem.message(reference.what, reference.path))
                    .at(function.settings.file, reference.range.clone(), "")
                    .help("name one file that can be read"),
            );
        }
    });
    for node in context.nodes_on_path() {
        let Some(function) = context.graph.effective(node) else { continue };
        for reference in references(function) {
            if context.path.is_some_and(|path| path.inputs.contains(&node)) {
                continue;
            }
            let Ok(file) = context.files.artifact(reference.path) else { continue };
            if let Err(error) = std::fs::File::open(&file.absolute) {
                let problem = PathProblem::Unreadable(error);
                found.push(
                    Diagnostic::error(INFO.code, problem.message(reference.what, reference.path))
                        .at(function.settings.file, reference.range.clone(), "")
                        .help("let the user who builds the release read the file"),
                );
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_directory_is_no_model() {
        let sample = Sample::with_model(
            "{\"sourceType\": \"file\", \"model_path\": \"models/frequency.cbm\", \"task\": \"regression\"}",
        )
        .write("models/frequency.cbm/part", "x");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0262]: the model file `models/frequency.cbm` is a directory
          --> rating/config/model_scoring/step.json:1:38
          help: name one file that can be read
        "#);
    }
}
