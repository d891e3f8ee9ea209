//! HT0250: two rows of a rating table have one key.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::{Value, ValueKind};

/// Two rows of a rating table have one key.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0250"),
    title: "two rows of a rating table have one key",
    explain: r#"A rating table has one value for each combination of factors. Where two rows give the same combination, Haute keeps the last
one and says nothing: the other value, perhaps the one that was agreed, is never charged. Keys are compared as Haute
compares them: as text, `1.0` like `1`, and a number like its digits in quotes.

Example:

    {"entries": [
      {"area": "town", "value": 1.20},
      {"area": "town", "value": 1.10}       # which one is it?
    ]}"#,
};

/// Rows of a rating table on the path have keys of their own.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (function, settings) in context.functions_on_path(NodeKind::RatingStep) {
        for table in settings.value.get("tables").map(Value::elements).unwrap_or_default() {
            let factors: Vec<&str> = table
                .get("factors")
                .map(Value::elements)
                .unwrap_or_default()
                .iter()
                .filter_map(Value::text)
                .collect();
            let entries = table.get("entries").map(Value::elements).unwrap_or_default();
            let mut seen: HashMap<Key<'_>, &Value> = HashMap::with_capacity(entries.len());
            for row in entries {
                let Some(key) = key_of(row, &factors) else { continue };
                let first = match seen.entry(key) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(row);
                        continue;
                    }
                    Entry::Occupied(occupied) => *occupied.get(),
                };
                let Some(key) = key_of(row, &factors) else { continue };
                let pairs: Vec<String> =
                    factors.iter().zip(&key).map(|(factor, value)| format!("{factor} = {value}")).collect();
                found.push(
                    Diagnostic::error(
                        INFO.code,
                        format!("two rows of `{}` have one key: {}", function.name, pairs.join(", ")),
                    )
                    .at(settings.file, row.range.clone(), "this row would win")
                    .context(settings.file, first.range.clone(), "this row would never be used")
                    .help("delete one of the two"),
                );
            }
        }
    }
}

/// A table has at most three factors; those it does not have are empty.
type Key<'v> = [Cow<'v, str>; 3];

/// The key of a row; `None` when the row lacks a factor, or the table has none or too many.
fn key_of<'v>(row: &'v Value, factors: &[&str]) -> Option<Key<'v>> {
    let mut key = Key::default();
    if factors.is_empty() || factors.len() > key.len() {
        return None;
    }
    for (slot, factor) in key.iter_mut().zip(factors) {
        *slot = canonical(row.get(factor)?);
    }
    Some(key)
}

/// A value as Haute compares it.
fn canonical(value: &Value) -> Cow<'_, str> {
    match &value.kind {
        ValueKind::Number(text) => match text.parse::<f64>() {
            Ok(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => format!("{number:.0}").into(),
            _ => text.into(),
        },
        ValueKind::Text(text) => text.into(),
        ValueKind::Bool(true) => "true".into(),
        ValueKind::Bool(false) => "false".into(),
        _ => "".into(),
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn the_row_that_loses_is_shown() {
        let sample = Sample::with_rating(
            "{\"tables\": [{\"factors\": [\"area\"], \"outputColumn\": \"f\", \"entries\": [{\"area\": 1, \"value\": 1}, {\"area\": 1.0, \"value\": 2}]}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0250]: two rows of `step` have one key: area = 1
          --> rating/config/rating_step/step.json:1:93 this row would win
              rating/config/rating_step/step.json:1:68 this row would never be used
          help: delete one of the two
        "#);
    }
}
