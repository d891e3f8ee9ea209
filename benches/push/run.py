"""Peak memory of the deployer while it makes and pushes a layer of 1 GiB.

    cargo build --release -p haute-cli
    sudo python3 benches/push/run.py --haute-cli target/release/haute-cli [--mib 1024] [--builder direct]

The layer is a table of an example that has grown by random bytes, which no compression makes smaller. It is pushed twice: to a registry that
holds the base image alone, and again when everything is there. Needs what benches/image/run.py needs, without Haute.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "benches" / "image"))

import base  # noqa: E402
from machine import Command, Registry, tail, work_folder  # noqa: E402
from sides import Side, haute_cli_or_exit  # noqa: E402
from versions import Project, Version  # noqa: E402

#: The project that is grown, and its table on the way to the price.
PROJECT = REPOSITORY / "examples" / "projects" / "home-contents"
TABLE = Path("rating/data/postcode_risk.parquet")
#: The most the deployer may take, in MiB.
REACH = 64


def main() -> None:
    options = _options()
    with work_folder(options.work) as work:
        registry = Registry(work)
        storage = base.stored(
            registry, work, cache=options.cache, root=options.base_root, certificates=options.certificates
        )
        project = Project(PROJECT, work, registry.host, base.name(registry))
        grow(project.folder / TABLE, options.mib)
        print("building the release", file=sys.stderr, flush=True)
        release, proof = project.proven_release("grown", options.haute_cli)
        side = Side(options.builder, work / "side", registry, storage, project, options.haute_cli)
        version = Version("grown", "", release=release, proof=proof)
        figures = []
        try:
            side.forget_everything()
            for title in ("first push", "pushed again"):
                before = registry.blobs()
                figure = watched(side.commands(version)[0], side.folder / "commands.log")
                figure["written"] = sum(
                    size for digest, size in registry.blobs().items() if digest not in before
                )
                figures.append({"what": title, **figure})
                print(
                    f"{title:13} {figure['seconds']:8.2f} s   {figure['written'] / 2**20:9.1f} MiB written"
                    f"   peak {figure['peak_mib']:7.1f} MiB (with the programs it ran: {figure['peak_of_all_mib']:.1f} MiB)"
                )
        finally:
            side.stop()
        peak = figures[0]["peak_mib"]
        print(
            f"peak <= {REACH} MiB while pushing {options.mib} MiB: {'reached' if peak <= REACH else 'MISSED'}"
        )
        if options.json:
            options.json.write_text(
                json.dumps({"builder": options.builder, "runs": figures}, indent=1) + "\n", encoding="utf-8"
            )


def grow(table: Path, mib: int) -> None:
    """Puts random bytes between the rows of a Parquet file and its footer. Readers go by the offsets of the footer and never see them."""
    content = table.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    if content[-4:] != b"PAR1" or footer < 4:
        raise SystemExit(f"{table} is not a Parquet file")
    with table.open("wb") as grown:
        grown.write(content[:footer])
        for _ in range(mib):
            grown.write(os.urandom(2**20))
        grown.write(content[footer:])


def watched(command: Command, log: Path) -> dict[str, float]:
    """Runs the command and reads the high-water mark of its memory until it ends: the kernel only raises it."""
    with log.open("ab") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        peak = 0
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            peak = max(peak, high_water_mark(process.pid))
            time.sleep(0.005)
        seconds = time.perf_counter() - start
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command.argv)} ended with {process.returncode}:\n{tail(log)}")
    return {"seconds": seconds, "peak_mib": peak / 1024, "peak_of_all_mib": usage.ru_maxrss / 1024}


def high_water_mark(process: int) -> int:
    """VmHWM in KiB; none once the process is ending."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--haute-cli", type=haute_cli_or_exit, required=True)
    add("--builder", choices=("direct", "engine"), default="direct")
    add("--mib", type=int, default=1024, help="size of the layer")
    add("--json", type=Path, help="write the figures to this file")
    base.add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
