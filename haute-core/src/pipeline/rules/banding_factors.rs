//! HT0245: a banding lacks what its factors need.

use std::collections::HashSet;
use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::{Value, ValueKind};

/// A banding lacks what its factors need.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0245"),
    title: "a banding lacks what its factors need",
    explain: r#"Each factor of a banding reads a `column`, sorts its values by `rules` and writes the band to `outputColumn`. A factor without
one of the three is skipped by Haute, silently: the column it should write is missing, or keeps an older value, and the
price follows. Breakpoints are numbers or dates of one kind; `""` marks the open last band. Two factors may not write one column.

Example:

    {"factors": [{
      "banding": "breakpoints", "column": "age", "outputColumn": "age_band",
      "rules": {"25": "18-25", "60": "26-60", "": "61+"}, "default": "26-60"
    }]}"#,
};

/// Every banding on the path has complete factors.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (function, settings) in context.functions_on_path(NodeKind::Banding) {
        let mut refuse = |range: Range<usize>, message: String| {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the banding `{}` is incomplete: {message}", function.name),
                )
                .at(settings.file, range, ""),
            );
        };
        let factors = match settings.value.get("factors") {
            Some(factors) if factors.is_list() && !factors.elements().is_empty() => factors.elements(),
            other => {
                let range = other.map_or(settings.value.range.clone(), |value| value.range.clone());
                refuse(range, "it has no `factors`".to_owned());
                continue;
            }
        };
        let mut outputs: HashSet<&str> = HashSet::new();
        for factor in factors {
            let head = factor.range.start..factor.range.start + 1;
            for key in ["column", "outputColumn"] {
                if factor.text_at(key).is_none() {
                    refuse(head.clone(), format!("a factor needs `{key}`"));
                }
            }
            if let Some(output) = factor.text_at("outputColumn")
                && !outputs.insert(output)
            {
                refuse(head.clone(), format!("two factors write the column `{output}`"));
            }
            let kind = factor.text_at("banding").unwrap_or_default();
            if !["breakpoints", "categorical"].contains(&kind) {
                let range = factor.get("banding").map_or(head.clone(), |value| value.range.clone());
                refuse(range, "`banding` is `breakpoints` or `categorical`".to_owned());
            }
            match factor.get("rules").filter(|rules| !rules.is_empty()) {
                None => refuse(head, "a factor needs `rules`".to_owned()),
                Some(rules) => rule_problems(kind, rules, &mut refuse),
            }
        }
    }
}

fn rule_problems(kind: &str, rules: &Value, refuse: &mut dyn FnMut(Range<usize>, String)) {
    let (key_name, value_name) =
        if kind == "categorical" { ("value", "assignment") } else { ("boundary", "label") };
    let rows: Vec<(Range<usize>, String, bool)> = match &rules.kind {
        ValueKind::Object(members) => members
            .iter()
            .map(|member| (member.key_range.clone(), member.key.clone(), is_label(Some(&member.value))))
            .collect(),
        ValueKind::List(rows) => rows
            .iter()
            .map(|row| (row.range.clone(), scalar(row.get(key_name)), is_label(row.get(value_name))))
            .collect(),
        _ => {
            refuse(rules.range.clone(), "`rules` is a map or a list of rows".to_owned());
            return;
        }
    };
    let mut seen: HashSet<String> = HashSet::new();
    let mut kinds: Vec<&str> = Vec::new();
    for (range, key, labelled) in rows {
        if !labelled {
            refuse(range.clone(), format!("the rule for `{key}` has no {value_name}"));
        }
        if !seen.insert(key.clone()) {
            refuse(range.clone(), format!("`{key}` stands twice: the last rule would win"));
        }
        if kind != "breakpoints" || key.trim().is_empty() {
            continue;
        }
        let boundary = if key.trim().parse::<f64>().is_ok_and(f64::is_finite) {
            "number"
        } else if key.trim().parse::<jiff::civil::Date>().is_ok() && key.trim().len() == 10 {
            "date"
        } else if key.trim().replace(' ', "T").parse::<jiff::civil::DateTime>().is_ok() {
            "date and time"
        } else {
            refuse(range, format!("`{key}` is neither a number nor a date"));
            continue;
        };
        if !kinds.contains(&boundary) {
            kinds.push(boundary);
            if kinds.len() == 2 {
                refuse(range, format!("breakpoints are of one kind, these mix {}", kinds.join(" and ")));
            }
        }
    }
}

fn is_label(value: Option<&Value>) -> bool {
    value.is_some_and(|value| match &value.kind {
        ValueKind::Text(text) => !text.is_empty(),
        ValueKind::Number(_) | ValueKind::Bool(_) => true,
        _ => false,
    })
}

fn scalar(value: Option<&Value>) -> String {
    match value.map(|value| &value.kind) {
        Some(ValueKind::Text(text) | ValueKind::Number(text)) => text.clone(),
        Some(ValueKind::Bool(value)) => value.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_skipped_factor_is_reported() {
        let sample = Sample::with_banding(
            "{\"factors\": [{\"banding\": \"breakpoints\", \"column\": \"age\", \"rules\": {\"25\": \"young\", \"x\": \"\"}}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0245]: the banding `step` is incomplete: a factor needs `outputColumn`
          --> rating/config/banding/step.json:1:14
        error[HT0245]: the banding `step` is incomplete: `x` is neither a number nor a date
          --> rating/config/banding/step.json:1:83
        error[HT0245]: the banding `step` is incomplete: the rule for `x` has no label
          --> rating/config/banding/step.json:1:83
        "#);
    }
}
