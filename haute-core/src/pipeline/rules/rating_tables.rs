//! HT0244: a rating step lacks what its tables need.

use std::collections::HashSet;
use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::{Value, ValueKind};

/// A rating step lacks what its tables need.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0244"),
    title: "a rating step lacks what its tables need",
    explain: r#"A rating step looks values up: each table needs one to three `factors` (columns of the frame), an `outputColumn` and `entries`,
rows that give each factor's value and a numeric `value`. Haute skips an incomplete table with a line in its log, and the
price is computed without that factor; so an incomplete table on the scoring path is an error here. Two tables may not
write one column.

Example:

    {"tables": [{
      "factors": ["area"],
      "outputColumn": "area_factor",
      "defaultValue": 1.0,
      "entries": [{"area": "rural", "value": 0.9}, {"area": "town", "value": 1.2}]
    }]}"#,
};

/// Every rating step on the path has complete tables.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (function, settings) in context.functions_on_path(NodeKind::RatingStep) {
        let mut refuse = |range: Range<usize>, message: String| {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the rating step `{}` is incomplete: {message}", function.name),
                )
                .at(settings.file, range, ""),
            );
        };
        let tables = match settings.value.get("tables") {
            Some(tables) if tables.is_list() && !tables.elements().is_empty() => tables,
            other => {
                let range = other.map_or(settings.value.range.clone(), |value| value.range.clone());
                refuse(range, "it has no `tables`".to_owned());
                continue;
            }
        };
        let mut outputs: HashSet<&str> = HashSet::new();
        for table in tables.elements() {
            if let Some(output) = table.text_at("outputColumn")
                && !outputs.insert(output)
            {
                refuse(table.range.clone(), format!("two tables write the column `{output}`"));
            }
            table_problems(table, &mut refuse);
        }
        for output in settings.value.get("combinedOutputs").map(Value::elements).unwrap_or_default() {
            combined_problems(output, &mut refuse);
        }
    }
}

fn table_problems(table: &Value, refuse: &mut dyn FnMut(Range<usize>, String)) {
    let head = table.range.start..table.range.start + 1;
    if !table.is_object() {
        refuse(table.range.clone(), "a table is an object".to_owned());
        return;
    }
    if table.text_at("outputColumn").is_none() && table.text_at("output_column").is_none() {
        refuse(head.clone(), "a table needs an `outputColumn`".to_owned());
    }
    let Some(factors) = table.get("factors").filter(|f| f.is_list() && !f.elements().is_empty()) else {
        refuse(head, "a table needs `factors`".to_owned());
        return;
    };
    if factors.elements().len() > 3 {
        refuse(factors.range.clone(), "a table has at most three factors".to_owned());
    }
    let mut names: Vec<&str> = Vec::new();
    for factor in factors.elements() {
        match factor.text().filter(|name| !name.trim().is_empty()) {
            None => refuse(factor.range.clone(), "a factor is the name of a column".to_owned()),
            Some(name) if names.contains(&name) => {
                refuse(factor.range.clone(), format!("the factor `{name}` stands twice"));
            }
            Some(name) => names.push(name),
        }
    }
    if let Some(policy) = table.get("onMissing")
        && !matches!(policy.text(), Some("error" | "neutral" | ""))
    {
        refuse(policy.range.clone(), "`onMissing` is `error` or `neutral`".to_owned());
    }
    if let Some(default) = table.get("defaultValue")
        && !is_numeric(default, true)
    {
        refuse(default.range.clone(), "`defaultValue` is a number".to_owned());
    }
    let entries = match table.get("entries") {
        Some(entries) if entries.is_list() && !entries.elements().is_empty() => entries.elements(),
        Some(entries) if entries.is_object() => {
            refuse(
                entries.range.clone(),
                "`entries` is a list of rows since Haute 0.6, no longer a map".to_owned(),
            );
            return;
        }
        other => {
            refuse(other.map_or(head, |value| value.range.clone()), "a table needs `entries`".to_owned());
            return;
        }
    };
    for row in entries {
        for name in &names {
            match row.member(name).map(|member| &member.value) {
                None => refuse(row.range.clone(), format!("this row has no `{name}`")),
                Some(value)
                    if !matches!(
                        value.kind,
                        ValueKind::Text(_) | ValueKind::Number(_) | ValueKind::Bool(_)
                    ) =>
                {
                    refuse(value.range.clone(), format!("`{name}` is a value, not {}", value.kind_name()));
                }
                Some(_) => {}
            }
        }
        match row.get("value") {
            None => refuse(row.range.clone(), "this row has no `value`".to_owned()),
            Some(value) if !is_numeric(value, false) => {
                refuse(value.range.clone(), "`value` is a finite number".to_owned());
            }
            Some(_) => {}
        }
    }
}

fn combined_problems(output: &Value, refuse: &mut dyn FnMut(Range<usize>, String)) {
    if output.text_at("outputColumn").is_none() {
        refuse(output.range.clone(), "a combined output needs an `outputColumn`".to_owned());
    }
    if let Some(operation) = output.get("operation")
        && !matches!(operation.text(), Some("multiply" | "add" | "min" | "max"))
    {
        refuse(operation.range.clone(), "`operation` is multiply, add, min or max".to_owned());
    }
}

/// Haute takes a number or its text.
fn is_numeric(value: &Value, may_be_empty: bool) -> bool {
    match &value.kind {
        ValueKind::Number(_) => value.number().is_some(),
        ValueKind::Text(text) if text.trim().is_empty() => may_be_empty,
        ValueKind::Text(text) => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn an_incomplete_table_is_no_table() {
        let sample = Sample::with_rating(
            "{\"tables\": [{\"factors\": [\"area\"], \"outputColumn\": \"f\", \"entries\": [{\"area\": \"A\"}, {\"value\": \"x\"}]}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0244]: the rating step `step` is incomplete: this row has no `value`
          --> rating/config/rating_step/step.json:1:68
        error[HT0244]: the rating step `step` is incomplete: this row has no `area`
          --> rating/config/rating_step/step.json:1:83
        error[HT0244]: the rating step `step` is incomplete: `value` is a finite number
          --> rating/config/rating_step/step.json:1:93
        "#);
    }
}
