//! `explain`: what a code means.

use haute_core::diagnostic::{CodeInfo, all_codes, closest, find_code};
use serde_json::{Value, json};

use super::Session;
use crate::args::ExplainArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
use crate::ui::table::{Align, table};

pub(crate) fn run(session: &Session<'_>, arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    let Some(code) = arguments.code.as_deref().map(str::trim) else { return Ok(list(session)) };
    let Some(info) = find_code(code) else {
        let mut error = Failure::usage(format!("there is no code `{code}`"));
        if let Some(near) = closest(code, all_codes().into_iter().map(|info| info.code.as_str())) {
            error = error.with_hint(format!("did you mean `{near}`?"));
        }
        return Err(error.with_hint("`haute-cli explain` lists every code")).at(Stage::Prepare);
    };
    session.ui.data("explanation", document(info), |palette| {
        let title = palette.bold(&format!("{}: {}", info.code, info.title));
        format!("{title}\n\n{}\n", info.explain.trim())
    });
    Ok(Outcome::done("explained"))
}

fn list(session: &Session<'_>) -> Outcome {
    let codes = all_codes();
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
