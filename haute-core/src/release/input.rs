//! What a quote must hold: from the quote-input sidecar where it declares tables, else from the test quotes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::quotes::TestQuote;

/// A column in which the test quotes show something its declaration does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MarkedColumn {
    /// The label of its table; empty for a flat input.
    pub(super) table: String,
    /// Its name; empty for the table itself, whose array a quote may leave out.
    pub(super) column: String,
}

/// Sets `key` on each column in `marked`, and `optional` on each table in it.
pub(super) fn mark_columns(input: &mut Value, marked: &[MarkedColumn], key: &str) {
    for MarkedColumn { table, column } in marked {
        let tables = input.get_mut("tables").and_then(Value::as_array_mut).into_iter().flatten();
        let found = match tables
            .filter_map(Value::as_object_mut)
            .find(|found| !table.is_empty() && found.get("label").and_then(Value::as_str) == Some(table))
        {
            Some(found) => found,
            None => match input.as_object_mut() {
                Some(input) if table.is_empty() => input,
                _ => continue,
            },
        };
        if column.is_empty() {
            found.insert("optional".to_owned(), Value::Bool(true));
            continue;
        }
        let columns = found.get_mut("columns").and_then(Value::as_array_mut).into_iter().flatten();
        for found in columns.filter_map(Value::as_object_mut) {
            if found.get("name").and_then(Value::as_str) == Some(column) {
                found.insert(key.to_owned(), Value::Bool(true));
            }
        }
    }
}

/// The columns of a pipeline whose input declares none: each field of the test quotes with the type its values have.
///
/// A field that is null or absent in a quote is nullable. Whole numbers and fractions together are `float`; any other
/// mixture is text, which the runtime then only takes where the quotes showed it.
pub(super) fn columns_of_quotes(quotes: &[TestQuote]) -> Vec<Value> {
    let mut kinds: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for quote in quotes {
        for (name, value) in &quote.input {
            let seen = kinds.entry(name).or_insert_with(|| {
                order.push(name);
                Vec::new()
            });
            let kind = kind_of(value);
            if !seen.contains(&kind) {
                seen.push(kind);
            }
        }
    }
    order
        .into_iter()
        .map(|name| {
            let seen = kinds.get(name).map(Vec::as_slice).unwrap_or_default();
            let nullable =
                seen.contains(&"null") || quotes.iter().any(|quote| !quote.input.contains_key(name));
            json!({"name": name, "type": common(seen), "selected": true, "nullable": nullable})
        })
        .collect()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) | Value::Array(_) | Value::Object(_) => "str",
    }
}

fn common(kinds: &[&'static str]) -> &'static str {
    let mut kinds = kinds.iter().filter(|kind| **kind != "null");
    let Some(first) = kinds.next() else { return "str" };
    kinds.fold(*first, |common, kind| match (common, *kind) {
        (a, b) if a == b => a,
        ("int" | "float", "int" | "float") => "float",
        _ => "str",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_every_quote_not_only_the_first() {
        let quote =
            |input: Value| serde_json::from_value::<TestQuote>(json!({"id": "a", "input": input})).unwrap();
        let columns = columns_of_quotes(&[
            quote(json!({"age": 42, "area": "C"})),
            quote(json!({"age": 42.5, "area": null, "van": true})),
        ]);
        assert_eq!(columns[0], json!({"name": "age", "type": "float", "selected": true, "nullable": false}));
        assert_eq!(columns[1], json!({"name": "area", "type": "str", "selected": true, "nullable": true}));
        assert_eq!(columns[2], json!({"name": "van", "type": "bool", "selected": true, "nullable": true}));
    }

    #[test]
    fn what_the_runtime_names_is_marked_and_nothing_else() {
        let mut input = json!({"mode": "tables", "columns": [], "tables": [
            {"label": "quote", "columns": [{"name": "age"}, {"name": "nickname"}]},
            {"label": "drivers", "columns": [{"name": "age"}]},
        ]});
        let marked: Vec<MarkedColumn> = serde_json::from_value(json!([
            {"table": "quote", "column": "nickname"}, {"table": "drivers", "column": ""},
        ]))
        .unwrap();
        mark_columns(&mut input, &marked, "nullable");
        assert_eq!(
            input["tables"],
            json!([
                {"label": "quote", "columns": [{"name": "age"}, {"name": "nickname", "nullable": true}]},
                {"label": "drivers", "columns": [{"name": "age"}], "optional": true},
            ])
        );

        let mut flat = json!({"mode": "flat", "tables": [], "columns": [{"name": "age"}, {"name": "town"}]});
        let marked = [MarkedColumn { table: String::new(), column: "town".to_owned() }];
        mark_columns(&mut flat, &marked, "widen");
        assert_eq!(flat["columns"], json!([{"name": "age"}, {"name": "town", "widen": true}]));
    }
}
