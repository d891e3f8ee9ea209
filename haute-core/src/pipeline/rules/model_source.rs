//! HT0246: a model node names no model.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::models::distributions;

/// A model node names no model.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0246"),
    title: "a model node names no model",
    explain: r#"A model_score node predicts with a model: a file of the project (`"sourceType": "file"`, `model_path`), a run or a registered
model of MLflow. Without a source Haute's deploy leaves the node out of what it ships, and the service then refuses every
quote. The file's suffix says which library reads it: .cbm, .ubj, .lgbm, .rsglm, .ebm, .tboost, and some older ones.

Example:

    {"sourceType": "file", "model_path": "rating/models/frequency.cbm", "task": "regression",
     "output_column": "frequency"}"#,
};

/// Every model node on the path names its model.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (function, settings) in context.functions_on_path(NodeKind::ModelScore) {
        let mut refuse = |range: Range<usize>, message: String| {
            found.push(
                Diagnostic::error(INFO.code, format!("the node `{}` has no model: {message}", function.name))
                    .at(settings.file, range, ""),
            );
        };
        let whole = settings.value.range.clone();
        let Some(source) = settings.value.get("sourceType").or_else(|| settings.value.get("source_type"))
        else {
            refuse(whole, "`sourceType` is missing".to_owned());
            continue;
        };
        let key = match source.text() {
            Some("file") => "model_path",
            Some("run") => "run_id",
            Some("registered") => "registered_model",
            _ => {
                refuse(source.range.clone(), "`sourceType` is file, run or registered".to_owned());
                continue;
            }
        };
        let Some(path) = settings.value.text_at(key) else {
            refuse(whole, format!("`{key}` is missing"));
            continue;
        };
        if key == "model_path" && distributions(path).is_none() {
            let range = settings.value.get(key).map_or(whole, |value| value.range.clone());
            refuse(range, "no library of Haute's reads files of this suffix".to_owned());
        }
        if let Some(task) = settings.value.get("task")
            && !matches!(task.text(), Some("regression" | "classification"))
        {
            refuse(task.range.clone(), "`task` is regression or classification".to_owned());
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_model_node_names_its_model() {
        let sample = Sample::with_model("{\"sourceType\": \"file\", \"task\": \"guess\"}");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0246]: the node `step` has no model: `model_path` is missing
          --> rating/config/model_scoring/step.json:1:1
        "#);
    }
}
