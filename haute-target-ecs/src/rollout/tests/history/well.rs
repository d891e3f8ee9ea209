//! It goes well.

use super::super::script::{Setup, USUAL};
use super::{FIRST, History};

pub(super) const HISTORIES: &[History] = &[
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
];
