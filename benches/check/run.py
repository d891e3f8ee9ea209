"""Times `haute-cli check` against `haute lint` on one generated project, whole processes, taking turns.

    cargo build --release -p haute-cli
    python benches/check/run.py --haute-cli target/release/haute-cli --haute .venv/bin/haute

Prints the median and the fastest of each, and their ratio. Without `--haute` only ours is timed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generate import generate


def timed(command: list[str], directory: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    elapsed = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout.decode()}\n{done.stderr.decode()}")
    return elapsed * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--haute-cli", type=Path, required=True)
    parser.add_argument("--haute", type=Path)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        generate(root, arguments.nodes)
        commands = {"haute-cli check": [str(arguments.haute_cli.resolve()), "check", "--project", str(root)]}
        if arguments.haute:
            # Not resolved: a link into a virtual environment must stay one.
            commands["haute lint"] = [str(arguments.haute.absolute()), "lint"]
        times: dict[str, list[float]] = {name: [] for name in commands}
        for command in commands.values():
            timed(command, root)
        for _ in range(arguments.runs):
            for name, command in commands.items():
                times[name].append(timed(command, root))
    print(f"{arguments.nodes} nodes, {arguments.runs} runs each after one to warm up, whole process, milliseconds")
    for name, values in times.items():
        print(f"{name:16} median {statistics.median(values):9.1f}   fastest {min(values):9.1f}")
    if arguments.haute:
        ours, theirs = (statistics.median(values) for values in times.values())
        print(f"ratio of medians {theirs / ours:.0f}")


if __name__ == "__main__":
    main()
