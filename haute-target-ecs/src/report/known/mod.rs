//! Causes that are known, and what mends them.
//!
//! A cause is known by what AWS, the container engine or the program writes about it. The texts are those of the
//! [stopped task errors](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html) and of the
//! [service events](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html). A hint says what to do,
//! with the command where there is one.

mod access;
mod capacity;
mod health;
mod image;
mod program;
mod resources;
mod rollouts;

use super::exit_code;
use super::findings::Findings;
use super::subject::Subject;
use crate::model::Task;
use crate::rollout::Rollout;

/// How many hints are given. More are not read.
const MOST: usize = 4;

/// One cause.
struct Known {
    /// Of each group at least one must be in the text, in lower case.
    signs: &'static [&'static [&'static str]],
    /// What mends it: of the subject, and of the text it was seen in.
    hint: fn(&Subject, &str) -> String,
}

const fn known(signs: &'static [&'static [&'static str]], hint: fn(&Subject, &str) -> String) -> Known {
    Known { signs, hint }
}

/// Causes of one kind, the most telling first: of one kind a text shows one.
type Kind = &'static [Known];

/// What the words of ECS can show, the most telling first.
const WORDS: &[Kind] =
    &[image::CAUSES, resources::CAUSES, health::CAUSES, program::CAUSES, capacity::CAUSES, rollouts::CAUSES];

/// What an error of a call of our own can show. Roles of the task are refused things too, and then others are to be allowed them.
const CALL: &[Kind] = &[access::CAUSES];

/// What the lines of a program can show. A program writes about its own health and its own accesses too, so those are not looked for.
const LOG: &[Kind] = &[program::CAUSES];

/// What mends it, as far as the cause is known; the most telling first.
pub(super) fn hints(findings: &Findings<'_>, tasks: &[&Task]) -> Vec<String> {
    let subject = &findings.subject;
    let words = words(findings, tasks);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let written: Vec<&str> =
        findings.logs.iter().flat_map(|log| log.lines.iter().rev()).map(String::as_str).collect();
    let places = [(WORDS, words.as_slice()), (CALL, &[findings.summary.as_str()]), (LOG, written.as_slice())];
    let found = places
        .iter()
        .flat_map(|(kinds, texts)| kinds.iter().filter_map(|kind| most_telling(texts, kind, subject)));
    let found = found.chain(program::other_port(findings)).chain(rollouts::other_image(subject));
    let mut hints: Vec<String> = Vec::new();
    for hint in found.chain(findings.rollout.and_then(|rollout| rollouts::of_outcome(subject, rollout))) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    if hints.is_empty() {
        let failed = matches!(findings.rollout, Some(Rollout::Failed { .. } | Rollout::RolledBack { .. }));
        let general =
            of_exit_codes(tasks, findings).or_else(|| most_telling(&words, program::GENERAL, subject));
        hints.extend(general.or_else(|| failed.then(|| rollouts::look_further(findings))));
    }
    hints.truncate(MOST);
    hints
}

/// The hint of the most telling cause of a kind that any of the texts shows: a reason in an event is worth more than the bare fact in a
/// task.
fn most_telling(texts: &[&str], kind: Kind, subject: &Subject) -> Option<String> {
    kind.iter().find_map(|known| {
        let shows = |text: &&&str| {
            let text = text.to_ascii_lowercase();
            known.signs.iter().all(|group| group.iter().any(|sign| text.contains(sign)))
        };
        texts.iter().find(shows).map(|text| (known.hint)(subject, text))
    })
}

/// Everything ECS says, the most telling first.
fn words(findings: &Findings<'_>, tasks: &[&Task]) -> Vec<String> {
    let of_tasks = tasks.iter().flat_map(|task| {
        let containers = task.containers.iter().filter_map(|container| container.reason.clone());
        containers.chain(task.stopped_reason.clone())
    });
    let events = findings.events.iter().rev().map(|event| event.message.clone());
    let rollout = findings.rollout.map(ToString::to_string);
    of_tasks.chain(events).chain(rollout).chain([findings.summary.clone()]).collect()
}

/// Where nothing else is known, the number a process ended with is what there is.
fn of_exit_codes(tasks: &[&Task], findings: &Findings<'_>) -> Option<String> {
    let container = tasks
        .iter()
        .flat_map(|task| &task.containers)
        .find(|container| container.exit_code.is_some_and(|code| code != 0))?;
    let code = container.exit_code?;
    Some(match code {
        137 => resources::memory(&findings.subject, ""),
        126 => image::architecture(&findings.subject, ""),
        127 => program::no_command(&findings.subject, ""),
        _ => {
            let meaning = exit_code::explain(code).map(|meaning| format!(": {meaning}")).unwrap_or_default();
            format!(
                "container `{}` ended with exit code {code}{meaning}. Run the same image here and read what it writes: `haute-cli deploy --target local`",
                container.name
            )
        }
    })
}

/// `text`, or what to say where it is not known.
fn or<'a>(text: &'a str, unknown: &'a str) -> &'a str {
    if text.is_empty() { unknown } else { text }
}

/// The name of a role, from its ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
