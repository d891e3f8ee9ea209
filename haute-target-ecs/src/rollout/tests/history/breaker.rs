//! The circuit breaker.

use super::super::script::USUAL;
use super::{FIRST, History, NO_ROLLBACK, OVER_UNFINISHED};

pub(super) const HISTORIES: &[History] = &[
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
];
