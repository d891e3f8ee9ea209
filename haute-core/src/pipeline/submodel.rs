//! Submodel files: the definitions behind `pipeline.submodel(file, name)`.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::sync::Arc;

use super::files::Files;
use super::graph::{Definition, Endpoint, InputPort, Occurrence, OutputPort};
use super::module::{Constructor, Module};
use super::reader::{self, Receiver};
use super::rules::{bad_submodel, submodel_missing};
use super::value::Value;
use crate::diagnostic::{Diagnostic, SourceMap};

/// Reads every definition `main` registers, each file once, and adds its module to `modules`.
pub(crate) fn load(
    modules: &mut Vec<Module>,
    files: &Files,
    sources: &mut SourceMap,
    found: &mut Vec<Diagnostic>,
) -> (Vec<Definition>, Vec<Occurrence>) {
    let Some(main) = modules.first() else { return (Vec::new(), Vec::new()) };
    let main_file = main.file;
    let registrations = main.registrations.clone();
    let mut definitions = Vec::new();
    let mut occurrences: Vec<Occurrence> = Vec::new();
    let mut by_path: HashMap<String, Option<usize>> = HashMap::new();
    for registration in registrations {
        let path = &registration.path;
        if path.text.split(['/', '\\']).any(|part| part == "..") {
            found.push(submodel_missing::climbs(main_file, path.range.clone(), &path.text));
            continue;
        }
        let file = match files.in_directory(&path.text) {
            Ok(file) => file,
            Err(problem) => {
                found.push(submodel_missing::diagnostic(main_file, path.range.clone(), &path.text, &problem));
                continue;
            }
        };
        let known = if let Some(known) = by_path.get(&file.relative) {
            *known
        } else {
            let Ok(Ok(text)) = fs::read(&file.absolute).map(String::from_utf8) else {
                let range = path.range.clone();
                let message = "the file cannot be read as UTF-8 text";
                found.push(bad_submodel::diagnostic(main_file, range, message));
                continue;
            };
            let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(&text).into();
            let id = sources.add(&file.relative, Arc::clone(&text));
            let module = reader::read(id, &file.relative, &text, Receiver::Submodel, found);
            let folders = file.relative.matches('/').count().saturating_sub(files_depth(files));
            let definition = definition(&module, modules.len(), folders, found);
            let index = definition.map(|definition| {
                definitions.push(definition);
                definitions.len() - 1
            });
            modules.push(module);
            by_path.insert(file.relative.clone(), index);
            index
        };
        if occurrences.iter().any(|other| other.name.eq_ignore_ascii_case(&registration.name.text)) {
            let message = format!("two submodels are called `{}`", registration.name.text);
            found.push(bad_submodel::diagnostic(main_file, registration.name.range.clone(), &message));
            continue;
        }
        if let Some(definition) = known {
            let reference = path.text.replace('\\', "/");
            occurrences.push(Occurrence { name: registration.name.text.clone(), definition, reference });
        } else if let Some(main) = modules.first_mut() {
            // Its connects would all be unknown: the mistake is the definition's.
            main.damaged = true;
        }
    }
    let missing = modules.first().is_some_and(|main| main.registrations.len() > occurrences.len());
    if missing && let Some(main) = modules.first_mut() {
        main.damaged = true;
    }
    (definitions, occurrences)
}

fn files_depth(files: &Files) -> usize {
    let directory = files.directory();
    if directory.is_empty() { 0 } else { directory.matches('/').count() + 1 }
}

fn definition(
    module: &Module,
    index: usize,
    folders: usize,
    found: &mut Vec<Diagnostic>,
) -> Option<Definition> {
    let file = module.file;
    let Some(constructor) = &module.constructor else {
        if !module.damaged {
            let message = "the file defines no submodel: it needs `submodel = haute.Submodel(...)`";
            found.push(bad_submodel::diagnostic(file, 0..0, message));
        }
        return None;
    };
    let mut ok = true;
    let mut refuse = |range: Range<usize>, message: &str| {
        ok = false;
        found.push(bad_submodel::diagnostic(file, range, message));
    };
    let id = match constructor.keyword("definition_id").map(|k| (&k.value.range, k.value.text())) {
        Some((_, Some(text))) if !text.is_empty() && text.trim() == text => text.to_owned(),
        Some((range, _)) => {
            refuse(range.clone(), "`definition_id` is text without blanks around it");
            String::new()
        }
        None => {
            refuse(constructor.range.clone(), "`definition_id` is missing");
            String::new()
        }
    };
    let expected = if folders == 0 { ".".to_owned() } else { vec![".."; folders].join("/") };
    let declared = constructor.keyword("pipeline_dir");
    let given = declared.map_or(Some("."), |k| k.value.text());
    if given != Some(expected.as_str()) {
        let range = declared.map_or(constructor.range.clone(), |k| k.value.range.clone());
        refuse(
            range,
            &format!("`pipeline_dir` must be `{expected}`: the way from this file to the pipeline's folder"),
        );
    }
    let inputs = input_ports(constructor, &mut refuse);
    let outputs = output_ports(constructor, &mut refuse);
    check_ends(module, &inputs, &outputs, &mut refuse);
    ok.then_some(Definition { module: index, id, inputs, outputs, pipeline_directory: expected })
}

type Refuse<'r> = dyn FnMut(Range<usize>, &str) + 'r;

fn ports<'c>(constructor: &'c Constructor, key: &str, refuse: &mut Refuse<'_>) -> &'c [Value] {
    match constructor.keyword(key) {
        None => {
            refuse(constructor.range.clone(), &format!("`{key}` is missing"));
            &[]
        }
        Some(keyword) if !keyword.value.is_list() => {
            refuse(keyword.value.range.clone(), &format!("`{key}` is a list"));
            &[]
        }
        Some(keyword) => keyword.value.elements(),
    }
}

fn port_name(port: &Value, refuse: &mut Refuse<'_>) -> String {
    let name = port.text_at("name");
    if name.is_none() {
        refuse(port.range.clone(), "a port needs a `name`");
    }
    name.unwrap_or_default().to_owned()
}

fn input_ports(constructor: &Constructor, refuse: &mut Refuse<'_>) -> Vec<InputPort> {
    let mut inputs = Vec::new();
    for port in ports(constructor, "input_ports", refuse) {
        let name = port_name(port, refuse);
        let targets: Vec<Endpoint> = port
            .get("targets")
            .map(Value::elements)
            .unwrap_or_default()
            .iter()
            .filter_map(endpoint)
            .collect();
        if targets.is_empty() {
            refuse(
                port.range.clone(),
                "an input port needs `targets`: [{\"nodeId\": ..., \"handleId\": ...}]",
            );
        }
        inputs.push(InputPort { name, targets });
    }
    inputs
}

fn output_ports(constructor: &Constructor, refuse: &mut Refuse<'_>) -> Vec<OutputPort> {
    let mut outputs = Vec::new();
    for port in ports(constructor, "output_ports", refuse) {
        let name = port_name(port, refuse);
        match port.get("source").and_then(endpoint) {
            Some(source) => outputs.push(OutputPort { name, source }),
            None => refuse(
                port.range.clone(),
                "an output port needs a `source`: {\"nodeId\": ..., \"handleId\": ...}",
            ),
        }
    }
    outputs
}

fn endpoint(value: &Value) -> Option<Endpoint> {
    let node = value.text_at("nodeId").or_else(|| value.text_at("node_id"))?;
    let handle = value.text_at("handleId").or_else(|| value.text_at("handle_id"));
    Some(Endpoint { node: node.to_owned(), handle: handle.map(str::to_owned), range: value.range.clone() })
}

fn check_ends(module: &Module, inputs: &[InputPort], outputs: &[OutputPort], refuse: &mut Refuse<'_>) {
    if module.damaged {
        return;
    }
    let ends = inputs.iter().flat_map(|i| &i.targets).chain(outputs.iter().map(|o| &o.source));
    for end in ends {
        if !module.functions.iter().any(|function| function.name == end.node) {
            refuse(end.range.clone(), &format!("the submodel has no node `{}`", end.node));
        }
    }
}
