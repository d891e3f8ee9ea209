//! HT0252: a node names no sidecar.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::graph::Generation;

/// A node names no sidecar.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0252"),
    title: "a node names no sidecar",
    explain: r#"Since Haute 0.5 the settings of every node type but polars, edge_join, explore and instance stand in a JSON file; settings written
into the decorator are ignored, so tables and models that stand there take no part in the price. Haute 0.6 refuses the file.
Move the settings into the file the message names and give its path.

Example:

    @pipeline.constant(values=[{"name": "base", "value": 120.0}])       # ignored
    @pipeline.constant(config="config/constant/base.json")"#,
};

/// Typed nodes have a sidecar.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.graph.generation != Generation::Declared {
        return;
    }
    for module in &context.graph.modules {
        for function in &module.functions {
            let Some(folder) = function.kind.folder().filter(|_| function.kind.needs_sidecar()) else {
                continue;
            };
            if function.keyword("config").is_some() || function.settings.damaged || module.damaged {
                continue;
            }
            let path = format!("config/{folder}/{}.json", function.name);
            found.push(
                Diagnostic::error(INFO.code, format!("the node `{}` names no sidecar", function.name))
                    .at(module.file, function.decorator_range.clone(), "")
                    .help(format!(
                        "write `@pipeline.{}(config=\"{path}\")` and put its settings there",
                        function.kind.decorator()
                    )),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn settings_stand_in_a_sidecar() {
        let sample = Sample::valid().replace(
            "rating/main.py",
            "@pipeline.output(config=\"config/quote_response/price.json\")",
            "@pipeline.output",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0252]: the node `price` names no sidecar
          --> rating/main.py:16:1
          help: write `@pipeline.output(config="config/quote_response/price.json")` and put its settings there
        "#);
    }
}
