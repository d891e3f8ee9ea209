//! HT0229: a switch's live input cannot be told.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, closest};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::Value;

/// A switch's live input cannot be told.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0229"),
    title: "a switch's live input cannot be told",
    explain: r#"The mapping of a live_switch gives each input's name a source. Exactly one input may be mapped to `live`, and it must be
connected: with two, which one is priced depends on the order of the file; with one that is not connected, the price
would come from another branch. An input that is connected but not mapped is never used; that is only a warning.

Example, config/source_switch/homes.json:

    {"input_scenario_map": {"quote": "live", "renewal_book": "renewals"}}

    pipeline.connect("quote_request", "homes", source_port="quote")      # the input is called `quote`"#,
};

/// Every switch on the path has one live input, and it is connected.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for node in context.nodes_on_path() {
        let Some(function) = graph.effective(node) else { continue };
        let original = graph.nodes.get(node).and_then(|entry| entry.original).unwrap_or(node);
        if function.kind != NodeKind::LiveSwitch || function.settings.damaged {
            continue;
        }
        let settings = &function.settings;
        let map = settings.value.get("input_scenario_map").map(Value::members).unwrap_or_default();
        let inputs: Vec<&str> = graph.inputs(original).map(|edge| edge.input.as_str()).collect();
        let live: Vec<_> = map.iter().filter(|member| member.value.text() == Some("live")).collect();
        if let [first, second, ..] = live.as_slice() {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the switch `{}` has several live inputs", graph.id(node)),
                )
                .at(settings.file, second.key_range.clone(), "also mapped to `live`")
                .context(settings.file, first.key_range.clone(), "mapped to `live`")
                .help("map one input to `live`"),
            );
        }
        for member in map {
            if inputs.contains(&member.key.as_str()) {
                continue;
            }
            let is_live = member.value.text() == Some("live");
            let message = format!("the switch `{}` has no input `{}`", graph.id(node), member.key);
            let diagnostic = if is_live {
                Diagnostic::error(INFO.code, message)
            } else {
                Diagnostic::warning(INFO.code, message)
            };
            let diagnostic =
                diagnostic.at(settings.file, member.key_range.clone(), "nothing of this name is connected");
            found.push(match closest(&member.key, inputs.iter().copied()) {
                Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
                None => diagnostic.note(format!("its inputs are `{}`", inputs.join("`, `"))),
            });
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn the_live_input_is_connected() {
        let sample =
            Sample::with_switch("{\"input_scenario_map\": {\"polic\": \"live\", \"book\": \"live\"}}");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0226]: the answer of `price` does not depend on a quote
          --> rating/main.py:17:5 no quote input leads here
              rating/main.py:8:5 this quote input leads elsewhere
          help: connect the quote input, or mark the table the quote takes the place of with `@pipeline.api_input`
        error[HT0229]: the switch `step` has no input `polic`
          --> rating/config/source_switch/step.json:1:25 nothing of this name is connected
          help: did you mean `policy`?
        error[HT0229]: the switch `step` has no input `book`
          --> rating/config/source_switch/step.json:1:42 nothing of this name is connected
          note: its inputs are `policy`
        error[HT0229]: the switch `step` has several live inputs
          --> rating/config/source_switch/step.json:1:42 also mapped to `live`
              rating/config/source_switch/step.json:1:25 mapped to `live`
          help: map one input to `live`
        "#);
    }
}
