//! `history`: the records of earlier deployments, newest first.

use haute_core::digest::Digest;
use haute_core::record::{Recorded, history};
use haute_core::store::Store;
use serde_json::{Value, json};

use super::{Session, prepare};
use crate::args::HistoryArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
use crate::ui::table::{Align, table};

pub(crate) fn run(session: Session<'_>, arguments: &HistoryArguments) -> Result<Outcome, Failure> {
    let project = prepare::load(session)?;
    let target = session.global.target.as_deref();
    let mut records = history(&Store::new(project.root()), target).at(Stage::Prepare)?;
    let all = records.len();
    records.truncate(arguments.limit);
    if records.is_empty() {
        session.ui.note("There is no record of a deployment from here.");
    }
    session.ui.field("total", all);
    session.ui.data("records", records.iter().map(document).collect::<Vec<_>>(), |palette| {
        if records.is_empty() {
            return String::new();
        }
        let header =
            ["when (UTC)", "target", "release", "outcome", "by", "commit"].map(|title| (title, Align::Left));
        table(palette, &header, &records.iter().map(row).collect::<Vec<_>>())
    });
    if records.len() < all {
        session.ui.note(&format!("{} of {all} records; `--limit` shows more.", records.len()));
    }
    Ok(Outcome::done("listed"))
}

fn row(recorded: &Recorded) -> Vec<String> {
    let record = &recorded.record;
    let commit = record.origin.commit.as_deref().map(|commit| {
        let short: String = commit.chars().take(10).collect();
        if record.origin.dirty == Some(true) { format!("{short} + changes") } else { short }
    });
    vec![
        record.started.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        record.target.clone(),
        record.release.as_ref().map_or("-", Digest::short).to_owned(),
        outcome(recorded),
        record.origin.who(),
        commit.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn outcome(recorded: &Recorded) -> String {
    serde_json::to_value(recorded.record.outcome)
        .ok()
        .and_then(|value| value.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_default()
}

/// What a program wants to know of a record; the file itself has the rest.
fn document(recorded: &Recorded) -> Value {
    let record = &recorded.record;
    json!({
        "id": recorded.id,
        "path": recorded.path,
        "started": record.started,
        "finished": record.finished,
        "target": record.target,
        "address": record.address,
        "goal": record.goal,
        "outcome": record.outcome,
        "release": record.release,
        "before": record.before,
        "serving": record.serving,
        "url": record.url,
        "verified": record.is_verified(),
        "origin": record.origin,
        "premium_changes": record.premium_changes,
        "error": record.error,
    })
}
