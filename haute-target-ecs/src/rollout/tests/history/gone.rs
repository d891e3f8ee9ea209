//! The service goes away. What cannot be, and is never success.

use super::super::script::USUAL;
use super::History;

pub(super) const HISTORIES: &[History] = &[
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
];
