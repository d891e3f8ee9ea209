//! What becomes of a deployment, history by history.

mod breaker;
mod gone;
mod no_state;
mod other_api;
mod others;
mod unguarded;
mod well;

use super::script::{Guard, Setup, USUAL, follow};
use crate::rollout::Rollout;

struct History {
    name: &'static str,
    setup: Setup,
    reads: &'static [&'static str],
    /// What the last read means; every earlier one leaves it open.
    comes_to: &'static str,
}

const UNGUARDED: Setup = Setup { guard: Guard::Nothing, ..USUAL };
const NO_ROLLBACK: Setup = Setup { guard: Guard::Breaker, ..USUAL };
const FIRST: Setup = Setup { ours: "1", baseline: "", ..USUAL };
const OVER_UNFINISHED: Setup = Setup { baseline: "7* 1/2 going", ..USUAL };
const SAME_PINNED: Setup = Setup { ours: "7@b:800", baseline: "7*", ..USUAL };
const MOVING_TAG: Setup = Setup { pinned: false, ..SAME_PINNED };
const BLUE_GREEN: Setup = Setup { strategy: "BLUE_GREEN", ..USUAL };
const ALARMS: Setup = Setup { guard: Guard::AlarmsWithRollback, ..USUAL };
const RESUMED: Setup = Setup { baseline: "", knows_beginning: false, pinned: false, ..USUAL };

fn histories() -> impl Iterator<Item = &'static History> {
    [
        breaker::HISTORIES,
        gone::HISTORIES,
        no_state::HISTORIES,
        other_api::HISTORIES,
        others::HISTORIES,
        unguarded::HISTORIES,
        well::HISTORIES,
    ]
    .into_iter()
    .flatten()
}

fn brief(rollout: &Rollout) -> String {
    use crate::rollout::revision_name as name;
    match rollout {
        Rollout::InProgress { .. } => "in progress".to_owned(),
        Rollout::GoingBack { to, .. } => format!("going back to {}", name(to)),
        Rollout::Succeeded { running } => format!("succeeded {running}"),
        Rollout::Failed { reason } => format!("failed: {reason}"),
        Rollout::RolledBack { to, .. } => format!("rolled back to {}", name(to)),
        Rollout::Superseded { by } => format!("superseded by {}", name(&by.task_definition)),
        Rollout::Stalled { .. } => "stalled".to_owned(),
        Rollout::Paused { at } => format!("paused at {}", at.hook),
        Rollout::Gone { reason } => format!("gone: {reason}"),
    }
}

#[test]
fn every_history_comes_to_its_end_and_no_sooner() {
    let mut wrong = Vec::new();
    for history in histories() {
        let said: Vec<String> = follow(&history.setup, history.reads).iter().map(brief).collect();
        let (last, earlier) = said.split_last().expect("at least one read");
        let open = |said: &String| said == "in progress" || said.starts_with("going back to");
        if last != history.comes_to || !earlier.iter().all(open) {
            wrong.push(format!("{}: {said:?}, not {}", history.name, history.comes_to));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_histories_and_no_two_of_one_name() {
    let names: std::collections::BTreeSet<&str> = histories().map(|history| history.name).collect();
    assert_eq!(names.len(), histories().count());
    assert!(names.len() >= 40, "{}", names.len());
}

#[test]
fn what_is_certain_to_fail_is_said_before_the_way_back_is_over() {
    let said = follow(
        &USUAL,
        &[
            "8* 0/2 !3 failed(ECS deployment circuit breaker: tasks failed to start.) | 7 2/2 done",
            "7* 1/2 going | 8 0/0 failed",
        ],
    );
    for rollout in said {
        let Rollout::GoingBack { reason, to, .. } = rollout else { panic!("{rollout:?}") };
        assert_eq!(reason, "ECS deployment circuit breaker: tasks failed to start");
        assert!(to.ends_with("motor:7"));
    }
}
