//! The other API. Followed from elsewhere, with nothing known but the id.

use super::super::script::USUAL;
use super::{BLUE_GREEN, History, RESUMED};

pub(super) const HISTORIES: &[History] = &[
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
    History {
        name: "the other API says done while the service alone still goes on",
        setup: USUAL,
        reads: &["8* 1/2 going // SUCCESSFUL", "8* 2/2 going // SUCCESSFUL", "8* 2/2 done // SUCCESSFUL"],
        comes_to: "succeeded 2",
    },
];
