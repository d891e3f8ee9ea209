"""Image build and push: `docker build` + `docker push` of what `haute deploy` generates against `haute-cli`, on one machine and one registry.

    cargo build --release -p haute-cli
    $HAUTE_PYTHON benches/image/run.py --haute-cli target/release/haute-cli [--only cold,fresh-code] [--repeat 3] [--json FILE]

Needs root, `dockerd`, the docker client, `docker-registry`, and `debootstrap` or a Debian root made before (`--base-root`). Starts an engine
and a registry of its own and ends them. Without `--haute-cli` only Haute's side is measured.

The release and Haute's build directory are there already when the clock starts: image build and push are timed, whole processes. `written` is
what the registry holds afterwards and did not hold before, `read` is what the registry sent.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import re
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import base
import images
from machine import Registry, cost_of, work_folder
from sides import COMMANDS, Side, haute_cli_or_exit
from versions import Project, Version

REPOSITORY = Path(__file__).resolve().parents[2]

#: In the order they run: each starts from what the one before left in the registry and, where it says warm, on the runner.
SCENARIOS = {
    "cold": "nothing cached anywhere",
    "warm-nothing": "warm runner, nothing changed",
    "warm-code": "warm runner, code changed",
    "warm-model": "warm runner, model changed",
    "fresh-nothing": "fresh runner, nothing changed",
    "fresh-code": "fresh runner, code changed",
}
#: How many times faster than Haute's own each builder is to be.
REACH = {
    "direct": {"cold": 15, "warm-nothing": 10, "warm-code": 10, "warm-model": 10, "fresh-code": 500},
    "engine": {"warm-code": 2, "warm-model": 2},
}
#: What the direct builder may write on a fresh runner when only code changed, in bytes.
REACH_BYTES = 100 * 1024


@dataclasses.dataclass(frozen=True)
class Run:
    """One scenario run once by one side."""

    side: str
    scenario: str
    round: int
    version: str
    seconds: float
    machine_cpu_seconds: float
    peak_mib: float
    written: int
    new_layers: list[int]
    new_documents: list[int]
    read: int
    requests: int
    uploads: int
    cached: int
    load_before: float


def main() -> None:
    options = _options()
    with work_folder(options.work) as work:
        registry = Registry(work)
        base_storage = base.stored(
            registry, work, cache=options.cache, root=options.base_root, certificates=options.certificates
        )
        project = Project(options.project.resolve(), work, registry.host, base.name(registry))
        names = [name for name in options.sides if name == "haute" or options.haute_cli]
        _say(f"preparing {options.repeat} round(s) of versions of {project.name}")
        first, rounds = _versions(project, options)
        runs: list[Run] = []
        looks: dict[str, dict[str, Any]] = {}
        for name in names:
            side = Side(name, work / name, registry, base_storage, project, options.haute_cli)
            try:
                runs += _rounds(side, options, first, rounds)
                if not options.no_image:
                    looks[name] = _look(side, project, options)
            finally:
                side.stop()
            shutil.rmtree(side.folder, ignore_errors=True)
        _report(runs, names, looks)
        if options.json:
            _write(options.json, runs, looks, options)


def _versions(project: Project, options: argparse.Namespace) -> tuple[Version, list[dict[str, Version]]]:
    """The project as it is, and for every round and scenario what the two tools make of the project then."""

    def version(name: str) -> Version:
        return project.version(name, options.haute, options.haute_cli)

    edits: dict[str, Callable[[], None]] = {
        # Each `haute deploy` writes the time into what it builds, so that nothing changed is a change to its Dockerfile.
        "warm-nothing": lambda: None,
        "fresh-nothing": lambda: None,
        "warm-code": project.edit_code,
        "warm-model": project.edit_model,
        "fresh-code": project.edit_code,
    }
    first = version("as-it-is")
    rounds = []
    for number in range(options.repeat):
        changed: dict[str, Version] = {}
        for scenario in options.only:
            if scenario in edits:
                edits[scenario]()
                changed[scenario] = version(f"{number}-{scenario}")
        rounds.append(changed)
    return first, rounds


def _rounds(
    side: Side, options: argparse.Namespace, first: Version, rounds: list[dict[str, Version]]
) -> Iterator[Run]:
    for number, changed in enumerate(rounds):
        if "cold" in options.only or number == 0:
            side.forget_everything()
            run = _run(side, "cold", number, first)
            if "cold" in options.only:
                yield run
        for scenario in options.only:
            if scenario == "cold":
                continue
            if scenario.startswith("fresh"):
                side.forget_runner()
            yield _run(side, scenario, number, changed[scenario])


def _run(side: Side, scenario: str, number: int, version: Version) -> Run:
    side.project.check_out(version)
    before, offset = side.registry.blobs(), side.registry.log_size()
    load = os.getloadavg()[0]
    cost = cost_of(side.commands(version), side.folder / "commands.log")
    traffic = side.registry.traffic_since(offset, before)
    run = Run(
        side=side.name,
        scenario=scenario,
        round=number,
        version=version.commit,
        seconds=cost.seconds,
        machine_cpu_seconds=cost.machine_cpu_seconds,
        peak_mib=cost.peak_mib,
        written=traffic.bytes_written,
        new_layers=traffic.layers,
        new_documents=traffic.documents,
        read=traffic.bytes_read,
        requests=traffic.requests,
        uploads=traffic.uploads,
        cached=side.cached_bytes(),
        load_before=load,
    )
    _say(
        f"{side.name:7} {scenario:14} {run.seconds:8.2f} s  written {_size(run.written)}  read {_size(run.read)}"
        f"  {run.requests} requests  machine {run.machine_cpu_seconds:.1f} CPU s"
    )
    return run


def _look(side: Side, project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """How large the last image is, and what it answers to the test quotes."""
    base_layers = images.layers_of(side.registry, base.REPOSITORY, base.TAG)
    tag = side.registry.newest_tag(project.name)
    measured = images.size(side.registry, project.name, tag, base_layers)
    image = f"{side.registry.host}/{project.name}:{tag}"
    if side.name == "direct":
        side.engine.forget()
    side.engine.run("pull", image)
    restrictions = ["--read-only", "--user", "65532", "--cap-drop", "ALL"] if side.name != "haute" else []
    text = (project.folder / "haute.toml").read_text(encoding="utf-8")
    port = re.search(r"(?m)^port *= *(\d+)", text)
    quotes = images.test_quotes(options.project)
    answers = images.served_quotes(
        side.engine, image, quotes, options=restrictions, port=int(port[1]) if port else 8080
    )
    return {
        "tag": tag,
        "size": dataclasses.asdict(measured),
        "rows": [answer["rows"] for answer in answers],
    }


def _report(runs: list[Run], names: list[str], looks: dict[str, dict[str, Any]]) -> None:
    """Medians over the rounds, and the ratio of each of our builders to Haute's own."""
    for scenario, title in SCENARIOS.items():
        lines = {
            name: [run for run in runs if (run.side, run.scenario) == (name, scenario)] for name in names
        }
        if not any(lines.values()):
            continue
        print(f"\n{title} ({scenario})")
        theirs = statistics.median(run.seconds for run in lines["haute"]) if lines.get("haute") else None
        for name, found in lines.items():
            if not found:
                continue
            seconds = statistics.median(run.seconds for run in found)
            written = int(statistics.median(run.written for run in found))
            read = int(statistics.median(run.read for run in found))
            line = f"  {name:7} {seconds:8.2f} s   written {_size(written)}   read {_size(read)}"
            if name != "haute" and theirs is not None:
                line += f"   {theirs / seconds:7.1f}x{_verdict(name, scenario, theirs / seconds, written)}"
            print(line)
    if looks:
        print("\nimage")
    for name, look in looks.items():
        size = look["size"]
        print(
            f"  {name:7} {size['layers']:3} layers   compressed {_size(size['compressed'])} ({_size(size['compressed_above_base'])} above the base)"
            f"   unpacked {_size(size['unpacked'])} ({_size(size['unpacked_above_base'])} above the base){_compared(looks, name)}"
        )
    if "haute" in looks:
        for name in looks.keys() - {"haute"}:
            same = looks[name]["rows"] == looks["haute"]["rows"]
            count = len(looks[name]["rows"])
            print(
                f"  {name}: {count} quotes served, {'the same rows as Haute' if same else 'OTHER ROWS than Haute'}"
            )


def _verdict(side: str, scenario: str, ratio: float, written: int) -> str:
    parts = []
    reach = REACH.get(side, {}).get(scenario)
    if reach is not None:
        parts.append(f">= {reach}x: {'reached' if ratio >= reach else 'MISSED'}")
    if (side, scenario) == ("direct", "fresh-code"):
        parts.append(f"<= 100 KiB: {'reached' if written <= REACH_BYTES else 'MISSED'}")
    return "  " + ", ".join(parts) if parts else ""


def _compared(looks: dict[str, dict[str, Any]], name: str) -> str:
    if name == "haute" or "haute" not in looks:
        return ""
    mine, theirs = (looks[side]["size"] for side in (name, "haute"))
    shares = [
        f"{100 * mine[key] / theirs[key]:.0f} %"
        for key in ("compressed", "compressed_above_base", "unpacked", "unpacked_above_base")
    ]
    return f"   of Haute's: compressed {shares[0]} ({shares[1]}), unpacked {shares[2]} ({shares[3]})"


def _write(
    path: Path, runs: list[Run], looks: dict[str, dict[str, Any]], options: argparse.Namespace
) -> None:
    document = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "project": options.project.name,
        "processors": os.cpu_count(),
        "runs": [dataclasses.asdict(run) for run in runs],
        "images": looks,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _size(count: int) -> str:
    return f"{count / 1e6:9.3f} MB"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--haute-cli", type=haute_cli_or_exit, help="ours; without it only Haute's side is measured")
    add("--haute", type=Path, default=Path(sys.executable).parent / "haute", help="Haute's own program")
    add("--project", type=Path, default=REPOSITORY / "examples" / "projects" / "motor-pricing")
    add(
        "--only",
        type=_choice(list(SCENARIOS)),
        default=list(SCENARIOS),
        help="scenarios, separated by commas",
    )
    add("--sides", type=_choice(list(COMMANDS)), default=list(COMMANDS), help="haute, direct, engine")
    add("--repeat", type=int, default=1, help="rounds; the figures are medians over them")
    add("--json", type=Path, help="write every run to this file")
    add("--no-image", action="store_true", help="do not look at sizes and served quotes")
    base.add_options(parser)
    return parser.parse_args()


def _choice(known: list[str]) -> Callable[[str], list[str]]:
    def chosen(text: str) -> list[str]:
        asked = text.split(",")
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: unknown; known are {', '.join(known)}")
        return [name for name in known if name in asked]

    return chosen


if __name__ == "__main__":
    main()
