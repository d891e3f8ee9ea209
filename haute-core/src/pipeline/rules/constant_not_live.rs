//! HT0268: a constant has no live value.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::constants::{Constant, Constants};
use crate::pipeline::graph::Place;

/// A constant has no live value.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0268"),
    title: "a constant has no live value",
    explain: r#"A constant may have one value per source (`by_source`). A served price always runs for the source `live`; a constant a node on the
scoring path reads must have a value for it, or every quote fails where it is read. The value of another source is never
used in its place.

Example:

    {"name": "fee", "type": "float", "by_source": {"renewals": 10.0}}                   # no live value
    {"name": "fee", "type": "float", "by_source": {"live": 12.0, "renewals": 10.0}}"#,
};

/// Constants read on the path have a live value.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    each_read(context, |name, place, constant| {
        if let Some((constants, constant)) = constant
            && !constant.has_live
        {
            found.push(
                Diagnostic::error(INFO.code, format!("the constant `{name}` has no live value"))
                    .at(constants.id, constant.range.clone(), "no value for the source `live`")
                    .context(place.file, place.range, "read here")
                    .help("add `\"live\": ...` to its `by_source`"),
            );
        }
    });
}

/// Calls `judge` for the first read of every constant by each node on the path.
pub(crate) fn each_read(
    context: &Context<'_>,
    mut judge: impl FnMut(&str, Place, Option<(&Constants, &Constant)>),
) {
    for node in context.nodes_on_path() {
        let Some(function) = context.graph.effective(node) else { continue };
        let original = context.graph.nodes.get(node).and_then(|n| n.original).unwrap_or(node);
        let Some(file) = context.graph.place(original).map(|place| place.file) else { continue };
        for (name, range) in &function.constants {
            let place = Place { file, range: range.clone() };
            let known = context.constants.and_then(|constants| {
                let constant = constants.entries.as_ref()?.iter().find(|constant| constant.name == *name)?;
                Some((constants, constant))
            });
            judge(name, place, known);
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_served_price_is_live() {
        let sample = Sample::with_constants(
            "{\"constants\": [{\"name\": \"fee\", \"type\": \"float\", \"by_source\": {\"renewals\": 1.0}}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0268]: the constant `fee` has no live value
          --> rating/config/global_constants.json:1:25 no value for the source `live`
              rating/main.py:14:73 read here
          help: add `"live": ...` to its `by_source`
        "#);
    }
}
