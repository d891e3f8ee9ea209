//! Why a deployment failed, on one screen.
//!
//! There is no I/O here: the caller gives what could be read, and what it was not allowed to read. Whatever is shown was cleaned of what
//! looks like a secret, and is bounded: the screen is read by somebody whose price is not live.

mod evidence;
mod exit_code;
mod findings;
mod known;
mod lines;
mod links;
mod subject;

#[cfg(test)]
mod tests;

use haute_core::report::FailureReport;

use crate::rollout::{Rollout, revision_name, what_runs};

pub use exit_code::explain as explain_exit_code;
pub use findings::{Denied, Findings, LogTail};
pub use links::{Console, partition};
pub use subject::Subject;

/// The report of a deployment that failed.
pub fn failure_report(findings: &Findings<'_>) -> FailureReport {
    let mut report = FailureReport::new(lines::clean(&summary(findings)));
    if let Some(serving) = serving(findings) {
        report = report.with_serving(serving);
    }
    let ours = evidence::stopped_tasks(findings);
    report = report.with_section(evidence::title(&ours, findings), evidence::tasks(&ours));
    for log in findings.logs.iter().filter(|log| !log.lines.is_empty()).take(evidence::MOST_LOGS) {
        report = report.with_section(evidence::log_title(log), evidence::log(log));
    }
    report = report.with_section("last events of the service", evidence::events(findings));
    for hint in known::hints(findings, &ours) {
        report = report.with_hint(hint);
    }
    for link in links::links(findings) {
        report = report.with_link(link);
    }
    for denied in &findings.denied {
        report = report.with_missing_permission(denied.to_string());
    }
    report
}

fn summary(findings: &Findings<'_>) -> String {
    let Some(rollout) = findings.rollout.filter(|rollout| !matches!(rollout, Rollout::Succeeded { .. }))
    else {
        return findings.summary.clone();
    };
    match rollout {
        Rollout::InProgress { .. } => format!("{}; last seen: {rollout}", findings.summary),
        rollout => match findings.deployment {
            Some(deployment) => format!("deployment {deployment}: {rollout}"),
            None => rollout.to_string(),
        },
    }
}

fn serving(findings: &Findings<'_>) -> Option<String> {
    let runs = findings.service.map(what_runs);
    match (findings.rollout, runs) {
        (Some(Rollout::RolledBack { to, .. }), Some(runs)) => {
            Some(format!("{} again: {runs}", revision_name(to)))
        }
        (Some(Rollout::RolledBack { to, .. }), None) => Some(format!("{} again", revision_name(to))),
        (Some(Rollout::Gone { .. }), _) => Some("nothing: the service is gone".to_owned()),
        (_, runs) => runs,
    }
}
