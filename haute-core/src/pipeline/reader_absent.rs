//! Stands in for the reader where the `pipeline` feature is off.

use std::sync::Arc;

use super::module::{Import, Module};
use super::rules;
use crate::diagnostic::{Diagnostic, FileId};

/// See the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// The main file.
    Pipeline,
    /// A submodel definition.
    Submodel,
}

impl Receiver {
    /// The variable.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Submodel => "submodel",
        }
    }

    /// The class of the constructor.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Pipeline => "Pipeline",
            Self::Submodel => "Submodel",
        }
    }
}

/// Says that this build cannot read pipelines.
pub(crate) fn read(
    file: FileId,
    path: &str,
    text: &Arc<str>,
    _receiver: Receiver,
    found: &mut Vec<Diagnostic>,
) -> Module {
    found.push(rules::pipeline_file::no_reader(file));
    Module {
        file,
        path: path.to_owned(),
        text: Arc::clone(text),
        constructor: None,
        functions: Vec::new(),
        connects: Vec::new(),
        registrations: Vec::new(),
        imports: Vec::new(),
        kept: Vec::new(),
        damaged: true,
    }
}

/// Finds nothing.
pub(crate) fn read_imports(_file: FileId, _text: &Arc<str>, _found: &mut Vec<Diagnostic>) -> Vec<Import> {
    Vec::new()
}
