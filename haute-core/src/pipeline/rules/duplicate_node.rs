//! HT0206: two nodes have one name.

use std::collections::HashMap;
use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// Two nodes have one name.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0206"),
    title: "two nodes have one name",
    explain: r"A node is known by its function's name. Of two functions with one name Python keeps the last, Haute's editor refuses the
file, and a price computed by the wrong one of them looks like any other price. Names that differ only in case are
refused too: their sidecars are one file on Windows and macOS. A submodel's occurrence takes a name as well.

Example:

    @pipeline.polars
    def Load(policy): ...

    @pipeline.polars
    def load(policy): ...        # rename one of them",
};

/// Names of nodes and of submodels are unique, whatever their case.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (index, module) in context.graph.modules.iter().enumerate() {
        let mut seen: HashMap<String, (&str, Range<usize>)> = HashMap::new();
        let functions =
            module.functions.iter().map(|function| (function.name.as_str(), &function.name_range));
        let submodels = module.registrations.iter().map(|r| (r.name.text.as_str(), &r.name.range));
        let submodels = submodels.filter(|_| index == 0);
        for (name, range) in functions.chain(submodels) {
            let Some((first, first_range)) = seen.get(&name.to_lowercase()) else {
                seen.insert(name.to_lowercase(), (name, range.clone()));
                continue;
            };
            let message = if *first == name {
                format!("two nodes are called `{name}`")
            } else {
                format!("the nodes `{first}` and `{name}` differ only in case")
            };
            found.push(
                Diagnostic::error(INFO.code, message)
                    .at(module.file, range.clone(), "taken already")
                    .context(module.file, first_range.clone(), "used here first")
                    .help("rename one of them"),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn names_differ_by_more_than_case() {
        let sample = Sample::valid()
            .append("rating/main.py", "\n@pipeline.polars\ndef Priced(priced):\n    return priced\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0206]: the nodes `priced` and `Priced` differ only in case
          --> rating/main.py:23:5 taken already
              rating/main.py:12:5 used here first
          help: rename one of them
        "#);
    }
}
