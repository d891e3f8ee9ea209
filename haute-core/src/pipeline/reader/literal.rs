//! Literal expressions as values.

use ruff_python_ast::{Expr, Number, UnaryOp};
use ruff_text_size::Ranged as _;

use super::range;
use crate::pipeline::value::{Member, Value, ValueKind};

/// The value of a literal, or of the `Contract(...)` call Haute takes for one; `None` for anything computed.
pub(super) fn value(expression: &Expr, text: &str) -> Option<Value> {
    let place = range(expression.range());
    let kind = match expression {
        Expr::NoneLiteral(_) => ValueKind::Null,
        Expr::BooleanLiteral(literal) => ValueKind::Bool(literal.value),
        Expr::StringLiteral(literal) => ValueKind::Text(literal.value.to_str().to_owned()),
        Expr::NumberLiteral(literal) => ValueKind::Number(number(&literal.value)?),
        Expr::UnaryOp(unary) => match (unary.op, &*unary.operand) {
            (UnaryOp::USub, Expr::NumberLiteral(literal)) => {
                ValueKind::Number(format!("-{}", number(&literal.value)?))
            }
            (UnaryOp::UAdd, Expr::NumberLiteral(literal)) => ValueKind::Number(number(&literal.value)?),
            _ => return None,
        },
        Expr::List(list) => ValueKind::List(values(&list.elts, text)?),
        Expr::Tuple(tuple) => ValueKind::List(values(&tuple.elts, text)?),
        Expr::Set(set) => ValueKind::List(values(&set.elts, text)?),
        Expr::Dict(dict) => {
            let mut members = Vec::with_capacity(dict.items.len());
            for item in &dict.items {
                let key = value(item.key.as_ref()?, text)?;
                members.push(Member {
                    key_range: key.range.clone(),
                    key: key_text(&key)?,
                    value: value(&item.value, text)?,
                });
            }
            ValueKind::Object(members)
        }
        Expr::Call(call) => {
            let is_contract = match &*call.func {
                Expr::Name(name) => name.id.as_str() == "Contract",
                Expr::Attribute(attribute) => attribute.attr.as_str() == "Contract",
                _ => false,
            };
            if !is_contract {
                return None;
            }
            if !call.arguments.args.is_empty() {
                return Some(Value {
                    range: place,
                    kind: ValueKind::List(values(&call.arguments.args, text)?),
                });
            }
            let mut members = Vec::new();
            for keyword in &call.arguments.keywords {
                let name = keyword.arg.as_ref()?;
                members.push(Member {
                    key: name.as_str().to_owned(),
                    key_range: range(name.range()),
                    value: value(&keyword.value, text)?,
                });
            }
            ValueKind::Object(members)
        }
        _ => return None,
    };
    Some(Value { range: place, kind })
}

fn values(expressions: &[Expr], text: &str) -> Option<Vec<Value>> {
    expressions.iter().map(|expression| value(expression, text)).collect()
}

fn number(number: &Number) -> Option<String> {
    match number {
        Number::Int(int) => {
            let digits = int.to_string();
            // A large number in another base keeps its prefix: no setting needs one.
            digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)
        }
        Number::Float(float) if float.is_finite() => Some(format!("{float:?}")),
        _ => None,
    }
}

/// A dict key as the text JSON would give it.
fn key_text(key: &Value) -> Option<String> {
    Some(match &key.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => text.clone(),
        ValueKind::Bool(value) => value.to_string(),
        ValueKind::Null => "null".to_owned(),
        ValueKind::List(_) | ValueKind::Object(_) => return None,
    })
}
