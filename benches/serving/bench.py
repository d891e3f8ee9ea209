"""Serving benchmark: a release under this project's runtime against Haute's own generated app, side by side in one run.

    python benches/serving/bench.py [--project DIR] [--rounds 3] [--seconds 3]

Run it with the Python of an environment that has haute, uvicorn with uvloop and httptools, and what the project's models need. Rounds
alternate between the two servers; the figures are medians over rounds, the ratios medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import Run, drive, request
from servers import Server, haute, haute_application, ours

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "haute-core" / "python" / "tests"))
sys.path.insert(0, str(REPOSITORY / "haute-core" / "python"))

from building import build_release  # noqa: E402

from haute_serve.variants import variants  # noqa: E402


@dataclass(frozen=True)
class Figure:
    """One row of the table. `better` says whether the ratio is haute/ours (`low`) or ours/haute (`high`)."""

    name: str
    unit: str
    better: str
    reach: float | None


FIGURES = {
    "cpu_1": Figure("single quote, 1 client: server CPU per request", "ms", "low", 8),
    "p50_1": Figure("single quote, 1 client: p50", "ms", "low", 8),
    "p99_1": Figure("single quote, 1 client: p99", "ms", "low", None),
    "rate_1": Figure("single quote, 1 client: quotes per second", "/s", "high", None),
    "cpu_8": Figure("single quote, 8 clients: server CPU per request", "ms", "low", None),
    "p50_8": Figure("single quote, 8 clients: p50", "ms", "low", None),
    "rate_8": Figure("single quote, 8 clients: quotes per second", "/s", "high", None),
    "cpu_32": Figure("single quote, 32 clients: server CPU per request", "ms", "low", None),
    "p50_32": Figure("single quote, 32 clients: p50", "ms", "low", None),
    "p99_32": Figure("single quote, 32 clients: p99", "ms", "low", None),
    "rate_32": Figure("single quote, 32 clients: quotes per second", "/s", "high", 50),
    "batch_100": Figure("batch of 100: p50", "ms", "low", None),
    "batch_1000": Figure("batch of 1000: p50", "ms", "low", 50),
    "batch_cpu_1000": Figure("batch of 1000: server CPU per request", "ms", "low", None),
    "health_p50": Figure("/health while 32 clients quote: p50", "ms", "low", None),
    "health_p95": Figure("/health while 32 clients quote: p95", "ms", "low", None),
}


def main() -> None:
    options = _options()
    quotes = _quotes(options.project)
    with tempfile.TemporaryDirectory(prefix="serving-bench-") as folder, ExitStack() as stack:
        work = Path(folder)
        release = build_release(options.project, work / "release")
        application = haute_application(options.project, work)
        servers = [
            stack.enter_context(ours(release, work / "ours.log")),
            stack.enter_context(haute(application, work / "haute.log")),
        ]
        _same_prices(servers, quotes)
        rounds: list[dict[str, dict[str, float]]] = []
        for number in range(options.rounds):
            order = servers if number % 2 == 0 else servers[::-1]
            for server in order:
                print(f"round {number + 1}: {server.name}", file=sys.stderr, flush=True)
            rounds.append(
                {server.name: asyncio.run(_measure(server, quotes, options.seconds)) for server in order}
            )
            print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
        _report(rounds, servers)


async def _measure(server: Server, quotes: list[dict[str, Any]], seconds: float) -> dict[str, float]:
    singles = [request("/quote", json.dumps(quote).encode()) for quote in quotes]
    found: dict[str, float] = {}
    for clients in (1, 8, 32):
        before = server.cpu_seconds()
        run = _without_failures(
            server, await drive(server.port, singles, clients=clients, seconds=seconds, least=2)
        )
        found[f"cpu_{clients}"] = (server.cpu_seconds() - before) / run.count * 1000
        found[f"p50_{clients}"] = run.percentile(0.5) * 1000
        found[f"p99_{clients}"] = run.percentile(0.99) * 1000
        found[f"rate_{clients}"] = run.rate
    for size in (100, 1000):
        rows = [quotes[index % len(quotes)] for index in range(size)]
        batch = [request("/quote", json.dumps(rows).encode())]
        before = server.cpu_seconds()
        run = _without_failures(server, await drive(server.port, batch, clients=1, seconds=seconds, least=2))
        found[f"batch_{size}"] = run.percentile(0.5) * 1000
        found[f"batch_cpu_{size}"] = (server.cpu_seconds() - before) / run.count * 1000
    load = asyncio.ensure_future(drive(server.port, singles, clients=32, seconds=seconds + 0.5, least=1))
    await asyncio.sleep(0.3)
    health = await drive(server.port, [request("/health")], clients=1, seconds=seconds, least=2)
    await load
    found["health_p50"] = health.percentile(0.5) * 1000
    found["health_p95"] = health.percentile(0.95) * 1000
    return found


def _without_failures(server: Server, run: Run) -> Run:
    if run.failures:
        raise SystemExit(f"{server.name}: {run.failures} of {run.failures + run.count} requests failed")
    return run


def _same_prices(servers: list[Server], quotes: list[dict[str, Any]]) -> None:
    for quote in quotes[:8]:
        rows = []
        for server in servers:
            call = urllib.request.Request(
                f"http://127.0.0.1:{server.port}/quote", json.dumps(quote).encode(), method="POST"
            )
            with urllib.request.urlopen(call, timeout=120) as answer:
                rows.append(json.load(answer)["rows"])
        if rows[0] != rows[1]:
            raise SystemExit(f"the servers price {quote} differently: {rows}")


def _report(rounds: list[dict[str, dict[str, float]]], servers: list[Server]) -> None:
    print(f"{'':52} {'ours':>10} {'haute':>10} {'ratio':>8}  reach")
    for key, figure in FIGURES.items():
        mine = statistics.median(found["ours"][key] for found in rounds)
        theirs = statistics.median(found["haute"][key] for found in rounds)
        ratio = statistics.median(
            found["haute"][key] / found["ours"][key]
            if figure.better == "low"
            else found["ours"][key] / found["haute"][key]
            for found in rounds
        )
        verdict = ""
        if key == "health_p95":
            verdict = f"< 50 ms: {'reached' if mine < 50 else 'MISSED'}"
        elif figure.reach is not None:
            verdict = f">= {figure.reach:g}x: {'reached' if ratio >= figure.reach else 'MISSED'}"
        print(
            f"{figure.name:52} {mine:>8.2f}{figure.unit:>2} {theirs:>8.2f}{figure.unit:>2} {ratio:>7.1f}x  {verdict}"
        )
    for server in servers:
        print(
            f"{server.name}: {server.seconds_to_health:.2f} s to /health, {server.memory_mib():.0f} MiB after load"
        )


def _quotes(project: Path) -> list[dict[str, Any]]:
    inputs = [
        {key: value for key, value in row["input"].items() if not key.startswith("_")}
        for path in sorted((project / "tests" / "quotes").glob("*.json"))
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]
    return (inputs + variants(inputs, 64, seed=5))[:64]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--project", type=Path, default=REPOSITORY / "examples" / "projects" / "motor-pricing"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
