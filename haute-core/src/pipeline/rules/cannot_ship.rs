//! HT0263: a release cannot carry this yet.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::{Generation, Place};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::Value;

/// A release cannot carry this yet.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0263"),
    title: "a release cannot carry this yet",
    explain: r#"A release holds everything a price needs and is the same bytes on every machine. A table in a database or lakehouse, a model in
an MLflow registry, or a table Haute first turns into a snapshot (CSV, Excel, JSON, rows in the sidecar) is not a file of the
project: it could change between the proof and the first quote. So it is refused rather than fetched. Write the table to a
Parquet file of the project, and the model to a file; both are then under review with the project.

Example:

    {"inputType": "file", "format": "parquet", "mode": "scan", "path": "data/areas.parquet"}
    {"sourceType": "file", "model_path": "models/frequency.cbm"}"#,
};

/// Nothing on the path has to be fetched from elsewhere.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.graph.generation == Generation::Generic {
        return;
    }
    for node in context.nodes_on_path() {
        let Some(function) = context.graph.effective(node) else { continue };
        let settings = &function.settings;
        if settings.damaged || context.path.is_some_and(|path| path.inputs.contains(&node)) {
            continue;
        }
        let source = settings.value.get("sourceType").or_else(|| settings.value.get("source_type"));
        let (range, what, help) = match function.kind {
            NodeKind::DataInput => {
                let kind = settings.value.get("inputType");
                let format = settings.value.get("format");
                let mode = settings.value.text_at("mode").unwrap_or("scan");
                match (kind.and_then(Value::text), format.and_then(Value::text)) {
                    (Some("file"), Some("parquet")) if mode == "scan" => continue,
                    (None, _) | (Some("file"), None) => continue,
                    (Some("file"), Some("parquet")) => {
                        let range = settings.value.get("mode").map(|value| value.range.clone());
                        (
                            range,
                            "a Parquet file that is read instead of scanned".to_owned(),
                            "set `\"mode\": \"scan\"`",
                        )
                    }
                    (Some("file"), Some(format_name)) => (
                        format.map(|value| value.range.clone()),
                        format!("a table in {format_name} form"),
                        "write the table to a Parquet file of the project",
                    ),
                    (Some(kind_name), _) => (
                        kind.map(|value| value.range.clone()),
                        format!("a table of type {kind_name}"),
                        "write the table to a Parquet file of the project",
                    ),
                }
            }
            NodeKind::ModelScore | NodeKind::OptimiserApply => match source.and_then(Value::text) {
                Some(kind @ ("run" | "registered")) => (
                    source.map(|value| value.range.clone()),
                    format!("something MLflow holds ({kind})"),
                    "save it to a file of the project and set `\"sourceType\": \"file\"`",
                ),
                _ => continue,
            },
            _ => continue,
        };
        found.push(
            Diagnostic::error(
                INFO.code,
                format!("the node `{}` needs {what}, which a release cannot carry", function.name),
            )
            .at(settings.file, range.unwrap_or(settings.value.range.clone()), "")
            .help(help),
        );
    }
}

/// Something the lowering cannot take over.
pub(crate) fn diagnostic(place: Option<Place>, message: String, help: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(INFO.code, message).help(help);
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
    fn a_registry_is_not_part_of_the_project() {
        let sample = Sample::with_model(
            "{\"sourceType\": \"registered\", \"registered_model\": \"frequency\", \"task\": \"regression\"}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0263]: the node `step` needs something MLflow holds (registered), which a release cannot carry
          --> rating/config/model_scoring/step.json:1:16
          help: save it to a file of the project and set `"sourceType": "file"`
        "#);
    }
}
