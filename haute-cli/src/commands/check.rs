//! `check`: every mistake that can be seen without running anything.

use super::Session;
use crate::failure::Failure;
use crate::ui::Outcome;
use crate::ui::style::count;

pub(crate) fn run(session: &Session<'_>) -> Result<Outcome, Failure> {
    let checked = super::prepare::check(session)?;
    session.ui.report(&checked.report);
    let (_, warnings) = checked.report.counts();
    let warned = if warnings == 0 { String::new() } else { format!(", {}", count(warnings, "warning")) };
    session.ui.note(&format!("No mistakes found: {}{warned}.", count(checked.quotes.len(), "test quote")));
    Ok(Outcome::done("passed"))
}
