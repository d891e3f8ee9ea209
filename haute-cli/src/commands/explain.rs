//! `explain`: what a code means.

use haute_core::diagnostic::{CodeInfo, all_codes, closest};
use serde_json::{Value, json};

use super::Session;
use crate::args::ExplainArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
use crate::ui::style::wrapped;
use crate::ui::table::{Align, table};

pub(crate) fn run(session: Session<'_>, arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    let Some(code) = arguments.code.as_deref().map(str::trim) else { return Ok(list(session)) };
    let codes = codes(session);
    let Some(info) = codes.iter().find(|info| info.code.as_str().eq_ignore_ascii_case(code)) else {
        let mut error = Failure::usage(format!("there is no code `{code}`"));
        if let Some(near) = closest(code, codes.iter().map(|info| info.code.as_str())) {
            error = error.with_hint(format!("did you mean `{near}`?"));
        }
        return Err(error.with_hint("`haute-cli explain` lists every code")).at(Stage::Prepare);
    };
    session.ui.data("explanation", document(info), |palette| {
        let title = palette.bold(&format!("{}: {}", info.code, info.title));
        format!("{title}\n\n{}", wrapped(info.explain.trim(), 100))
    });
    Ok(Outcome::done("explained"))
}

/// The codes of core and of the targets, in order of code.
fn codes(session: Session<'_>) -> Vec<&'static CodeInfo> {
    let mut codes = all_codes();
    codes.extend(session.codes);
    codes.sort_by_key(|info| info.code);
    codes
}

fn list(session: Session<'_>) -> Outcome {
    let codes = codes(session);
    session.ui.data("codes", codes.iter().copied().map(document).collect::<Vec<_>>(), |palette| {
        let rows: Vec<_> =
            codes.iter().map(|info| vec![info.code.to_string(), info.title.to_owned()]).collect();
        table(palette, &[("code", Align::Left), ("what it is", Align::Left)], &rows)
    });
    Outcome::done("listed")
}

fn document(info: &CodeInfo) -> Value {
    json!({"code": info.code.as_str(), "title": info.title, "explain": info.explain.trim()})
}
