//! Reads the JSON sidecars the decorators name.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use super::files::Files;
use super::json::{self, JsonProblem};
use super::module::{Function, Module, Settings, Sidecar};
use super::rules;
use super::value::Value;
use crate::diagnostic::{Diagnostic, FileId, SourceMap};

/// JSON files that were read, by their path in the project: several nodes may share one.
#[derive(Default)]
pub(crate) struct Sidecars {
    read: HashMap<String, (FileId, Option<Arc<Value>>)>,
}

impl Sidecars {
    /// Gives each function of `module` the settings of the sidecar it names.
    pub(crate) fn load(
        &mut self,
        module: &mut Module,
        files: &Files,
        sources: &mut SourceMap,
        found: &mut Vec<Diagnostic>,
    ) {
        let file = module.file;
        for function in &mut module.functions {
            self.load_one(function, file, files, sources, found);
        }
    }

    fn load_one(
        &mut self,
        function: &mut Function,
        module_file: FileId,
        files: &Files,
        sources: &mut SourceMap,
        found: &mut Vec<Diagnostic>,
    ) {
        let Some(keyword) = function.keyword("config") else { return };
        let place = keyword.value.range.clone();
        let Some(reference) = keyword.value.text() else {
            function.settings.damaged = true;
            found.push(rules::non_literal::diagnostic(
                module_file,
                place,
                "`config` is the path of a JSON file",
            ));
            return;
        };
        let reference = reference.to_owned();
        let target = match files.in_directory(&reference) {
            Ok(target) => target,
            Err(problem) => {
                function.settings.damaged = true;
                found.push(rules::sidecar_missing::diagnostic(
                    module_file,
                    place,
                    &reference,
                    &problem,
                    function.kind,
                    files,
                ));
                return;
            }
        };
        let (file, value) = if let Some(known) = self.read.get(&target.relative) {
            known.clone()
        } else {
            let read = match fs::read(&target.absolute) {
                Ok(bytes) => {
                    let (file, value) = read_object(&target.relative, bytes, sources, found);
                    (file, value.map(Arc::new))
                }
                Err(error) => {
                    found.push(rules::sidecar_missing::unreadable(module_file, place, &reference, &error));
                    (module_file, None)
                }
            };
            self.read.insert(target.relative.clone(), read.clone());
            read
        };
        let sidecar = Some(Sidecar { reference, path: target.relative });
        function.settings = match value {
            Some(value) => Settings { file, value, sidecar, damaged: false },
            None => Settings { file, value: Arc::new(Value::empty_object(0..0)), sidecar, damaged: true },
        };
    }
}

/// Reads the bytes of a JSON file that must hold an object.
pub(crate) fn read_object(
    path: &str,
    bytes: Vec<u8>,
    sources: &mut SourceMap,
    found: &mut Vec<Diagnostic>,
) -> (FileId, Option<Value>) {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let file = sources.add(path, text);
            // What stands for the bytes in the text is three bytes long.
            found.push(rules::not_json::diagnostic(file, at..at + 3, "the file is not UTF-8 from here on"));
            return (file, None);
        }
    };
    let mut problems = Vec::new();
    let value = json::read(&text, &mut problems);
    let file = sources.add(path, text);
    let mut repeated = false;
    for problem in problems {
        found.push(match problem {
            JsonProblem::Syntax { range, message } => rules::not_json::diagnostic(file, range, &message),
            JsonProblem::DuplicateKey { first, second, key } => {
                repeated = true;
                rules::duplicate_key::diagnostic(file, first, second, &key)
            }
        });
    }
    let value = value.filter(|value| {
        if value.is_object() {
            return true;
        }
        let message = format!("a sidecar holds an object, this is {}", value.kind_name());
        found.push(rules::not_json::diagnostic(file, value.range.clone(), &message));
        false
    });
    // Which of two values was meant is not ours to guess: settings of such a file are not judged further.
    (file, value.filter(|_| !repeated))
}
