//! HT0269: a constant is not defined.

use super::Context;
use super::constant_not_live::each_read;
use crate::diagnostic::{Code, CodeInfo, Diagnostic, closest};

/// A constant is not defined.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0269"),
    title: "a constant is not defined",
    explain: r#"A node on the scoring path reads `global_constants.<name>`, but the constants file defines no such name, or the pipeline names
no constants file at all. Haute notices only when the node runs: every quote would fail.

Example:

    pipeline = haute.Pipeline("motor", global_constants="config/global_constants.json")

    {"constants": [{"name": "inflation", "type": "float", "value": 1.034}]}"#,
};

/// Constants read on the path are defined.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let names: Vec<&str> = match context.constants {
        // A file with mistakes is reported by itself.
        Some(constants) => match &constants.entries {
            Some(entries) => entries.iter().map(|constant| constant.name.as_str()).collect(),
            None => return,
        },
        None => Vec::new(),
    };
    let declared = context.graph.main().and_then(|main| main.constructor.as_ref());
    if context.constants.is_none() && declared.is_some_and(|c| c.keyword("global_constants").is_some()) {
        return;
    }
    each_read(context, |name, place, constant| {
        if constant.is_some() {
            return;
        }
        let diagnostic = Diagnostic::error(INFO.code, format!("the constant `{name}` is not defined")).at(
            place.file,
            place.range,
            "read here",
        );
        found.push(match closest(name, names.iter().copied()) {
            Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
            None if context.constants.is_none() => {
                diagnostic.help("the pipeline names no constants file: add `global_constants=\"config/global_constants.json\"`")
            }
            None => diagnostic.help("define it in `config/global_constants.json`"),
        });
    });
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_close_name_is_suggested() {
        let sample = Sample::with_constants(
            "{\"constants\": [{\"name\": \"fees\", \"type\": \"float\", \"value\": 1.0}]}",
        );
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0269]: the constant `fee` is not defined
          --> rating/main.py:14:73 read here
          help: did you mean `fees`?
        "#);
    }
}
