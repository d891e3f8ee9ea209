//! `preflight`: what the outside world says to a deploy, line by line. Nothing is changed, nothing is built.

use haute_core::target::{Finding, FindingLevel};

use super::work::Work;
use super::{finish, prepare};
use crate::failure::Failure;
use crate::ui::Outcome;
use crate::ui::style::{Palette, clean};

pub(crate) async fn run(work: Work<'_>) -> Result<Outcome, Failure> {
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    let looked = finish::look(&work, target.as_ref()).await?;
    work.session.ui.data("findings", &looked, |palette| render(&looked, palette));
    finish::fit(target.as_ref(), &looked)?;
    Ok(Outcome::done("ready"))
}

fn render(looked: &[Finding], palette: Palette) -> String {
    let mut text = String::new();
    for finding in looked {
        let word = match finding.level {
            FindingLevel::Ok => palette.good("ok      "),
            FindingLevel::Warn => palette.warn("warn    "),
            FindingLevel::Skipped => palette.dim("skipped "),
            FindingLevel::Failed => palette.bad("failed  "),
        };
        text.extend([word.as_str(), &clean(&finding.subject), ": ", &clean(&finding.detail), "\n"]);
        // What mends a failure is on the error screen that follows: a fact is said once.
        if let Some(fix) = finding.fix.as_ref().filter(|_| finding.level != FindingLevel::Failed) {
            text.extend(["        ", &palette.dim("fix: "), &clean(fix), "\n"]);
        }
    }
    text
}
