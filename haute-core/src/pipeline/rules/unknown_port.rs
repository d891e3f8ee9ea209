//! HT0224: an edge names a port that does not exist.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, closest};
use crate::pipeline::graph::Place;
use crate::pipeline::kind::NodeKind;
use crate::pipeline::module::Function;
use crate::pipeline::value::Value;

/// An edge names a port that does not exist.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0224"),
    title: "an edge names a port that does not exist",
    explain: r#"Some nodes have several ways in or out: a quote input one per table it emits, an edge join `base` and `join`, a submodel
the ports it declares. An edge that names another port delivers nothing. A table of a quote input counts only if its
sidecar says `"emit": true`.

Example:

    pipeline.connect("quote", "drivers", source_port="driver")          # the table is called `drivers`
    pipeline.connect("quote", "drivers", source_port="drivers")
    pipeline.connect("policies", "joined", target_port="base")
    pipeline.connect("claims", "joined", target_port="join")"#,
};

/// A port of a submodel; `direction` is "input" or "output".
pub(crate) fn submodel<'a>(
    place: &Place,
    occurrence: &str,
    port: &str,
    direction: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    if port.is_empty() {
        let side = if direction == "input" { "target_port" } else { "source_port" };
        return Diagnostic::error(
            INFO.code,
            format!("an edge to or from the submodel `{occurrence}` names no port"),
        )
        .at(place.file, place.range.clone(), format!("add `{side}=`"))
        .note(format!("its {direction} ports are {}", list(&known)));
    }
    unknown(place, &format!("the submodel `{occurrence}`"), port, &format!("{direction} port"), &known)
}

fn unknown(place: &Place, owner: &str, port: &str, what: &str, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(INFO.code, format!("{owner} has no {what} `{port}`")).at(
        place.file,
        place.range.clone(),
        "",
    );
    match closest(port, known.iter().copied()) {
        Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
        None => diagnostic.note(format!("there is {}", list(known))),
    }
}

fn list(known: &[&str]) -> String {
    if known.is_empty() { "none".to_owned() } else { format!("`{}`", known.join("`, `")) }
}

/// Tables of quote inputs are there.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for edge in &graph.edges {
        let Some(function) = graph.function(edge.source) else { continue };
        if function.kind != NodeKind::ApiInput || function.settings.damaged {
            continue;
        }
        let labels = emitted(function);
        let id = graph.id(edge.source);
        match &edge.source_port {
            Some(port) if !labels.contains(&port.as_str()) => {
                found.push(unknown(&edge.place, &format!("the quote input `{id}`"), port, "table", &labels));
            }
            None if !labels.is_empty() => found.push(
                Diagnostic::error(INFO.code, format!("an edge from the quote input `{id}` names no table"))
                    .at(edge.place.file, edge.place.range.clone(), "")
                    .help(format!(
                        "write `pipeline.connect(\"{id}\", \"{}\", source_port=\"{}\")`, and name the parameter after the table",
                        graph.id(edge.target),
                        labels.first().copied().unwrap_or_default()
                    )),
            ),
            _ => {}
        }
    }
}

/// The labels of the tables a quote input emits.
pub(crate) fn emitted(function: &Function) -> Vec<&str> {
    let tables = function.settings.value.get("tables").map(Value::elements).unwrap_or_default();
    tables
        .iter()
        .filter(|table| table.get("emit").is_some_and(|emit| !emit.is_empty()))
        .filter_map(|table| table.text_at("label"))
        .collect()
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_table_that_is_not_emitted_is_named() {
        let sample =
            Sample::valid().replace("rating/main.py", "source_port=\"policy\"", "source_port=\"polcy\"");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0230]: the input `polcy` of `priced` has no parameter
          --> rating/main.py:12:5 cannot use this input
              rating/main.py:20:10 connected here
          help: add the parameter `polcy`, or remove the edge
        error[HT0230]: the parameter `policy` of `priced` is not a connected input
          --> rating/main.py:12:12 nothing of this name is connected
          help: did you mean `polcy`?
        error[HT0224]: the quote input `quote` has no table `polcy`
          --> rating/main.py:20:10
          help: did you mean `policy`?
        "#);
        let sample = Sample::valid().replace("rating/main.py", ", source_port=\"policy\"", "");
        assert!(sample.check().contains("names no table"));
    }
}
