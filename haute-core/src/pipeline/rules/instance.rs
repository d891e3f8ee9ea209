//! HT0234: an instance cannot be resolved.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId, closest};
use crate::pipeline::instance::{MappingProblem, pairs};

/// An instance cannot be resolved.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0234"),
    title: "an instance cannot be resolved",
    explain: r#"`@pipeline.instance(of="x")` runs node x a second time on other inputs. The original must exist, be no instance itself, and
every input of the original must get exactly one input of the instance: by `inputMapping`, by an equal name, by the one
name that contains it, or by order. Two names that fit are refused, because swapped inputs give a price that looks right.

Example:

    @pipeline.instance(of="rated", inputMapping={"policy": "renewal"})
    def rated_renewal(renewal): ..."#,
};

/// The decorator names no original.
pub(crate) fn no_original(file: FileId, range: Range<usize>, name: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("the instance `{name}` names no original"))
        .at(file, range, "")
        .help("write `@pipeline.instance(of=\"<node>\")`")
}

/// The original is missing, or is an instance itself.
pub(crate) fn bad_original(
    file: FileId,
    range: Range<usize>,
    name: &str,
    exists: bool,
    mut known: Vec<&str>,
) -> Diagnostic {
    if exists {
        return Diagnostic::error(INFO.code, format!("`{name}` is an instance itself"))
            .at(file, range, "")
            .help("name the original node");
    }
    known.sort_unstable();
    let diagnostic =
        Diagnostic::error(INFO.code, format!("there is no node `{name}` to make an instance of"))
            .at(file, range, "");
    match closest(name, known) {
        Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
        None => diagnostic,
    }
}

/// Every instance on the path gets what its original needs.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for node in context.nodes_on_path() {
        let Some(original) = graph.nodes.get(node).and_then(|entry| entry.original) else { continue };
        let (Some(place), Some(original_place)) = (graph.place(node), graph.place(original)) else {
            continue;
        };
        let (message, help) = match pairs(graph, node) {
            Err(MappingProblem::Stale(name)) => (
                format!("`inputMapping` of `{}` names `{name}`, which is not there", graph.id(node)),
                "keys are inputs of the original, values inputs of the instance",
            ),
            Err(MappingProblem::Ambiguous(name)) => (
                format!("`{name}` fits several inputs of `{}`", graph.id(node)),
                "say which is which with `inputMapping={\"original's input\": \"own input\"}`",
            ),
            Ok(pairs) if pairs.len() < graph.inputs(original).count() => (
                format!("`{}` has fewer inputs than its original `{}`", graph.id(node), graph.id(original)),
                "connect one input for each of the original's",
            ),
            Ok(_) => continue,
        };
        found.push(
            Diagnostic::error(INFO.code, message)
                .at(place.file, place.range, "this instance")
                .context(original_place.file, original_place.range, "its original")
                .help(help),
        );
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn an_instance_needs_its_original() {
        let sample = Sample::valid()
            .append("rating/main.py", "\n@pipeline.instance(of=\"pricd\")\ndef again(policy): ...\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0234]: there is no node `pricd` to make an instance of
          --> rating/main.py:22:23
          help: did you mean `price`?
        warning[HT0225]: the node `again` is connected to nothing
          --> rating/main.py:23:5 takes no part in any price
          help: connect it or remove it
        "#);
    }
}
