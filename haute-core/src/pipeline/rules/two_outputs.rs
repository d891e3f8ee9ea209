//! HT0221: several nodes answer.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// Several nodes answer.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0221"),
    title: "several nodes answer",
    explain: r#"A quote has one answer, so exactly one node may be the output. With two, Haute's scoring refuses to choose, and so does
this project: a deploy that took the first would serve the price of a node somebody meant to remove. Merge them into one
answer with several fields, or turn one of them into a data_output or a polars node.

Example:

    @pipeline.output(config="config/quote_response/price.json")
    def price(priced): ...

    @pipeline.output(config="config/quote_response/old_price.json")    # remove one
    def old_price(priced): ..."#,
};

/// At most one node answers.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let [first, rest @ ..] = context.outputs else { return };
    for other in rest {
        if let (Some(place), Some(first_place)) = (context.graph.place(*other), context.graph.place(*first)) {
            let message =
                format!("both `{}` and `{}` answer", context.graph.id(*first), context.graph.id(*other));
            found.push(
                Diagnostic::error(INFO.code, message)
                    .at(place.file, place.range, "a second output")
                    .context(first_place.file, first_place.range, "the first output")
                    .help("keep one output node"),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn two_answers_are_one_too_many() {
        let sample = Sample::valid().append(
            "rating/main.py",
            "\n@pipeline.output(config=\"config/quote_response/price.json\")\ndef again(priced): ...\n",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0221]: both `price` and `again` answer
          --> rating/main.py:23:5 a second output
              rating/main.py:17:5 the first output
          help: keep one output node
        "#);
    }
}
