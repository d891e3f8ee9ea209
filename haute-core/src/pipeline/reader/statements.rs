//! The statements at the top level of a file.

use std::ops::Range;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use super::{Receiver, body, decorator, literal, range};
use crate::diagnostic::Diagnostic;
use crate::pipeline::kind::NodeKind;
use crate::pipeline::module::{Connect, Constructor, Keyword, Located, Module, Registration};
use crate::pipeline::rules;

pub(super) struct Reader<'a> {
    pub(super) module: &'a mut Module,
    pub(super) receiver: Receiver,
    pub(super) found: &'a mut Vec<Diagnostic>,
    pub(super) text: &'a str,
}

impl Reader<'_> {
    pub(super) fn read(&mut self, body: &[Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn keep(&mut self, statement: &Stmt) {
        self.module.kept.push(range(statement.range()));
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Import(import) => {
                self.module.imports.extend(body::imports(import));
                self.keep(statement);
            }
            Stmt::ImportFrom(import) => {
                self.module.imports.push(body::import_from(import));
                self.keep(statement);
            }
            Stmt::FunctionDef(definition) => {
                let variable = self.receiver.variable();
                let mut nodes =
                    definition.decorator_list.iter().filter_map(|d| Some((d, decorator::name(d, variable)?)));
                let Some((node_decorator, name)) = nodes.next() else {
                    self.other(statement);
                    return;
                };
                for other in &definition.decorator_list {
                    if !std::ptr::eq(other, node_decorator) {
                        self.dynamic(
                            range(other.range()),
                            "a node takes one decorator; what another one does shows only when Python runs",
                        );
                    }
                }
                let function = decorator::function(
                    definition,
                    node_decorator,
                    name,
                    self.module.file,
                    self.text,
                    self.found,
                );
                self.module.functions.push(function);
            }
            Stmt::Assign(assign) => {
                let [Expr::Name(target)] = assign.targets.as_slice() else {
                    self.other(statement);
                    return;
                };
                self.assignment(statement, target.id.as_str(), &assign.value);
            }
            Stmt::AnnAssign(assign) => match (&*assign.target, &assign.value) {
                (Expr::Name(target), Some(value)) => {
                    self.assignment(statement, target.id.as_str(), value);
                }
                _ => self.other(statement),
            },
            Stmt::Expr(expression) => match &*expression.value {
                Expr::Call(call) if chain_base(call).is_some_and(|base| base == self.receiver.variable()) => {
                    self.chain(call);
                }
                _ => self.other(statement),
            },
            Stmt::If(conditional) if is_main_guard(&conditional.test) => {}
            _ => self.other(statement),
        }
    }

    fn assignment(&mut self, statement: &Stmt, target: &str, value: &Expr) {
        let variable = self.receiver.variable();
        if target == variable {
            match value {
                Expr::Call(call) if self.is_constructor(&call.func) => self.constructor(statement, call),
                _ => {
                    let reason = format!(
                        "`{variable}` is bound to something other than `haute.{}(...)`",
                        self.receiver.class()
                    );
                    self.dynamic(range(statement.range()), &reason);
                }
            }
            return;
        }
        if target == "global_constants" {
            if let Expr::Attribute(attribute) = value
                && attribute.attr.as_str() == "global_constants"
                && matches!(&*attribute.value, Expr::Name(name) if name.id.as_str() == variable)
            {
                self.keep(statement);
                return;
            }
            let place = range(statement.range());
            self.found.push(rules::reserved_name::binding(self.module.file, place, "global_constants"));
            return;
        }
        if let Expr::Call(call) = value
            && self.is_constructor(&call.func)
        {
            let reason = format!("the variable is called `{target}`: Haute looks for the name `{variable}`");
            self.dynamic(range(statement.range()), &reason);
            return;
        }
        self.other(statement);
    }

    /// Whether `function` is `haute.Pipeline`, under the names this file imports it by.
    fn is_constructor(&self, function: &Expr) -> bool {
        let class = self.receiver.class();
        match function {
            Expr::Attribute(attribute) => attribute.attr.as_str() == class,
            Expr::Name(name) => {
                name.id.as_str() == class
                    || self.module.imports.iter().any(|import| {
                        import.module == "haute"
                            && import.names.iter().any(|n| n == class)
                            && self.text.get(import.range.clone()).is_some_and(|text| {
                                text.contains(&format!("{class} as {}", name.id.as_str()))
                            })
                    })
            }
            _ => false,
        }
    }

    fn constructor(&mut self, statement: &Stmt, call: &ExprCall) {
        let file = self.module.file;
        let place = range(statement.range());
        if let Some(first) = &self.module.constructor {
            let first = first.range.clone();
            self.found.push(rules::no_pipeline::rebound(file, place, first, self.receiver));
            return;
        }
        let mut name = "main".to_owned();
        if let Some(argument) = call.arguments.args.first() {
            match literal::value(argument, self.text).as_ref().and_then(|value| value.text()) {
                Some(text) => text.clone_into(&mut name),
                None => self.found.push(rules::non_literal::diagnostic(
                    file,
                    range(argument.range()),
                    "the name is computed only when Python runs",
                )),
            }
        }
        let mut keywords = Vec::new();
        for keyword in &call.arguments.keywords {
            let value = literal::value(&keyword.value, self.text);
            match (&keyword.arg, value) {
                (Some(arg), Some(value)) => {
                    if let ("name", Some(text)) = (arg.as_str(), value.text()) {
                        text.clone_into(&mut name);
                    }
                    keywords.push(Keyword {
                        name: arg.as_str().to_owned(),
                        name_range: range(arg.range()),
                        value,
                    });
                }
                (arg, _) => {
                    let what = arg.as_ref().map_or("**", |arg| arg.as_str());
                    let reason = format!("the value of `{what}` is computed only when Python runs");
                    let place = range(keyword.value.range());
                    self.found.push(rules::non_literal::diagnostic(file, place, &reason));
                }
            }
        }
        self.module.constructor = Some(Constructor { range: place, name, keywords });
        if self.receiver == Receiver::Pipeline {
            self.keep(statement);
        }
    }

    /// `pipeline.connect(...).connect(...)` and `pipeline.submodel(...)`, in the order they are written.
    fn chain(&mut self, call: &ExprCall) {
        let mut links: Vec<(&ExprCall, &str)> = Vec::new();
        let mut current = call;
        while let Expr::Attribute(attribute) = &*current.func {
            links.push((current, attribute.attr.as_str()));
            match &*attribute.value {
                Expr::Call(inner) => current = inner,
                _ => break,
            }
        }
        for (link, method) in links.into_iter().rev() {
            match method {
                "connect" => self.connect(link),
                "submodel" if self.receiver == Receiver::Pipeline => self.registration(link),
                _ => {
                    let variable = self.receiver.variable();
                    let reason = format!("`{variable}.{method}(...)` runs whenever the file is imported");
                    self.dynamic(link_range(link), &reason);
                }
            }
        }
    }

    fn connect(&mut self, call: &ExprCall) {
        let mut named: [Option<Located>; 4] = [const { None }; 4];
        let mut complete = true;
        for (index, argument) in call.arguments.args.iter().enumerate() {
            match (index, self.text_argument(argument)) {
                (0 | 1, Some(text)) => {
                    if let Some(slot) = named.get_mut(index) {
                        *slot = Some(text);
                    }
                }
                (0 | 1, None) => complete = false,
                _ => {
                    complete = false;
                    let place = range(argument.range());
                    self.found.push(rules::non_literal::diagnostic(
                        self.module.file,
                        place,
                        "`connect` takes two positional arguments; ports are given as `source_port=` and `target_port=`",
                    ));
                }
            }
        }
        for keyword in &call.arguments.keywords {
            let index = match keyword.arg.as_deref() {
                Some("source") => 0,
                Some("target") => 1,
                Some("source_port") => 2,
                Some("target_port") => 3,
                other => {
                    complete = false;
                    let reason = format!("`connect` has no argument `{}`", other.unwrap_or("**"));
                    let place = range(keyword.range());
                    self.found.push(rules::non_literal::diagnostic(self.module.file, place, &reason));
                    continue;
                }
            };
            if index >= 2 && matches!(keyword.value, Expr::NoneLiteral(_)) {
                continue;
            }
            if let (Some(text), Some(slot)) = (self.text_argument(&keyword.value), named.get_mut(index)) {
                *slot = Some(text);
            } else {
                complete = false;
            }
        }
        let place = link_range(call);
        let [source, target, source_port, target_port] = named;
        match (source, target) {
            (Some(source), Some(target)) => {
                self.module.connects.push(Connect { source, target, source_port, target_port, range: place });
            }
            _ if complete => self.found.push(rules::non_literal::diagnostic(
                self.module.file,
                place,
                "`connect` needs a source and a target",
            )),
            _ => {}
        }
        if !complete {
            // An edge is missing from the graph: what follows from it would be noise.
            self.module.damaged = true;
        }
    }

    fn text_argument(&mut self, argument: &Expr) -> Option<Located> {
        let place = range(argument.range());
        let value = literal::value(argument, self.text);
        if let Some(text) = value.as_ref().and_then(|value| value.text()) {
            return Some(Located { text: text.to_owned(), range: place });
        }
        let reason = "this must be text written out, so that the graph can be read without running Python";
        self.found.push(rules::non_literal::diagnostic(self.module.file, place, reason));
        None
    }

    fn registration(&mut self, call: &ExprCall) {
        let mut path = None;
        let mut name = None;
        let mut instance_of = None;
        for (index, argument) in call.arguments.args.iter().enumerate() {
            let text = self.text_argument(argument);
            match index {
                0 => path = text,
                1 => name = text,
                _ => {}
            }
        }
        for keyword in &call.arguments.keywords {
            match keyword.arg.as_deref() {
                Some("file") => path = self.text_argument(&keyword.value),
                Some("name") => name = self.text_argument(&keyword.value),
                Some("instance_of") if matches!(keyword.value, Expr::NoneLiteral(_)) => {}
                Some("instance_of") => instance_of = self.text_argument(&keyword.value),
                other => {
                    let reason = format!("`submodel` has no argument `{}`", other.unwrap_or("**"));
                    let place = range(keyword.range());
                    self.found.push(rules::non_literal::diagnostic(self.module.file, place, &reason));
                }
            }
        }
        let place = link_range(call);
        if let (Some(path), None, 1) =
            (&path, &name, call.arguments.args.len() + call.arguments.keywords.len())
        {
            self.module.damaged = true;
            self.found.push(rules::bad_submodel::unnamed(self.module.file, path.range.clone(), &path.text));
        } else if let (Some(path), Some(name)) = (path, name) {
            self.module.registrations.push(Registration { path, name, instance_of, range: place });
        } else {
            self.module.damaged = true;
            self.found.push(rules::non_literal::diagnostic(
                self.module.file,
                place,
                "`submodel` needs the path of the definition and the name of this occurrence",
            ));
        }
    }

    /// A statement that is no part of the graph: it may not touch the pipeline, and its imports count.
    fn other(&mut self, statement: &Stmt) {
        let mut walk = Touches {
            variable: self.receiver.variable(),
            inside_function: 0,
            places: Vec::new(),
            imports: Vec::new(),
        };
        walk.visit_stmt(statement);
        for (place, reason) in walk.places {
            self.dynamic(place, reason);
        }
        self.module.imports.append(&mut walk.imports);
        self.keep(statement);
    }

    fn dynamic(&mut self, place: Range<usize>, reason: &str) {
        self.module.damaged = true;
        self.found.push(rules::dynamic::diagnostic(self.module.file, place, reason));
    }
}

/// Where one link of a chain stands: from its method to its closing bracket.
fn link_range(call: &ExprCall) -> Range<usize> {
    let end = range(call.range()).end;
    match &*call.func {
        Expr::Attribute(attribute) => range(attribute.attr.range()).start..end,
        _ => range(call.range()),
    }
}

/// The name a chain of calls starts at.
fn chain_base(call: &ExprCall) -> Option<&str> {
    let mut current = call;
    loop {
        let Expr::Attribute(attribute) = &*current.func else { return None };
        match &*attribute.value {
            Expr::Call(inner) => current = inner,
            Expr::Name(name) => return Some(name.id.as_str()),
            _ => return None,
        }
    }
}

fn is_main_guard(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else { return false };
    matches!(&*compare.left, Expr::Name(name) if name.id.as_str() == "__name__")
}

struct Touches<'t> {
    variable: &'t str,
    inside_function: usize,
    places: Vec<(Range<usize>, &'static str)>,
    imports: Vec<crate::pipeline::module::Import>,
}

impl<'a> Visitor<'a> for Touches<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => self.imports.extend(body::imports(import)),
            Stmt::ImportFrom(import) => self.imports.push(body::import_from(import)),
            Stmt::FunctionDef(definition) => {
                if let Some(node) =
                    definition.decorator_list.iter().find(|d| decorator::name(d, self.variable).is_some())
                {
                    self.places.push((
                        range(node.range()),
                        "this node exists only if the code around it runs: nodes are defined at the top level",
                    ));
                    return;
                }
                self.inside_function += 1;
                walk_stmt(self, statement);
                self.inside_function -= 1;
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression
            && chain_base(call) == Some(self.variable)
            && let Expr::Attribute(attribute) = &*call.func
        {
            let method = attribute.attr.as_str();
            let changes =
                matches!(method, "connect" | "submodel") || NodeKind::from_decorator(method).is_some();
            if changes {
                self.places.push((
                    range(expression.range()),
                    "this changes the graph only if the code around it runs: write it at the top level",
                ));
                return;
            }
            if self.inside_function > 0 {
                // Running the pipeline from a helper of the user's own harms nobody.
                return;
            }
            self.places
                .push((range(expression.range()), "this runs the pipeline whenever the file is imported"));
            return;
        }
        if let Expr::Name(name) = expression
            && name.id.as_str() == self.variable
        {
            if self.inside_function == 0 {
                self.places.push((
                    range(expression.range()),
                    "what happens to the pipeline here shows only when Python runs",
                ));
            }
            return;
        }
        walk_expr(self, expression);
    }
}
