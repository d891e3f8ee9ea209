//! Without a circuit breaker.

use super::{ALARMS, BLUE_GREEN, History, UNGUARDED};

pub(super) const HISTORIES: &[History] = &[
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
];
