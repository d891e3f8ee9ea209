//! Rollouts in words.

use std::time::Duration;

use super::outcome::{Counts, Rollout};
use crate::model::Service;

/// A task definition as people name it: `motor:8`.
pub fn revision_name(task_definition: &str) -> &str {
    task_definition.rsplit('/').next().unwrap_or(task_definition)
}

/// What runs of a service now, such as `2 tasks of motor:7, 1 task of motor:8`.
pub fn what_runs(service: &Service) -> String {
    let mut running: Vec<(&str, i64)> = Vec::new();
    for deployment in service.deployments.iter().filter(|deployment| deployment.running_count > 0) {
        let name = revision_name(&deployment.task_definition);
        match running.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += deployment.running_count,
            None => running.push((name, deployment.running_count)),
        }
    }
    if running.is_empty() {
        return "no task runs".to_owned();
    }
    running.iter().map(|(name, count)| format!("{} of {name}", tasks(*count))).collect::<Vec<_>>().join(", ")
}

/// One line for a log that would be silent otherwise.
pub fn heartbeat(rollout: &Rollout, elapsed: Duration) -> String {
    format!("{}: {rollout}", span(elapsed))
}

/// Whether two names are of one revision. People and events name it without its account; a whole ARN tells accounts apart.
pub(super) fn is_same_revision(one: &str, other: &str) -> bool {
    let whole = |name: &str| name.starts_with("arn:");
    one == other || (revision_name(one) == revision_name(other) && !(whole(one) && whole(other)))
}

pub(super) fn tasks(count: i64) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

fn span(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}

impl Counts {
    pub(super) fn say(&self, task_definition: &str) -> String {
        let name = revision_name(task_definition);
        let running = if self.running == 1 && self.desired <= 1 {
            format!("1 of 1 task of {name} runs")
        } else {
            format!("{} of {} of {name} run", self.running, tasks(self.desired))
        };
        let rest =
            [(self.pending, "starting"), (self.failed, "failed"), (self.others, "of other deployments left")];
        let rest =
            rest.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        std::iter::once(running).chain(rest).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Rollout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InProgress { message, .. } => f.write_str(message),
            Self::GoingBack { reason, to, counts } => {
                write!(f, "failed ({reason}); ECS goes back: {}", counts.say(to))
            }
            Self::Succeeded { running: 0 } => {
                f.write_str("completed, and no task runs: the service wants none, so nothing serves")
            }
            Self::Succeeded { running: 1 } => f.write_str("completed: 1 task runs, and no other revision"),
            Self::Succeeded { running } => write!(f, "completed: {running} tasks run, and no other revision"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::RolledBack { reason, to } => {
                write!(f, "went back to {}: {reason}", revision_name(to))
            }
            Self::Superseded { by } => write!(
                f,
                "superseded by deployment {} of {}",
                by.deployment,
                revision_name(&by.task_definition)
            ),
            Self::Stalled { reason } => write!(f, "does not go on: {reason}"),
            Self::Paused { at } => {
                write!(f, "paused at hook {}", at.hook)?;
                if let Some(stage) = &at.stage {
                    write!(f, " in stage {stage}")?;
                }
                match (&at.then, at.expires_at) {
                    (Some(then), Some(when)) => write!(f, "; at {when} ECS does {then} by itself"),
                    _ => Ok(()),
                }
            }
            Self::Gone { reason } => f.write_str(reason),
        }
    }
}
