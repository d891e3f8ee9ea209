//! `@pipeline.<name>(...)` on a function.

use std::sync::Arc;

use ruff_python_ast::{Decorator, Expr, Parameters, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::{body, literal, range};
use crate::diagnostic::{Diagnostic, FileId};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::module::{Function, Keyword, Parameter, Settings};
use crate::pipeline::rules;
use crate::pipeline::value::{Member, Value, ValueKind};

/// The name behind `@<receiver>.`, when the decorator is of that form.
pub(super) fn name<'a>(decorator: &'a Decorator, receiver: &str) -> Option<&'a str> {
    let target = match &decorator.expression {
        Expr::Call(call) => &*call.func,
        other => other,
    };
    match target {
        Expr::Attribute(attribute) => match &*attribute.value {
            Expr::Name(name) if name.id.as_str() == receiver => Some(attribute.attr.as_str()),
            _ => None,
        },
        _ => None,
    }
}

/// Reads a node function.
pub(super) fn function(
    definition: &StmtFunctionDef,
    decorator: &Decorator,
    decorator_name: &str,
    file: FileId,
    text: &str,
    found: &mut Vec<Diagnostic>,
) -> Function {
    let keywords = keywords(decorator, file, text, found);
    let whole = range(definition.range());
    let name_range = range(definition.name.range());
    let start = text
        .get(whole.start..name_range.start)
        .and_then(|head| head.rfind(if definition.is_async { "async" } else { "def" }))
        .map_or(whole.start, |offset| whole.start + offset);
    let is_generic = decorator_name == "node";
    let parameters = parameters(&definition.parameters);
    let kind = if is_generic {
        inferred_kind(&keywords, parameters.len())
    } else if let Some(kind) = NodeKind::from_decorator(decorator_name) {
        kind
    } else {
        found.push(rules::unknown_decorator::diagnostic(file, range(decorator.range()), decorator_name));
        NodeKind::Polars
    };
    let body_found = body::walk(&definition.body);
    let body_range = match (definition.body.first(), definition.body.last()) {
        (Some(first), Some(last)) => first.range().start().to_usize()..last.range().end().to_usize(),
        _ => whole.end..whole.end,
    };
    let inline = Value {
        range: range(decorator.range()),
        kind: ValueKind::Object(
            keywords
                .iter()
                .map(|k| Member {
                    key: k.name.clone(),
                    key_range: k.name_range.clone(),
                    value: k.value.clone(),
                })
                .collect(),
        ),
    };
    Function {
        name: definition.name.as_str().to_owned(),
        name_range,
        decorator: decorator_name.to_owned(),
        decorator_range: range(decorator.range()),
        kind,
        is_generic,
        keywords,
        keyword_only: definition
            .parameters
            .kwonlyargs
            .iter()
            .map(|p| p.parameter.name.as_str().to_owned())
            .collect(),
        variadic: [&definition.parameters.vararg, &definition.parameters.kwarg]
            .into_iter()
            .flatten()
            .map(|parameter| range(parameter.range()))
            .collect(),
        parameters,
        range: whole.clone(),
        definition: start..whole.end,
        parameter_list: range(definition.parameters.range()),
        body_range,
        body: body::shape(&definition.body),
        is_async: definition.is_async,
        early_returns: body_found.early_returns,
        reads: body_found.reads,
        constants: body_found.constants,
        imports: body_found.imports,
        settings: Settings { file, value: Arc::new(inline), sidecar: None, damaged: false },
    }
}

fn parameters(parameters: &Parameters) -> Vec<Parameter> {
    parameters
        .posonlyargs
        .iter()
        .chain(&parameters.args)
        .map(|parameter| Parameter {
            name: parameter.parameter.name.as_str().to_owned(),
            range: range(parameter.parameter.name.range()),
            has_default: parameter.default.is_some(),
        })
        .collect()
}

fn keywords(decorator: &Decorator, file: FileId, text: &str, found: &mut Vec<Diagnostic>) -> Vec<Keyword> {
    let Expr::Call(call) = &decorator.expression else { return Vec::new() };
    for argument in &*call.arguments.args {
        let place = range(argument.range());
        found.push(rules::non_literal::diagnostic(file, place, "a decorator takes keyword arguments only"));
    }
    let mut keywords = Vec::new();
    for keyword in &call.arguments.keywords {
        let place = range(keyword.range());
        let Some(name) = &keyword.arg else {
            found.push(rules::non_literal::diagnostic(file, place, "`**` is expanded only when Python runs"));
            continue;
        };
        if let Some(value) = literal::value(&keyword.value, text) {
            keywords.push(Keyword { name: name.as_str().to_owned(), name_range: range(name.range()), value });
        } else {
            let place = range(keyword.value.range());
            let reason = format!("the value of `{}` is computed only when Python runs", name.as_str());
            found.push(rules::non_literal::diagnostic(file, place, &reason));
        }
    }
    keywords
}

/// What a node of Haute 0.1 or 0.2 does, from its arguments (`haute.md` §2.8).
fn inferred_kind(keywords: &[Keyword], parameters: usize) -> NodeKind {
    let set = |name: &str| keywords.iter().any(|k| k.name == name && !k.value.is_empty());
    let folder = keywords
        .iter()
        .find(|k| k.name == "config")
        .and_then(|k| k.value.text())
        .and_then(|path| path.rsplit('/').nth(1))
        .and_then(NodeKind::from_folder);
    if let Some(kind) = folder {
        return kind;
    }
    let flags: &[(&[&str], NodeKind)] = &[
        (&["instance_of"], NodeKind::Instance),
        (&["output"], NodeKind::Output),
        (&["external"], NodeKind::ExternalFile),
        (&["sink"], NodeKind::DataOutput),
        (&["api_input", "deploy_input"], NodeKind::ApiInput),
        (&["live_switch"], NodeKind::LiveSwitch),
        (&["constant"], NodeKind::Constant),
        (&["modelling"], NodeKind::Modelling),
        (&["optimiser"], NodeKind::Optimiser),
        (&["optimiser_apply"], NodeKind::OptimiserApply),
        (&["scenario_expander"], NodeKind::ScenarioExpander),
        (&["banding", "factors"], NodeKind::Banding),
        (&["tables"], NodeKind::RatingStep),
        (&["registered_model", "model_uri", "run_id"], NodeKind::ModelScore),
        (&["path", "table"], NodeKind::DataInput),
    ];
    for (names, kind) in flags {
        if names.iter().any(|name| set(name)) {
            return *kind;
        }
    }
    if parameters == 0 { NodeKind::DataInput } else { NodeKind::Polars }
}
