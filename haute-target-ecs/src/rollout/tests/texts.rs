//! What is said on the way.

use std::time::Duration;

use super::script::{USUAL, follow, read};
use crate::rollout::{heartbeat, what_runs};

#[test]
fn heartbeats_say_how_far_it_is() {
    let said: Vec<String> = follow(
        &USUAL,
        &[
            "7* 2/2 done",
            "8* 0/2 +1 !1 going | 7 2/2 done",
            "8* 2/2 done | 7 1/2 done",
            "8* 0/2 !3 failed(tasks failed to start.) | 7 2/2 done",
            "7* 1/2 +1 going | 8 0/0 failed",
            "7* 2/2 done",
            "9* 0/2 going | 8 1/2 going | 7 2/2 done",
        ],
    )
    .iter()
    .zip([9, 60, 125, 126, 127, 128, 129])
    .map(|(rollout, seconds)| heartbeat(rollout, Duration::from_secs(seconds)))
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    9 s: ECS does not show deployment ecs-svc/8 yet
    1 min 00 s: 0 of 2 tasks of motor:8 run, 1 starting, 1 failed, 2 of other deployments left
    2 min 05 s: completed; 1 task of other deployments still there
    2 min 06 s: failed (tasks failed to start); ECS goes back: 2 of 2 tasks of motor:7 run
    2 min 07 s: failed (tasks failed to start); ECS goes back: 1 of 2 tasks of motor:7 run, 1 starting
    2 min 08 s: went back to motor:7: tasks failed to start
    2 min 09 s: superseded by deployment ecs-svc/9 of motor:9
    "#);
    let ends: Vec<String> =
        [&["8* 2/2 done"][..], &["8* 0/0 done"], &["8* 1/2 going | 7 2/2 done // hook"], &["draining"]]
            .into_iter()
            .chain([&["41x 8* 0/2 done"][..]])
            .filter_map(|reads| follow(&USUAL, reads).last().map(ToString::to_string))
            .collect();
    insta::assert_snapshot!(ends.join("\n"), @r#"
    completed: 2 tasks run, and no other revision
    completed, and no task runs: the service wants none, so nothing serves
    paused at hook h1 in stage POST_SCALE_UP; at 1970-01-01T01:23:20Z ECS does ROLLBACK by itself
    the service is being deleted
    does not go on: ECS calls it completed, and none of its 2 tasks runs
    "#);
}

#[test]
fn what_runs_is_said_by_revision() {
    let said = |line: &str| what_runs(&read(line, &USUAL).service.expect("a service"));
    assert_eq!(said("8* 1/2 going | 7 2/2 done"), "1 task of motor:8, 2 tasks of motor:7");
    assert_eq!(said("7@c:900* 1/2 going | 7 1/2 done"), "2 tasks of motor:7");
    assert_eq!(said("8* 0/2 going"), "no task runs");
}
