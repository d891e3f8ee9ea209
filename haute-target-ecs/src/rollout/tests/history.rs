//! What becomes of a deployment, history by history.

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

const HISTORIES: &[History] = &[
    // It goes well.
    History {
        name: "a rolling deployment completes",
        setup: USUAL,
        reads: &[
            "8* 0/2 +1 going | 7 2/2 done",
            "8* 1/2 +1 going | 7 2/2 done",
            "8* 2/2 going | 7 1/0 done",
            "8* 2/2 done",
        ],
        comes_to: "succeeded 2",
    },
    History {
        name: "the first deployment of a service completes",
        setup: FIRST,
        reads: &["1* 0/1 +1 going", "1* 1/1 done"],
        comes_to: "succeeded 1",
    },
    History {
        name: "three stale reads after the update",
        setup: USUAL,
        reads: &["3x 7* 2/2 done", "8* 0/2 going | 7 2/2 done", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "stale reads now and then",
        setup: USUAL,
        reads: &[
            "8* 0/2 going | 7 2/2 done",
            "3x 7* 2/2 done",
            "8* 1/2 going | 7 2/2 done",
            "3x 7* 2/2 done",
            "8* 2/2 done",
        ],
        comes_to: "succeeded 2",
    },
    History {
        name: "reads that miss the service now and then",
        setup: USUAL,
        reads: &["3x gone", "8* 0/2 going | 7 2/2 done", "2x gone", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "some tasks fail and later ones run",
        setup: USUAL,
        reads: &["8* 0/2 !2 going | 7 2/2 done", "8* 1/2 going | 7 2/2 done", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "the service is scaled up meanwhile",
        setup: USUAL,
        reads: &["8* 1/2 +1 going | 7 2/2 done", "8* 1/4 +3 going | 7 4/4 done", "8* 4/4 done"],
        comes_to: "succeeded 4",
    },
    History {
        name: "the service is scaled up just after the end",
        setup: USUAL,
        reads: &["8* 1/2 +1 going | 7 2/2 done", "8* 2/4 +2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "the service is scaled to nothing meanwhile",
        setup: USUAL,
        reads: &["8* 1/2 +1 going | 7 2/2 done", "8* 0/0 done"],
        comes_to: "succeeded 0",
    },
    History {
        name: "a service that wants no task",
        setup: USUAL,
        reads: &["8* 0/0 going", "8* 0/0 done"],
        comes_to: "succeeded 0",
    },
    History {
        name: "old tasks drain after it completed",
        setup: USUAL,
        reads: &["8* 2/2 done | 7 1/0 done", "8* 2/2 done | 7 0/0 +1 done", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "an old deployment without tasks is still listed",
        setup: USUAL,
        reads: &["8* 2/2 done | 7 0/0 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "completed before its first task runs",
        setup: USUAL,
        reads: &["8* 0/1 +1 done", "8* 1/1 done"],
        comes_to: "succeeded 1",
    },
    History {
        name: "nothing changed, so no deployment was begun",
        setup: Setup { ours: "7", ..USUAL },
        reads: &["7* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "a task that failed before the circuit breaker's threshold of one's own",
        setup: Setup { threshold: Some(5), ..USUAL },
        reads: &["60x 8* 0/2 !4 going | 7 2/2 done", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "a state of tomorrow is no end",
        setup: USUAL,
        reads: &["8* 2/2 new", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    // Where ECS tells no state.
    History {
        name: "no state: settled in three reads",
        setup: UNGUARDED,
        reads: &["8* 1/2 | 7 2/2", "2x 8* 2/2", "8* 2/2"],
        comes_to: "succeeded 2",
    },
    History {
        name: "no state: settled is seen anew after a change",
        setup: UNGUARDED,
        reads: &["2x 8* 2/2", "8* 1/2 +1", "2x 8* 2/2", "8* 2/2"],
        comes_to: "succeeded 2",
    },
    History {
        name: "no state: stale reads of the old settled service are no success",
        setup: UNGUARDED,
        reads: &["3x 7* 2/2", "8* 1/2 | 7 2/2", "2x 8* 2/2", "8* 2/2"],
        comes_to: "succeeded 2",
    },
    History {
        name: "no state: tasks keep failing",
        setup: UNGUARDED,
        reads: &["8* 0/2 !1 | 7 2/2", "8* 0/2 !3 | 7 2/2"],
        comes_to: "stalled",
    },
    History {
        name: "no state: taken back by hand",
        setup: UNGUARDED,
        reads: &["8* 0/2 | 7 2/2", "7@b:900* 1/2 +1 | 8 0/0", "7@b:900* 2/2"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "no state: the other API says it is done",
        setup: BLUE_GREEN,
        reads: &["8* 2/2 | 7 2/2 // IN_PROGRESS", "8* 2/2 // SUCCESSFUL"],
        comes_to: "succeeded 2",
    },
    // The circuit breaker.
    History {
        name: "the circuit breaker goes back, with the baseline's own deployment",
        setup: USUAL,
        reads: &[
            "8* 0/2 !1 going | 7 2/2 done",
            "8* 0/2 !3 failed(ECS deployment circuit breaker: tasks failed to start.) | 7 2/2 done",
            "7* 2/2 going(ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7.) | 8 0/0 !3 failed",
            "7* 2/2 done",
        ],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "the circuit breaker goes back, with a new deployment of the baseline's revision",
        setup: USUAL,
        reads: &[
            "8* 0/2 !3 failed | 7 2/2 done",
            "7@c:900* 1/2 going | 8 0/2 failed | 7 1/2 done",
            "7@c:900* 2/2 done",
        ],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "the way back is over between two reads",
        setup: USUAL,
        reads: &["8* 0/2 !2 going | 7 2/2 done", "7@c:900* 2/2 done"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "the way back is over before the first read",
        setup: USUAL,
        reads: &["7@c:900* 2/2 done"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "ours vanished and the baseline's own deployment is there",
        setup: USUAL,
        reads: &["8* 0/2 !2 going | 7 2/2 done", "3x 7* 2/2 done", "7* 2/2 done"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "ours was never shown and the baseline stays",
        setup: USUAL,
        reads: &["3x 7* 2/2 done", "7* 2/2 done"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "the way back ends at the last completed deployment, not at the baseline",
        setup: OVER_UNFINISHED,
        reads: &["8* 0/2 !3 going | 7 0/2 going | 6 2/2 done", "6* 2/2 going | 8 0/0 failed", "6* 2/2 done"],
        comes_to: "rolled back to motor:6",
    },
    History {
        name: "the circuit breaker ends it and does not go back",
        setup: NO_ROLLBACK,
        reads: &[
            "8* 0/2 !2 going | 7 2/2 done",
            "8* 0/2 !3 failed(ECS deployment circuit breaker: tasks failed to start.) | 7 2/2 done",
        ],
        comes_to: "failed: ECS deployment circuit breaker: tasks failed to start",
    },
    History {
        name: "the circuit breaker is to go back and does not",
        setup: USUAL,
        reads: &["3x 8* 0/2 !3 failed(why) | 7 2/2 done", "8* 0/2 !3 failed(why) | 7 2/2 done"],
        comes_to: "failed: why",
    },
    History {
        name: "there is nothing to go back to: the first deployment",
        setup: FIRST,
        reads: &["1* 0/1 !3 failed(why)"],
        comes_to: "failed: why; there is no completed deployment that ECS could go back to",
    },
    History {
        name: "there is nothing to go back to, and ECS calls it going on",
        setup: FIRST,
        reads: &["3x 1* 0/1 !3 going", "1* 0/1 !3 going"],
        comes_to: "stalled",
    },
    History {
        name: "the baseline had not completed, and ECS calls it going on",
        setup: OVER_UNFINISHED,
        reads: &["3x 8* 0/2 !3 going | 7 0/2 going", "8* 0/2 !4 going | 7 0/2 going"],
        comes_to: "stalled",
    },
    History {
        name: "the circuit breaker never trips",
        setup: USUAL,
        reads: &["40x 8* 0/2 !7 going | 7 2/2 done", "8* 0/2 !7 going | 7 2/2 done"],
        comes_to: "stalled",
    },
    History {
        name: "the way back fails too",
        setup: USUAL,
        reads: &[
            "8* 0/2 !3 failed(why) | 7 2/2 done",
            "7* 0/2 failed(its image is gone) | 8 0/0 failed(why)",
        ],
        comes_to: "failed: why; going back to motor:7 failed too: its image is gone",
    },
    History {
        name: "what is brought back does not come up",
        setup: USUAL,
        reads: &["8* 0/2 !3 failed(why) | 7 2/2 done", "7* 0/2 !3 going | 8 0/0 failed(why)"],
        comes_to: "failed: why; motor:7 does not come up either: 3 tasks failed in a row",
    },
    History {
        name: "a scaled service has a higher threshold",
        setup: USUAL,
        reads: &["45x 8* 2/20 !9 going | 7 20/20 done", "8* 20/20 done"],
        comes_to: "succeeded 20",
    },
    // Without a circuit breaker.
    History {
        name: "no circuit breaker: three tasks failed",
        setup: UNGUARDED,
        reads: &["8* 0/2 !2 going | 7 2/2 done", "8* 0/2 !3 going | 7 2/2 done"],
        comes_to: "stalled",
    },
    History {
        name: "the circuit breaker does not guard other strategies",
        setup: BLUE_GREEN,
        reads: &["8* 0/2 !3 going | 7 2/2 done"],
        comes_to: "stalled",
    },
    History {
        name: "an alarm takes it back",
        setup: ALARMS,
        reads: &[
            "8* 2/2 going | 7 2/2 done",
            "8* 2/2 failed(ECS deployment alarm motor-5xx) | 7 2/2 done",
            "7* 2/2 going | 8 1/0 failed",
            "7* 2/2 done",
        ],
        comes_to: "rolled back to motor:7",
    },
    // Others deploy too.
    History {
        name: "superseded by a newer revision",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "9* 0/2 going | 8 1/2 going | 7 2/2 done"],
        comes_to: "superseded by motor:9",
    },
    History {
        name: "superseded before the first read",
        setup: USUAL,
        reads: &["9* 0/2 going | 8 0/0 | 7 2/2 done"],
        comes_to: "superseded by motor:9",
    },
    History {
        name: "superseded and gone from the list",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "9* 2/2 done"],
        comes_to: "superseded by motor:9",
    },
    History {
        name: "superseded by somebody who deploys an older revision by hand",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "5@c:900* 0/2 going | 8 1/2 going"],
        comes_to: "superseded by motor:5",
    },
    History {
        name: "it had failed, and somebody deployed a newer revision",
        setup: USUAL,
        reads: &["8* 0/2 !3 failed | 7 2/2 done", "9* 0/2 going | 8 0/0 failed | 7 2/2 done"],
        comes_to: "superseded by motor:9",
    },
    History {
        name: "somebody deploys the earlier revision again by hand",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "7@c:900* 0/2 going | 8 1/2 going", "7@c:900* 2/2 done"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "somebody forces the same revision again",
        setup: USUAL,
        reads: &[
            "8* 1/2 going | 7 2/2 done",
            "8@c:900* 0/2 going | 8 1/2 going | 7 1/2 done",
            "8@c:900* 2/2 going | 8 1/0 going",
            "8@c:900* 2/2 done",
        ],
        comes_to: "succeeded 2",
    },
    History {
        name: "somebody forces the same revision again, and it fails",
        setup: USUAL,
        reads: &[
            "8* 1/2 going | 7 2/2 done",
            "8@c:900* 0/2 !3 failed(why) | 7 2/2 done",
            "7* 2/2 going | 8@c:900 0/0 failed(why)",
            "7* 2/2 done",
        ],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "the same pinned revision was forced, and forced again by somebody",
        setup: SAME_PINNED,
        reads: &[
            "7@b:800* 0/2 going | 7 2/2 done",
            "7@c:900* 1/2 going | 7@b:800 1/2 going",
            "7@c:900* 2/2 done",
        ],
        comes_to: "succeeded 2",
    },
    History {
        name: "the same revision was forced, and the circuit breaker went back",
        setup: SAME_PINNED,
        reads: &[
            "7@b:800* 0/2 !3 failed(why) | 7 2/2 done",
            "7* 2/2 going | 7@b:800 0/0 failed(why)",
            "7* 2/2 done",
        ],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "a moving tag: completed",
        setup: MOVING_TAG,
        reads: &["3x 7* 2/2 done", "7@b:800* 1/2 going | 7 2/2 done", "7@b:800* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "a moving tag: the same task definition forced again may be another image",
        setup: MOVING_TAG,
        reads: &["7@b:800* 1/2 going | 7 2/2 done", "7@c:900* 2/2 done"],
        comes_to: "superseded by motor:7",
    },
    History {
        name: "a moving tag: the circuit breaker goes back",
        setup: MOVING_TAG,
        reads: &[
            "7@b:800* 0/2 !2 going | 7 2/2 done",
            "7@c:900* 2/2 going(ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7.)",
            "7@c:900* 2/2 done",
        ],
        comes_to: "rolled back to motor:7",
    },
    // The service goes away.
    History {
        name: "the service is being deleted",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "draining"],
        comes_to: "gone: the service is being deleted",
    },
    History {
        name: "the service was deleted",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "inactive"],
        comes_to: "gone: the service was deleted",
    },
    History {
        name: "the service is not found any more",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "3x gone", "gone"],
        comes_to: "gone: the service is not there any more",
    },
    History {
        name: "no deployment is to serve",
        setup: USUAL,
        reads: &["8* 1/2 going | 7 2/2 done", "3x empty", "empty"],
        comes_to: "gone: the service has no deployment that is to serve",
    },
    History {
        name: "no deployment says that it is to serve",
        setup: USUAL,
        reads: &["3x 8 1/2 going | 7 2/2 done", "8 1/2 going | 7 2/2 done"],
        comes_to: "gone: the service has no deployment that is to serve",
    },
    // What cannot be, and is never success.
    History {
        name: "the deployment runs another task definition than was wanted",
        setup: USUAL,
        reads: &["7@8:800* 2/2 done"],
        comes_to: "failed: deployment ecs-svc/8 runs motor:7, not motor:8",
    },
    History {
        name: "completed, and no task of it ever runs",
        setup: USUAL,
        reads: &["40x 8* 0/2 done", "8* 0/2 done"],
        comes_to: "stalled",
    },
    History {
        name: "completed, and the earlier revision keeps its tasks",
        setup: USUAL,
        reads: &["40x 8* 2/2 done | 7 1/2 done", "8* 2/2 done | 7 1/2 done"],
        comes_to: "stalled",
    },
    // The other API.
    History {
        name: "it pauses at a hook",
        setup: BLUE_GREEN,
        reads: &["8* 1/2 going | 7 2/2 done // IN_PROGRESS", "8* 2/2 going | 7 2/2 done // hook"],
        comes_to: "paused at h1",
    },
    History {
        name: "a bake time holds success back",
        setup: BLUE_GREEN,
        reads: &["8* 2/2 done // IN_PROGRESS", "8* 2/2 done // SUCCESSFUL"],
        comes_to: "succeeded 2",
    },
    History {
        name: "a rollback that the service does not show yet",
        setup: USUAL,
        reads: &[
            "8* 0/2 !3 going | 7 2/2 done // ROLLBACK_IN_PROGRESS(Service deployment rolled back because of the circuit breaker.)",
            "7* 2/2 going // ROLLBACK_IN_PROGRESS",
            "7* 2/2 done // ROLLBACK_SUCCESSFUL(why)",
        ],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "a rollback that is over is failure, whatever the service says",
        setup: USUAL,
        reads: &["8* 2/2 done // ROLLBACK_SUCCESSFUL(why)"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "a rollback fails",
        setup: USUAL,
        reads: &["8* 0/2 !3 failed | 7 1/2 done // ROLLBACK_FAILED(no capacity)"],
        comes_to: "failed: going back failed too: no capacity",
    },
    History {
        name: "it was stopped",
        setup: USUAL,
        reads: &[
            "8* 1/2 going | 7 2/2 done // STOP_REQUESTED",
            "8* 1/2 going | 7 2/2 done // STOPPED(Stopped by user.)",
        ],
        comes_to: "failed: Stopped by user",
    },
    History {
        name: "stopped because another one was begun is superseded",
        setup: USUAL,
        reads: &["9* 0/2 going | 8 1/2 going | 7 2/2 done // STOPPED(superseded)"],
        comes_to: "superseded by motor:9",
    },
    History {
        name: "the other API tells of an earlier deployment's success",
        setup: USUAL,
        reads: &[
            "8* 1/2 going | 7 2/2 done // SUCCESSFUL @700",
            "8* 2/2 | 7 2/2 // SUCCESSFUL @700",
            "8* 2/2 done // SUCCESSFUL @700",
        ],
        comes_to: "succeeded 2",
    },
    History {
        name: "the other API tells of an earlier deployment's rollback",
        setup: USUAL,
        reads: &[
            "8* 1/2 going | 7 2/2 done // ROLLBACK_SUCCESSFUL @700",
            "8* 2/2 done // ROLLBACK_SUCCESSFUL @700",
        ],
        comes_to: "succeeded 2",
    },
    History {
        name: "the other API says done before the service does",
        setup: USUAL,
        reads: &["8* 2/2 going | 7 1/0 done // SUCCESSFUL", "8* 2/2 done // SUCCESSFUL"],
        comes_to: "succeeded 2",
    },
    // Followed from elsewhere, with nothing known but the id.
    History {
        name: "followed later: it completes",
        setup: RESUMED,
        reads: &["8* 1/2 going | 7 2/2 done", "8* 2/2 done"],
        comes_to: "succeeded 2",
    },
    History {
        name: "followed later: it goes back",
        setup: RESUMED,
        reads: &["8* 0/2 !3 going | 7 2/2 done", "7* 2/2 going | 8 0/0 failed", "7* 2/2 done"],
        comes_to: "rolled back to motor:7",
    },
    History {
        name: "followed later: it was replaced long ago",
        setup: RESUMED,
        reads: &["3x 9* 2/2 done", "9* 2/2 done"],
        comes_to: "superseded by motor:9",
    },
];

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
    for history in HISTORIES {
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
    let names: std::collections::BTreeSet<&str> = HISTORIES.iter().map(|history| history.name).collect();
    assert_eq!(names.len(), HISTORIES.len());
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
