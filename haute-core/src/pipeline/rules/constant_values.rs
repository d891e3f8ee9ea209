//! HT0248: a constant has no values.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;

/// A constant has no values.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0248"),
    title: "a constant has no values",
    explain: r#"A constant node is one row of named values. An entry without a name is skipped by Haute, and a node without any named value
gives a column `constant` holding 0: a price multiplied by it is zero. Two values of one name are refused. A value is a
number, or text where it does not read as one; it is always there, as a served price runs without anyone to fill it in.

Example:

    {"values": [{"name": "base_premium", "value": 120.0}, {"name": "currency", "value": "EUR"}]}"#,
};

/// Every constant on the path has named values.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (function, settings) in context.functions_on_path(NodeKind::Constant) {
        let mut refuse = |range: Range<usize>, message: String| {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the constant `{}` has no value: {message}", function.name),
                )
                .at(settings.file, range, ""),
            );
        };
        let Some(values) = settings.value.get("values").filter(|values| !values.elements().is_empty()) else {
            refuse(settings.value.range.clone(), "`values` is missing or empty".to_owned());
            continue;
        };
        let mut names: Vec<&str> = Vec::new();
        for entry in values.elements() {
            match entry.text_at("name") {
                None => refuse(entry.range.clone(), "this entry has no `name`".to_owned()),
                Some(name) if names.contains(&name) => {
                    refuse(entry.range.clone(), format!("`{name}` stands twice"));
                }
                Some(name) => names.push(name),
            }
            if entry.get("value").is_none_or(|value| value.text() == Some("")) {
                refuse(entry.range.clone(), "this entry has no `value`".to_owned());
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_constant_has_a_value() {
        let sample = Sample::with_constant("{\"values\": [{\"name\": \"base\"}, {\"value\": 2}]}");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0248]: the constant `market` has no value: this entry has no `value`
          --> rating/config/constant/market.json:1:13
        error[HT0248]: the constant `market` has no value: this entry has no `name`
          --> rating/config/constant/market.json:1:31
        "#);
    }
}
