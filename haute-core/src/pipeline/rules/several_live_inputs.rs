//! HT0227: several quote inputs lead to the answer.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// Several quote inputs lead to the answer.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0227"),
    title: "several quote inputs lead to the answer",
    explain: r#"One request carries one quote, and it enters at one node. Haute's editor allows a single api_input; its deploy takes
several and describes only the first, so fields of the others are never asked for. Use one quote input that emits several
tables instead: `tables` in its sidecar, and one edge with `source_port=` per table.

Example:

    pipeline.connect("quote", "policies", source_port="policy")
    pipeline.connect("quote", "drivers", source_port="drivers")"#,
};

/// At most one quote input is on the path.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let Some(path) = context.path else { return };
    let [first, rest @ ..] = path.inputs.as_slice() else { return };
    for other in rest {
        if let (Some(place), Some(first_place)) = (context.graph.place(*other), context.graph.place(*first)) {
            found.push(
                Diagnostic::error(
                    INFO.code,
                    format!(
                        "both `{}` and `{}` take the quote",
                        context.graph.id(*first),
                        context.graph.id(*other)
                    ),
                )
                .at(place.file, place.range, "a second quote input")
                .context(first_place.file, first_place.range, "the first")
                .help("use one quote input with several tables"),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_quote_enters_once() {
        let sample = Sample::valid()
            .append("rating/main.py", "\n@pipeline.api_input(config=\"config/quote_input/quote.json\")\ndef quote2(): ...\n\npipeline.connect(\"quote2\", \"priced\", source_port=\"policy\")\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0227]: both `quote` and `quote2` take the quote
          --> rating/main.py:23:5 a second quote input
              rating/main.py:8:5 the first
          help: use one quote input with several tables
        "#);
    }
}
