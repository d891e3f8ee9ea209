//! `history`: what the target has served, from its own memory, or from the records kept here. Newest first.

use haute_core::digest::Digest;
use haute_core::record::{Recorded, history};
use haute_core::store::Store;
use haute_core::target::PastRelease;
use serde_json::{Value, json};

use super::work::Work;
use super::{Session, prepare};
use crate::args::HistoryArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
use crate::ui::table::{Align, table};

pub(crate) async fn run(work: Work<'_>, arguments: &HistoryArguments) -> Result<Outcome, Failure> {
    let session = work.session;
    // Records are read also where this build does not carry the project's target.
    if !arguments.records
        && let Ok(target) = prepare::target(session, &prepare::load(session)?)
    {
        let look = async { target.history(&work.context, arguments.limit).await.at(Stage::Prepare) };
        if let Some(past) = work.stoppable(Stage::Prepare, look).await? {
            session.ui.field("address", target.info().address);
            show_past(session, &past);
            return Ok(Outcome::done("listed"));
        }
    }
    records(session, arguments)
}

/// What the target remembers by itself.
fn show_past(session: Session<'_>, past: &[PastRelease]) {
    if past.is_empty() {
        session.ui.note("The target remembers no release.");
    }
    session.ui.field("total", past.len());
    session.ui.data("releases", past, |palette| {
        if past.is_empty() {
            return String::new();
        }
        let header =
            ["when (UTC)", "version", "release", "outcome", "by", "commit"].map(|title| (title, Align::Left));
        table(palette, &header, &past.iter().map(past_row).collect::<Vec<_>>())
    });
}

fn past_row(past: &PastRelease) -> Vec<String> {
    let or_dash =
        |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    let mut outcome = past.outcome.clone();
    for (is, word) in [(past.verified, "verified"), (past.serving, "serves now")] {
        if is && !outcome.contains(word) {
            let comma = if outcome.is_empty() { "" } else { ", " };
            outcome.extend([comma, word]);
        }
    }
    vec![
        or_dash(past.when.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())),
        past.version.clone(),
        past.release.as_ref().map_or("-", Digest::short).to_owned(),
        or_dash(Some(outcome)),
        or_dash(past.who.clone()),
        or_dash(past.commit.as_ref().map(|commit| commit.chars().take(10).collect())),
    ]
}

/// The records kept below the project.
fn records(session: Session<'_>, arguments: &HistoryArguments) -> Result<Outcome, Failure> {
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
