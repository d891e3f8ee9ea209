//! HT0249: a node lacks a setting it needs.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::Generation;
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::Value;

/// A node lacks a setting it needs.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0249"),
    title: "a node lacks a setting it needs",
    explain: r#"Some settings have no default: a quote input's tables need a label and columns, a data input its type, format and path, an
external file its path and `fileType`, a scenario expander its `stepCount`, an applied optimisation its source. Haute finds
out when the node runs, which for a served price is the first quote.

Example:

    {"inputType": "file", "format": "parquet", "mode": "scan", "path": "data/areas.parquet"}
    {"path": "data/scale.json", "fileType": "json"}
    {"column_name": "discount", "min_value": 0.8, "max_value": 1.2, "stepCount": 5}"#,
};

/// Every node on the path has the settings that have no default.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.graph.generation != Generation::Declared {
        return;
    }
    for node in context.nodes_on_path() {
        let Some(function) = context.graph.effective(node) else { continue };
        let settings = &function.settings;
        if settings.damaged || settings.sidecar.is_none() {
            continue;
        }
        let stands_in = context.path.is_some_and(|path| path.inputs.contains(&node));
        let mut refuse = |range: Range<usize>, message: String| {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the node `{}` lacks a setting: {message}", function.name),
                )
                .at(settings.file, range, ""),
            );
        };
        match function.kind {
            NodeKind::DataInput if !stands_in => data_input(&settings.value, &mut refuse),
            NodeKind::ApiInput => api_input(&settings.value, &mut refuse),
            NodeKind::ExternalFile => {
                require(&settings.value, "path", &mut refuse);
                if let Some(kind) = require(&settings.value, "fileType", &mut refuse)
                    && !matches!(kind.text(), Some("pickle" | "json" | "joblib"))
                {
                    refuse(kind.range.clone(), "`fileType` is pickle, json or joblib".to_owned());
                }
            }
            NodeKind::ScenarioExpander => match settings.value.get("stepCount") {
                None => refuse(settings.value.range.clone(), "`stepCount` is missing".to_owned()),
                Some(count) if count.number().is_none_or(|n| n < 1.0 || n.fract() != 0.0) => {
                    refuse(count.range.clone(), "`stepCount` is a whole number of at least 1".to_owned());
                }
                Some(_) => {}
            },
            NodeKind::OptimiserApply => {
                if let Some(kind) = require(&settings.value, "sourceType", &mut refuse) {
                    match kind.text() {
                        Some("file") => drop(require(&settings.value, "artifact_path", &mut refuse)),
                        Some("run" | "registered") => {}
                        _ => refuse(kind.range.clone(), "`sourceType` is file, run or registered".to_owned()),
                    }
                }
            }
            _ => {}
        }
    }
}

type Refuse<'r> = dyn FnMut(Range<usize>, String) + 'r;

fn require<'v>(settings: &'v Value, key: &str, refuse: &mut Refuse<'_>) -> Option<&'v Value> {
    let value = settings.get(key).filter(|value| !value.is_empty());
    if value.is_none() {
        let range = settings.member(key).map_or(settings.range.clone(), |member| member.value.range.clone());
        refuse(range, format!("`{key}` is missing"));
    }
    value
}

fn data_input(settings: &Value, refuse: &mut Refuse<'_>) {
    let Some(kind) = require(settings, "inputType", refuse) else { return };
    match kind.text() {
        Some("file") => {
            require(settings, "format", refuse);
            require(settings, "path", refuse);
        }
        Some("database" | "lakehouse" | "databricks" | "inline") => {}
        _ => refuse(
            kind.range.clone(),
            "`inputType` is file, database, lakehouse, databricks or inline".to_owned(),
        ),
    }
}

fn api_input(settings: &Value, refuse: &mut Refuse<'_>) {
    let Some(tables) = settings.get("tables") else { return };
    if !tables.is_list() {
        refuse(tables.range.clone(), "`tables` is a list".to_owned());
        return;
    }
    let mut labels: Vec<&str> = Vec::new();
    for table in tables.elements() {
        if table.get("emit").is_none_or(Value::is_empty) {
            continue;
        }
        let head = table.range.start..table.range.start + 1;
        match table.text_at("label") {
            None => refuse(head.clone(), "a table needs a `label`".to_owned()),
            Some(label) if labels.contains(&label) => {
                refuse(head.clone(), format!("two tables are called `{label}`"));
            }
            Some(label) => labels.push(label),
        }
        let columns = table.get("columns").map(Value::elements).unwrap_or_default();
        if columns.is_empty() {
            refuse(head, "a table needs `columns`".to_owned());
        }
        for column in columns {
            if column.text_at("name").is_none() {
                refuse(column.range.clone(), "a column needs a `name`".to_owned());
            }
            if let Some(kind) = column.get("type")
                && !matches!(kind.text(), Some("int" | "float" | "str" | "bool" | "date"))
            {
                refuse(kind.range.clone(), "`type` is int, float, str, bool or date".to_owned());
            }
        }
    }
    if labels.is_empty() {
        refuse(tables.range.clone(), "no table has `\"emit\": true`".to_owned());
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn what_has_no_default_is_given() {
        let sample = Sample::valid().write(
            "rating/config/quote_input/quote.json",
            "{\"tables\": [{\"label\": \"policy\", \"emit\": true, \"columns\": [{\"type\": \"text\"}]}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0249]: the node `quote` lacks a setting: a column needs a `name`
          --> rating/config/quote_input/quote.json:1:59
        error[HT0249]: the node `quote` lacks a setting: `type` is int, float, str, bool or date
          --> rating/config/quote_input/quote.json:1:68
        "#);
    }
}
