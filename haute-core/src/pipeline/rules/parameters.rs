//! HT0230: the parameters are not the connected inputs.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, closest};
use crate::pipeline::graph::Generation;
use crate::pipeline::kind::NodeKind;

/// The parameters are not the connected inputs.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0230"),
    title: "the parameters are not the connected inputs",
    explain: r#"In node code an input is a variable named by its parameter. For a polars node the parameters and the connected inputs must
be the same names: a parameter nothing is connected to has no value, an input without a parameter cannot be used, and a
name that fits another input than the one meant prices from the wrong table. An input is named after the node it comes
from; from a quote input after the table, from a submodel after the port. `inputMapping={"name in code": "input"}` renames.

Example:

    @pipeline.polars
    def priced(policies): ...

    pipeline.connect("quote", "priced", source_port="policy")     # the input is called `policy`"#,
};

/// Parameters and inputs agree.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    if graph.generation == Generation::Generic || graph.modules.iter().any(|module| module.damaged) {
        return;
    }
    for node in 0..graph.nodes.len() {
        let Some(function) = graph.function(node) else { continue };
        let is_hook = function.is_hook();
        if function.kind != NodeKind::Polars && !is_hook || function.kind == NodeKind::DataInput {
            continue;
        }
        let Some(file) = graph.place(node).map(|place| place.file) else { continue };
        let inputs: Vec<&str> = graph.inputs(node).map(|edge| edge.input.as_str()).collect();
        let mapping = function.keyword("inputMapping").filter(|_| function.kind == NodeKind::Polars);
        let mut used: Vec<&str> = Vec::new();
        for parameter in function.input_parameters() {
            let input = mapping.and_then(|m| m.value.text_at(&parameter.name)).unwrap_or(&parameter.name);
            if inputs.contains(&input) && !used.contains(&input) {
                used.push(input);
                continue;
            }
            let diagnostic = Diagnostic::error(
                INFO.code,
                format!(
                    "the parameter `{}` of `{}` is not a connected input",
                    parameter.name,
                    graph.id(node)
                ),
            )
            .at(file, parameter.range.clone(), "nothing of this name is connected");
            found.push(match closest(input, inputs.iter().copied().filter(|name| !used.contains(name))) {
                Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
                None if inputs.is_empty() => diagnostic.note("nothing is connected to this node"),
                None => diagnostic.note(format!("its inputs are `{}`", inputs.join("`, `"))),
            });
        }
        if is_hook {
            continue;
        }
        for edge in graph.inputs(node) {
            if !used.contains(&edge.input.as_str()) {
                used.push(&edge.input);
                found.push(
                    Diagnostic::error(
                        INFO.code,
                        format!("the input `{}` of `{}` has no parameter", edge.input, graph.id(node)),
                    )
                    .at(file, function.name_range.clone(), "cannot use this input")
                    .context(edge.place.file, edge.place.range.clone(), "connected here")
                    .help(format!("add the parameter `{}`, or remove the edge", edge.input)),
                );
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn names_of_inputs_and_parameters_agree() {
        let sample = Sample::valid().replace(
            "rating/main.py",
            "def priced(policy: pl.LazyFrame)",
            "def priced(polcy: pl.LazyFrame)",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0230]: the input `policy` of `priced` has no parameter
          --> rating/main.py:12:5 cannot use this input
              rating/main.py:20:10 connected here
          help: add the parameter `policy`, or remove the edge
        error[HT0230]: the parameter `polcy` of `priced` is not a connected input
          --> rating/main.py:12:12 nothing of this name is connected
          help: did you mean `policy`?
        "#);
    }
}
