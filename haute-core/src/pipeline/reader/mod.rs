//! Reads one Python file into a [`Module`], without running it.
//!
//! The parser's types stay inside this module.

mod body;
mod decorator;
mod literal;
mod statements;

use std::ops::Range;
use std::sync::Arc;

use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged as _, TextRange};

use super::limits::{self, Nesting};
use super::module::Module;
use super::rules;
use crate::diagnostic::{Diagnostic, FileId};

/// The variable a file must bind: `pipeline` in the main file, `submodel` in a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// `pipeline = haute.Pipeline(...)`.
    Pipeline,
    /// `submodel = haute.Submodel(...)`.
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

/// The stack the parser gets for deep sources: what [`limits`] lets through needs far less, in a debug build too.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Reads `text`. What is wrong with it goes to `found`; a module comes back however damaged the file is.
pub(crate) fn read(
    file: FileId,
    path: &str,
    text: &Arc<str>,
    receiver: Receiver,
    found: &mut Vec<Diagnostic>,
) -> Module {
    let empty = Module {
        file,
        path: path.to_owned(),
        text: Arc::clone(text),
        constructor: None,
        functions: Vec::new(),
        connects: Vec::new(),
        registrations: Vec::new(),
        imports: Vec::new(),
        kept: Vec::new(),
        damaged: false,
    };
    let (module, diagnostics) = match limits::nesting(text) {
        Nesting::TooDeep(offset, reason) => {
            let start = (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            found.push(rules::syntax::diagnostic(file, start..start, reason));
            return Module { damaged: true, ..empty };
        }
        Nesting::Shallow => parse(empty, receiver),
        Nesting::Deep => {
            let spawned = std::thread::scope(|scope| {
                let parse = || parse(empty.clone(), receiver);
                let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
                builder.spawn_scoped(scope, parse).ok().and_then(|thread| thread.join().ok())
            });
            // Where no thread can be had the stack of the caller has to do.
            spawned.unwrap_or_else(|| parse(empty, receiver))
        }
    };
    found.extend(diagnostics);
    module
}

/// The imports of a file that holds no pipeline, such as a module of `utility`, and the first mistake in it.
pub(crate) fn read_imports(
    file: FileId,
    text: &Arc<str>,
    found: &mut Vec<Diagnostic>,
) -> Vec<super::module::Import> {
    let module = read_plain(file, text, found);
    module.imports
}

fn read_plain(file: FileId, text: &Arc<str>, found: &mut Vec<Diagnostic>) -> Module {
    // A file without nodes has no use for a constructor; `read` only judges the statements about a receiver.
    read(file, "", text, Receiver::Submodel, found)
}

fn parse(mut module: Module, receiver: Receiver) -> (Module, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let text = Arc::clone(&module.text);
    let parsed = parse_unchecked_source(&text, PySourceType::Python);
    let body = parsed.suite();
    if !parsed.errors().is_empty() {
        module.damaged = true;
        let mut last: Option<Range<usize>> = None;
        for error in parsed.errors() {
            let place = range(error.location);
            // Recovery reports a broken statement several times over: the first is the cause.
            if last.as_ref().is_some_and(|region| place.start <= region.end) {
                continue;
            }
            let statement = body
                .iter()
                .map(|statement| range(statement.range()))
                .find(|statement| statement.start <= place.start && place.start <= statement.end);
            let line_end = text
                .get(place.start..)
                .and_then(|rest| rest.find('\n'))
                .map_or(text.len(), |length| place.start + length);
            last = Some(statement.map_or(place.start..line_end, |s| s.start..s.end.max(line_end)));
            let message = error.error.to_string();
            found.push(rules::syntax::diagnostic(module.file, place, &message));
        }
    }
    let mut reader = statements::Reader { module: &mut module, receiver, found: &mut found, text: &text };
    reader.read(body);
    (module, found)
}

fn range(range: TextRange) -> Range<usize> {
    range.start().to_usize()..range.end().to_usize()
}
