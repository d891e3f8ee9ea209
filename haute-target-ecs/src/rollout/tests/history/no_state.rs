//! Where ECS tells no state.

use super::{BLUE_GREEN, History, UNGUARDED};

pub(super) const HISTORIES: &[History] = &[
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
    History {
        name: "no state: reads while old tasks drain do not count",
        setup: UNGUARDED,
        reads: &["3x 8* 2/2 | 7 1/2", "2x 8* 2/2", "8* 2/2"],
        comes_to: "succeeded 2",
    },
    History {
        name: "no state: reads while a task starts do not count",
        setup: UNGUARDED,
        reads: &["3x 8* 2/2 +1", "2x 8* 2/2", "8* 2/2"],
        comes_to: "succeeded 2",
    },
];
