//! HT0231: an edge join does not have its base and its join.

use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::Value;

/// An edge join does not have its base and its join.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0231"),
    title: "an edge join does not have its base and its join",
    explain: r#"An edge join takes exactly two inputs: `base`, whose rows are kept, and `join`, whose columns are looked up. Which is which
decides the result, so both edges say it with `target_port=`. The keys are given by `on=`, or `left_on=` and `right_on=`
with equally many columns; a cross join has none. Haute checks this when the node runs, which may be the first quote.

Example:

    @pipeline.edge_join(how="left", on="postcode")
    def located(homes, areas): ...

    pipeline.connect("homes", "located", target_port="base")
    pipeline.connect("areas", "located", target_port="join")"#,
};

/// Every join on the path has its two inputs and its keys.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for node in context.nodes_on_path() {
        let Some(function) = graph.effective(node) else { continue };
        if function.kind != NodeKind::EdgeJoin {
            continue;
        }
        let Some(place) = graph.place(node) else { continue };
        let mut ports: Vec<&str> =
            graph.inputs(node).map(|edge| edge.target_port.as_deref().unwrap_or("none")).collect();
        ports.sort_unstable();
        if ports != ["base", "join"] && !graph.modules.iter().any(|module| module.damaged) {
            let mut diagnostic = Diagnostic::error(
                INFO.code,
                format!("the edge join `{}` needs one `base` and one `join` input", graph.id(node)),
            )
            .at(place.file, place.range.clone(), format!("{} connected", ports.len()));
            for edge in graph.inputs(node) {
                let port = edge.target_port.as_deref().unwrap_or("no port");
                diagnostic = diagnostic.context(edge.place.file, edge.place.range.clone(), port);
            }
            found.push(diagnostic.help(
                "connect two inputs, one with `target_port=\"base\"`, one with `target_port=\"join\"`",
            ));
        }
        if let Some((range, message)) = bad_keys(&function.settings.value) {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the keys of the edge join `{}` cannot be used", graph.id(node)),
                )
                .at(function.settings.file, range, message),
            );
        }
    }
}

fn bad_keys(settings: &Value) -> Option<(Range<usize>, String)> {
    let how = settings.text_at("how").unwrap_or("left");
    if !["inner", "left", "right", "full", "semi", "anti", "cross"].contains(&how) {
        let range = settings.get("how")?.range.clone();
        return Some((
            range,
            format!("`{how}` is no way to join: inner, left, right, full, semi, anti, cross"),
        ));
    }
    let key = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| settings.get(name)).filter(|value| !value.is_empty())?;
        Some((value, if value.is_list() { value.elements().len() } else { 1 }))
    };
    let on = key(["on", "on"]);
    let left = key(["left_on", "leftOn"]);
    let right = key(["right_on", "rightOn"]);
    let range = settings.range.clone();
    match (how, on, left, right) {
        ("cross", None, None, None) => None,
        ("cross", ..) => Some((range, "a cross join takes no keys".to_owned())),
        (_, Some(_), None, None) => None,
        (_, Some((value, _)), ..) => {
            Some((value.range.clone(), "`on` and `left_on`/`right_on` exclude each other".to_owned()))
        }
        (_, None, Some((_, left)), Some((_, right))) if left == right => None,
        (_, None, Some(_), Some((right, _))) => {
            Some((right.range.clone(), "`left_on` and `right_on` need equally many columns".to_owned()))
        }
        _ => Some((range, "add `on=`, or `left_on=` and `right_on=`".to_owned())),
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_join_knows_its_base() {
        let sample = Sample::with_join("how=\"left\", on=\"age\"", "");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0231]: the edge join `joined` needs one `base` and one `join` input
          --> rating/main.py:24:5 2 connected
              rating/main.py:20:10 base
              rating/main.py:31:10 no port
          help: connect two inputs, one with `target_port="base"`, one with `target_port="join"`
        "#);
        let sample = Sample::with_join("how=\"left\"", ", target_port=\"join\"");
        assert!(sample.check().contains("add `on=`"), "{}", sample.check());
    }
}
