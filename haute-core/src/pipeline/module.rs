//! One Python file as read: what stands at its top level, in our own types.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::kind::NodeKind;
use super::value::Value;
use crate::diagnostic::FileId;

/// A pipeline or submodel file.
#[derive(Clone, Debug)]
pub struct Module {
    /// The file in the report.
    pub file: FileId,
    /// Relative to the project, with `/`.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
    /// The `haute.Pipeline(...)` or `haute.Submodel(...)` call.
    pub constructor: Option<Constructor>,
    /// The node functions, in order.
    pub functions: Vec<Function>,
    /// The `connect` calls, in order.
    pub connects: Vec<Connect>,
    /// The `submodel` calls, in order.
    pub registrations: Vec<Registration>,
    /// Imports anywhere in the file outside node functions.
    pub imports: Vec<Import>,
    /// Byte ranges of the statements that are kept as they are when the file is lowered.
    pub kept: Vec<Range<usize>>,
    /// Whether the parser found mistakes; what depends on the whole file is then not judged.
    pub damaged: bool,
}

/// The call that makes the pipeline or submodel.
#[derive(Clone, Debug)]
pub struct Constructor {
    /// The whole statement.
    pub range: Range<usize>,
    /// The name given, `main` when none is.
    pub name: String,
    /// The keyword arguments that are literals.
    pub keywords: Vec<Keyword>,
}

impl Constructor {
    /// The value of a keyword.
    pub fn keyword(&self, name: &str) -> Option<&Keyword> {
        self.keywords.iter().find(|keyword| keyword.name == name)
    }
}

/// A keyword argument with a literal value.
#[derive(Clone, Debug)]
pub struct Keyword {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub name_range: Range<usize>,
    /// Its value.
    pub value: Value,
}

/// A positional parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub range: Range<usize>,
    /// Whether it has a default.
    pub has_default: bool,
}

/// What the body of a node function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyShape {
    /// `...`, `pass` or a docstring alone.
    Declaration,
    /// Code whose last statement returns a value.
    Returns,
    /// Code that leaves its result in `df`.
    Assigns,
}

/// A node function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, which is the node's name.
    pub name: String,
    /// Where the name stands.
    pub name_range: Range<usize>,
    /// The name behind `@pipeline.`.
    pub decorator: String,
    /// The decorator without `@`.
    pub decorator_range: Range<usize>,
    /// What the node does; for `@pipeline.node` inferred from the arguments.
    pub kind: NodeKind,
    /// Whether the decorator is the `@pipeline.node` of Haute 0.1 and 0.2.
    pub is_generic: bool,
    /// The decorator's keyword arguments.
    pub keywords: Vec<Keyword>,
    /// Positional parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Names of keyword-only parameters.
    pub keyword_only: Vec<String>,
    /// Byte range of `*args` and `**kwargs` parameters.
    pub variadic: Vec<Range<usize>>,
    /// The whole function with its decorators.
    pub range: Range<usize>,
    /// From `def` to the end.
    pub definition: Range<usize>,
    /// The inside of the parameter list's brackets and the brackets.
    pub parameter_list: Range<usize>,
    /// From the first statement to the end of the last.
    pub body_range: Range<usize>,
    /// What the body is.
    pub body: BodyShape,
    /// Whether it is `async`.
    pub is_async: bool,
    /// Returns that are not the last statement.
    pub early_returns: Vec<Range<usize>>,
    /// Names the body reads.
    pub reads: BTreeSet<String>,
    /// Global constants the body reads, with the first place of each.
    pub constants: Vec<(String, Range<usize>)>,
    /// Imports inside the body.
    pub imports: Vec<Import>,
    /// The node's settings: its sidecar, else the decorator's arguments.
    pub settings: Settings,
}

/// Where a node's settings come from and what they are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file they stand in: the sidecar, or the Python file.
    pub file: FileId,
    /// An object; shared by the nodes that name one sidecar.
    pub value: Arc<Value>,
    /// The sidecar, when there is one.
    pub sidecar: Option<Sidecar>,
    /// Whether a sidecar was named but could not be used; rules about settings are then silent.
    pub damaged: bool,
}

/// A JSON sidecar that was read.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// The text in the decorator.
    pub reference: String,
    /// Relative to the project, with `/`.
    pub path: String,
}

impl Function {
    /// The value of a decorator keyword.
    pub fn keyword(&self, name: &str) -> Option<&Keyword> {
        self.keywords.iter().find(|keyword| keyword.name == name)
    }

    /// Whether its first parameter is the frame the node itself made, so that its body runs on that.
    pub fn is_hook(&self) -> bool {
        match self.kind {
            NodeKind::ExternalFile => self.keyword_only.iter().any(|name| name == "obj"),
            kind if kind.takes_hook() => self.parameters.first().is_some_and(|p| p.name == "df"),
            _ => false,
        }
    }

    /// The parameters that name inputs.
    pub fn input_parameters(&self) -> &[Parameter] {
        let skip = usize::from(self.is_hook() && self.kind != NodeKind::ExternalFile);
        self.parameters.get(skip..).unwrap_or_default()
    }
}

/// A `connect` call.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The node or occurrence it starts at.
    pub source: Located,
    /// The node or occurrence it leads to.
    pub target: Located,
    /// The port it leaves by.
    pub source_port: Option<Located>,
    /// The port it enters by.
    pub target_port: Option<Located>,
    /// The call.
    pub range: Range<usize>,
}

/// Text and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The text.
    pub text: String,
    /// Its place in the file of the module.
    pub range: Range<usize>,
}

/// A `pipeline.submodel(file, name)` call.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The definition's file.
    pub path: Located,
    /// The name of this occurrence.
    pub name: Located,
    /// The occurrence it was copied from, for the editor only.
    pub instance_of: Option<Located>,
    /// The call.
    pub range: Range<usize>,
}

/// An import of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module as written, without leading dots.
    pub module: String,
    /// Names taken from it; empty for `import x`.
    pub names: Vec<String>,
    /// Leading dots.
    pub level: u32,
    /// Where it stands.
    pub range: Range<usize>,
}

impl Import {
    /// The first part of the module's name.
    pub fn top_level(&self) -> &str {
        self.module.split('.').next().unwrap_or_default()
    }
}
