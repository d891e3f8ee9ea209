//! What a function body reads, imports and returns.

use std::collections::BTreeSet;
use std::ops::Range;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprContext, Stmt, StmtImport, StmtImportFrom};
use ruff_text_size::Ranged as _;

use super::range;
use crate::pipeline::module::{BodyShape, Import};

/// What was found in a body.
#[derive(Default)]
pub(super) struct Found {
    pub(super) reads: BTreeSet<String>,
    pub(super) constants: Vec<(String, Range<usize>)>,
    pub(super) imports: Vec<Import>,
    pub(super) early_returns: Vec<Range<usize>>,
}

struct Walk<'a> {
    found: Found,
    closing: Option<&'a Stmt>,
    nested: usize,
}

/// Walks a body.
pub(super) fn walk(body: &[Stmt]) -> Found {
    let mut walk = Walk { found: Found::default(), closing: body.last(), nested: 0 };
    for statement in body {
        walk.visit_stmt(statement);
    }
    walk.found
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Return(_) if self.nested == 0 => {
                if !self.closing.is_some_and(|closing| std::ptr::eq(closing, statement)) {
                    self.found.early_returns.push(range(statement.range()));
                }
                walk_stmt(self, statement);
            }
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {
                self.nested += 1;
                walk_stmt(self, statement);
                self.nested -= 1;
            }
            Stmt::Import(import) => self.found.imports.extend(imports(import)),
            Stmt::ImportFrom(import) => self.found.imports.push(import_from(import)),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx == ExprContext::Load => {
                if !self.found.reads.contains(name.id.as_str()) {
                    self.found.reads.insert(name.id.as_str().to_owned());
                }
            }
            Expr::Attribute(attribute) => {
                if let Expr::Name(name) = &*attribute.value
                    && name.id.as_str() == "global_constants"
                    && !self.found.constants.iter().any(|(known, _)| known == attribute.attr.as_str())
                {
                    let constant = attribute.attr.as_str().to_owned();
                    self.found.constants.push((constant, range(attribute.attr.range())));
                }
                walk_expr(self, expression);
            }
            _ => walk_expr(self, expression),
        }
    }
}

/// One import per module of an `import` statement.
pub(super) fn imports(statement: &StmtImport) -> Vec<Import> {
    let import = |alias: &ruff_python_ast::Alias| Import {
        module: alias.name.as_str().to_owned(),
        names: Vec::new(),
        level: 0,
        range: range(alias.range()),
    };
    statement.names.iter().map(import).collect()
}

/// The import of a `from` statement.
pub(super) fn import_from(statement: &StmtImportFrom) -> Import {
    Import {
        module: statement.module.as_ref().map(|module| module.as_str().to_owned()).unwrap_or_default(),
        names: statement.names.iter().map(|alias| alias.name.as_str().to_owned()).collect(),
        level: statement.level,
        range: range(statement.range()),
    }
}

/// What the body of a node function is: its docstring does not count.
pub(super) fn shape(body: &[Stmt]) -> BodyShape {
    let is_docstring = |s: &Stmt| matches!(s, Stmt::Expr(e) if matches!(&*e.value, Expr::StringLiteral(_)));
    let code = match body {
        [first, rest @ ..] if is_docstring(first) => rest,
        _ => body,
    };
    match code {
        [] | [Stmt::Pass(_)] => BodyShape::Declaration,
        [Stmt::Expr(only)] if matches!(&*only.value, Expr::EllipsisLiteral(_)) => BodyShape::Declaration,
        [.., Stmt::Return(_)] => BodyShape::Returns,
        _ => BodyShape::Assigns,
    }
}
