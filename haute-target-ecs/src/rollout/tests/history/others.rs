//! Others deploy too.

use super::super::script::USUAL;
use super::{History, MOVING_TAG, SAME_PINNED};

pub(super) const HISTORIES: &[History] = &[
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
    History {
        name: "it had failed, and somebody forces the same revision again",
        setup: USUAL,
        reads: &["8* 0/2 !3 failed | 7 2/2 done", "8@c:900* 0/2 going | 8 0/0 failed | 7 2/2 done"],
        comes_to: "superseded by motor:8",
    },
];
