//! HT0207: a name is kept for something else.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};
use crate::pipeline::names::taken_by;

/// A name is kept for something else.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0207"),
    title: "a name is kept for something else",
    explain: r"Inside node code some names mean something already: `pl` is Polars, `haute` the package, `pipeline` the pipeline,
`global_constants` the constants file, and Python's own names such as `max`, `sum` or `id`. A node of such a name would
replace it for every other node of the file: another node's `max(...)` would run this one. Haute refuses these names too.

Example:

    @pipeline.polars
    def max(policy): ...            # refused

    @pipeline.polars
    def maximum(policy): ...        # fine",
};

/// A statement binds a reserved name.
#[cfg_attr(not(feature = "pipeline"), expect(dead_code, reason = "only the reader finds this"))]
pub(crate) fn binding(file: FileId, range: Range<usize>, name: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("`{name}` is kept for {}", taken_by(name).unwrap_or("Haute")))
        .at(file, range, "bound to something else here")
        .help("rename it; only `global_constants = pipeline.global_constants` may bind this name")
}

/// No node, submodel or input takes a reserved name.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (index, module) in context.graph.modules.iter().enumerate() {
        let functions =
            module.functions.iter().map(|function| (function.name.as_str(), &function.name_range));
        let submodels = module.registrations.iter().map(|r| (r.name.text.as_str(), &r.name.range));
        for (name, range) in functions.chain(submodels.filter(|_| index == 0)) {
            if let Some(owner) = taken_by(name) {
                found.push(
                    Diagnostic::error(INFO.code, format!("a node cannot be called `{name}`"))
                        .at(module.file, range.clone(), format!("this is the name of {owner}"))
                        .help("rename the node"),
                );
            }
        }
    }
    for edge in &context.graph.edges {
        if let Some(owner) = taken_by(&edge.input).filter(|owner| *owner != "a Python built-in")
            && edge.source_port.is_some()
        {
            found.push(
                Diagnostic::error(INFO.code, format!("an input cannot be called `{}`", edge.input))
                    .at(edge.place.file, edge.place.range.clone(), format!("this is the name of {owner}"))
                    .help("rename the table or the port"),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_built_in_name_is_refused() {
        let sample = Sample::valid()
            .append("rating/main.py", "\n@pipeline.polars\ndef max(priced):\n    return priced\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0207]: a node cannot be called `max`
          --> rating/main.py:23:5 this is the name of a Python built-in
          help: rename the node
        "#);
    }
}
