//! HT0243: a setting is not known.

use std::collections::HashSet;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, closest};
use crate::pipeline::graph::Generation;
use crate::pipeline::kind::NodeKind;
use crate::pipeline::module::Function;
use crate::pipeline::value::{Member, Value};

/// A setting is not known.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0243"),
    title: "a setting is not known",
    explain: r#"Each node type knows a fixed set of keys. A key it does not know has no effect, so a misspelt one leaves the default in
force: a table whose `defaultValue` is misspelt fails on the first unknown value instead of using it. Haute 0.6 refuses the
file. For projects in the form of Haute 0.1 to 0.3, which only warned, this is a warning. Keys that start with `_` are the
editor's own and are left alone.

Example:

    {"factors": [...]}
    {"factor": [...]}        # unknown: did you mean `factors`?"#,
};

/// Settings hold known keys only.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let is_error = context.graph.generation == Generation::Declared;
    let mut judged = HashSet::new();
    for module in &context.graph.modules {
        for function in &module.functions {
            let Some(sidecar) = &function.settings.sidecar else { continue };
            // Training and optimisation settings are judged by Haute when it trains.
            if matches!(function.kind, NodeKind::Modelling | NodeKind::Optimiser | NodeKind::Instance)
                || !judged.insert((&sidecar.path, function.kind))
            {
                continue;
            }
            let name = function.kind.decorator();
            let members =
                function.settings.value.members().iter().map(|member| (member, None)).chain(nested(function));
            for (member, known) in members {
                let key = member.key.as_str();
                if key.starts_with('_') || key == "code" {
                    continue;
                }
                let is_known = match known {
                    None => function.kind.knows_key(key) || (!is_error && OLD_KEYS.contains(&key)),
                    Some(known) => known.contains(&key),
                };
                if is_known {
                    continue;
                }
                let message = format!("{name} nodes have no setting `{key}`");
                // Inside a table or factor Haute lets unknown keys pass.
                let diagnostic = if is_error && known.is_none() {
                    Diagnostic::error(INFO.code, message)
                } else {
                    Diagnostic::warning(INFO.code, message)
                };
                let diagnostic = diagnostic.at(function.settings.file, member.key_range.clone(), "");
                let names = known.unwrap_or(function.kind.own_keys());
                found.push(match closest(key, names.iter().copied()) {
                    Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
                    None => diagnostic.note(format!("it knows `{}`", names.join("`, `"))),
                });
            }
        }
    }
}

/// Settings of Haute 0.2 and 0.3 that are gone since.
const OLD_KEYS: &[&str] = &[
    "fields",
    "operation",
    "combinedColumn",
    "output_column",
    "row_id_column",
    "key",
    "external",
    "file_type",
];

/// The members of tables and factors, with the keys known there.
fn nested(function: &Function) -> Vec<(&Member, Option<&'static [&'static str]>)> {
    let (key, known): (&str, &'static [&'static str]) = match function.kind {
        NodeKind::RatingStep => (
            "tables",
            &[
                "factors",
                "factorDtypes",
                "outputColumn",
                "defaultValue",
                "onMissing",
                "entries",
                "name",
                "label",
            ],
        ),
        NodeKind::Banding => {
            ("factors", &["banding", "column", "outputColumn", "rules", "default", "rightClosed"])
        }
        _ => return Vec::new(),
    };
    let elements = function.settings.value.get(key).map(Value::elements).unwrap_or_default();
    elements.iter().flat_map(Value::members).map(|member| (member, Some(known))).collect()
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_misspelt_setting_is_named() {
        let sample = Sample::valid().replace(
            "rating/config/quote_response/price.json",
            "outputMapping",
            "outputMaping",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0247]: the answer of `price` is not described: `outputMapping` is missing
          --> rating/config/quote_response/price.json:1:1
        error[HT0243]: output nodes have no setting `outputMaping`
          --> rating/config/quote_response/price.json:1:2
          help: did you mean `outputMapping`?
        "#);
    }
}
