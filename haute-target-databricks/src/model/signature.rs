//! What a model takes and gives, in MLflow's terms.

use haute_core::release::Manifest;
use serde_json::{Value, json};

/// The inputs and outputs of a model. Unity Catalog wants both.
pub(super) struct Signature {
    pub(super) inputs: Vec<Field>,
    outputs: Vec<(String, &'static str)>,
}

/// A field at the top of a quote.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    required: bool,
}

impl Signature {
    /// The signature of a release.
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self { inputs: inputs(&manifest.input), outputs: outputs(manifest) }
    }

    /// Whether it names inputs and outputs. MLflow knows no empty half of a signature.
    pub(super) fn is_complete(&self) -> bool {
        !self.inputs.is_empty() && !self.outputs.is_empty()
    }

    /// As `MLmodel` holds it: JSON within JSON; null when it is not complete.
    pub(super) fn to_value(&self) -> Value {
        if !self.is_complete() {
            return Value::Null;
        }
        let inputs: Vec<Value> = self
            .inputs
            .iter()
            .map(|field| json!({"type": "any", "name": field.name, "required": field.required}))
            .collect();
        let outputs: Vec<Value> = self
            .outputs
            .iter()
            .map(|(name, kind)| json!({"type": kind, "name": name, "required": false}))
            .collect();
        json!({"inputs": super::json(&Value::Array(inputs)), "outputs": super::json(&Value::Array(outputs)), "params": null})
    }
}

/// The fields at the top of a quote, in the order they are declared (`python/MANIFEST.md`, "input").
fn inputs(input: &Value) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut add = |name: &str, required: bool| {
        if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
            field.required |= required;
        } else {
            fields.push(Field { name: name.to_owned(), required });
        }
    };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let flag =
        |value: &Value, key: &str, default: bool| value.get(key).and_then(Value::as_bool).unwrap_or(default);
    for column in list(input.get("columns")).iter().filter(|column| flag(column, "selected", true)) {
        add(text(column, "name"), !flag(column, "nullable", false));
    }
    let ports = list(input.get("ports"));
    for table in list(input.get("tables")) {
        let connected = ports.is_empty() || table.get("label").is_some_and(|label| ports.contains(label));
        if !connected || !flag(&table, "emit", false) {
            continue;
        }
        let optional = flag(&table, "optional", false);
        for column in list(table.get("columns")).iter().filter(|column| flag(column, "selected", false)) {
            let path = text(column, "path");
            let in_array = path.trim_start_matches("$[:]").contains("[:]");
            let required = !optional && (in_array || !flag(column, "nullable", false));
            if let Some(name) = top(path) {
                add(name, required);
            }
        }
    }
    fields
}

/// The columns of an answer: of the output node's mapping, else of the frame itself.
fn outputs(manifest: &Manifest) -> Vec<(String, &'static str)> {
    let columns =
        manifest.scoring.as_ref().map(|scoring| scoring.output_columns.as_slice()).unwrap_or_default();
    let kind = |name: &str| {
        let column = columns.iter().find(|column| text(column, "name") == name);
        column.map_or("any", |column| kind_of(text(column, "dtype")))
    };
    let mut found: Vec<(String, &'static str)> = Vec::new();
    match manifest.output.mapping.as_ref().and_then(Value::as_array) {
        None => found.extend(
            columns.iter().map(|column| text(column, "name")).map(|name| (name.to_owned(), kind(name))),
        ),
        Some(mapping) => {
            let enabled = |entry: &&Value| entry.get("enabled").and_then(Value::as_bool).unwrap_or(false);
            for entry in mapping.iter().filter(enabled) {
                let path = text(entry, "output_path");
                let Some(name) = top(path) else { continue };
                // What lies deeper than the top is an object or a list there.
                let flat = path.strip_prefix("$[:].") == Some(name);
                let kind = if flat { kind(text(entry, "source_column")) } else { "any" };
                if !found.iter().any(|(other, _)| other == name) {
                    found.push((name.to_owned(), kind));
                }
            }
        }
    }
    if let Some(kept) = &manifest.pipeline.output_fields {
        found.retain(|(name, _)| kept.contains(name));
    }
    found
}

/// The first key of a path such as `$[:].drivers[:].age`.
fn top(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("$[:].")?;
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    rest.get(..end).filter(|name| !name.is_empty())
}

/// MLflow's name for a Polars type. Answers are not converted by it: it is for readers.
fn kind_of(dtype: &str) -> &'static str {
    match dtype {
        "Int8" | "Int16" | "Int32" | "UInt8" | "UInt16" => "integer",
        "Int64" | "UInt32" => "long",
        "Float32" => "float",
        "Float64" => "double",
        "Boolean" => "boolean",
        "String" | "Categorical" | "Enum" | "Date" => "string",
        _ => "any",
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(input: &Value) -> Vec<(String, bool)> {
        inputs(input).into_iter().map(|field| (field.name, field.required)).collect()
    }

    #[test]
    fn nested_fields_are_one_column_at_the_top() {
        let column = |path: &str, nullable: bool| json!({"name": "n", "path": path, "selected": true, "nullable": nullable});
        let input = json!({"mode": "tables", "ports": ["policy", "drivers", "claims"], "tables": [
            {"label": "policy", "emit": true, "path": "$[:]", "columns": [
                column("$[:].id", false), column("$[:].note", true), column("$[:].car.make", true), column("$[:].car.power", false),
                {"name": "left", "path": "$[:].left"},
            ]},
            {"label": "drivers", "emit": true, "path": "$[:].drivers[:]", "columns": [column("$[:].drivers[:].age", true)]},
            {"label": "claims", "emit": true, "optional": true, "path": "$[:].claims[:]", "columns": [column("$[:].claims[:].cost", false)]},
            {"label": "other", "emit": true, "path": "$[:]", "columns": [column("$[:].unconnected", false)]},
        ]});
        let expected = [("id", true), ("note", false), ("car", true), ("drivers", true), ("claims", false)];
        assert_eq!(named(&input), expected.map(|(name, required)| (name.to_owned(), required)));
    }

    #[test]
    fn flat_inputs_are_taken_as_they_are() {
        let input = json!({"mode": "flat", "columns": [{"name": "a", "type": "int"}, {"name": "b", "nullable": true}]});
        assert_eq!(named(&input), [("a".to_owned(), true), ("b".to_owned(), false)]);
    }
}
