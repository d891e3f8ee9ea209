//! HT0247: the answer is not described.

use std::collections::HashSet;
use std::ops::Range;

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};
use crate::pipeline::kind::NodeKind;
use crate::pipeline::value::Value;

/// The answer is not described.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0247"),
    title: "the answer is not described",
    explain: r#"The output's sidecar says what goes into the answer: `outputMapping`, one entry per field, with the column (`source_column`), the
input it comes from (`source_port`) and the place in the answer (`output_path`, such as `$[:].premium`). Without an enabled
entry the answer is empty. With several inputs, `source_port` must be the name of one of them. A column in two entries is fine;
two entries that give one input's columns the same place are not.

Example:

    {"outputMapping": [
      {"source_port": "priced", "source_column": "premium", "output_path": "$[:].premium", "enabled": true}
    ]}"#,
};

/// The output describes its answer.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some(path) = context.path else { return };
    let inputs: Vec<&str> = context.graph.inputs(path.output).map(|edge| edge.input.as_str()).collect();
    for (function, settings) in context.functions_on_path(NodeKind::Output) {
        let mut refuse = |range: Range<usize>, message: String| {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!("the answer of `{}` is not described: {message}", function.name),
                )
                .at(settings.file, range, ""),
            );
        };
        let mapping = match settings.value.get("outputMapping") {
            Some(mapping) if mapping.is_list() => mapping,
            other => {
                let range = other.map_or(settings.value.range.clone(), |value| value.range.clone());
                refuse(range, "`outputMapping` is missing".to_owned());
                continue;
            }
        };
        let enabled = |entry: &&Value| entry.get("enabled").is_none_or(|value| !value.is_empty());
        // Two inputs may fill one place: it is what joins their rows.
        let mut places: HashSet<(&str, &str)> = HashSet::new();
        let mut any = false;
        for entry in mapping.elements().iter().filter(enabled) {
            any = true;
            for key in ["source_column", "output_path"] {
                if entry.text_at(key).is_none() {
                    refuse(entry.range.clone(), format!("this entry has no `{key}`"));
                }
            }
            if let Some(place) = entry.text_at("output_path") {
                if !place.starts_with('$') {
                    refuse(
                        entry.range.clone(),
                        "`output_path` starts with `$`, such as `$[:].premium`".to_owned(),
                    );
                }
                if !places.insert((entry.text_at("source_port").unwrap_or_default(), place)) {
                    refuse(entry.range.clone(), format!("two entries write `{place}`"));
                }
            }
            if inputs.len() > 1
                && let Some(port) = entry.text_at("source_port")
                && !inputs.contains(&port)
            {
                refuse(
                    entry.range.clone(),
                    format!("there is no input `{port}`: there are `{}`", inputs.join("`, `")),
                );
            }
        }
        if !any {
            refuse(mapping.range.clone(), "no entry is enabled".to_owned());
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn an_answer_has_fields() {
        let sample = Sample::valid().write(
            "rating/config/quote_response/price.json",
            "{\"outputMapping\": [{\"source_port\": \"priced\", \"output_path\": \"premium\", \"enabled\": true}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0247]: the answer of `price` is not described: `output_path` starts with `$`, such as `$[:].premium`
          --> rating/config/quote_response/price.json:1:20
        error[HT0247]: the answer of `price` is not described: this entry has no `source_column`
          --> rating/config/quote_response/price.json:1:20
        "#);
    }
}
