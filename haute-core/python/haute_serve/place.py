"""Makes the process at home where a release runs: as the first process of a container, with nothing to write to."""

from __future__ import annotations

import os
import signal
import tempfile
from types import FrameType

#: Writable also where the root file system is not: engines mount it into every container.
SHARED_MEMORY = "/dev/shm"
#: What a shell reports of a process that ended by SIGTERM.
TERMINATED = 128 + signal.SIGTERM


def settle() -> None:
    """Called before anything heavy is imported."""
    # The kernel does not end the first process of a container by a signal nobody handles: until the server has a
    # handler of its own, a stop would wait for its time limit and then kill.
    signal.signal(signal.SIGTERM, _leave)
    _find_temporary_directory()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(TERMINATED)


def _find_temporary_directory() -> None:
    """Polars and Haute ask for a temporary directory while scoring, and refuse to score where there is none."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        if os.access(SHARED_MEMORY, os.W_OK):
            os.environ["TMPDIR"] = SHARED_MEMORY
            tempfile.tempdir = SHARED_MEMORY
