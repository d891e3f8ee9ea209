//! HT0228: a switch has no live input.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::Value;

/// A switch has no live input.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0228"),
    title: "a switch has no live input",
    explain: r#"A live_switch routes one of its inputs, by the source a run is for; a served price is always for the source `live`. If no
input is mapped to `live`, nothing comes out of the switch. Haute's deploy stops there with an empty message.

Example, config/source_switch/homes.json:

    {"input_scenario_map": {"quote": "live", "renewal_book": "renewals"}}

The keys are the names of the inputs: a table's label for a quote input, else the node's name."#,
};

/// Every switch on the path routes something live.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for node in context.nodes_on_path() {
        let Some(function) = context.graph.effective(node) else { continue };
        if function.kind != NodeKind::LiveSwitch || function.settings.damaged {
            continue;
        }
        let settings = &function.settings;
        let map = settings.value.member("input_scenario_map");
        let is_live = |value: &Value| value.text() == Some("live");
        if map.is_some_and(|map| map.value.members().iter().any(|member| is_live(&member.value))) {
            continue;
        }
        let range = map.map_or(settings.value.range.clone(), |map| map.value.range.clone());
        let mut diagnostic = Diagnostic::error(
            INFO.code,
            format!("the switch `{}` has no live input", context.graph.id(node)),
        )
        .at(settings.file, range, "no input is mapped to `live`");
        if let Some(place) = context.graph.place(node) {
            diagnostic = diagnostic.context(place.file, place.range, "this switch");
        }
        found.push(diagnostic.help("map the input that carries the quote to `live`"));
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_switch_routes_the_quote() {
        let sample = Sample::with_switch("{\"input_scenario_map\": {\"policy\": \"test\"}}");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0226]: the answer of `price` does not depend on a quote
          --> rating/main.py:17:5 no quote input leads here
              rating/main.py:8:5 this quote input leads elsewhere
          help: connect the quote input, or mark the table the quote takes the place of with `@pipeline.api_input`
        error[HT0228]: the switch `step` has no live input
          --> rating/config/source_switch/step.json:1:24 no input is mapped to `live`
              rating/main.py:24:5 this switch
          help: map the input that carries the quote to `live`
        "#);
    }
}
