"""Looks at a pushed image: how large it is, and whether the test quotes are served from it."""

from __future__ import annotations

import gzip
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from machine import Engine, Registry

#: Asked inside the container, so that no port of the host is taken.
ASK = """
import json, sys, time, urllib.request
address = "http://127.0.0.1:" + sys.argv[1]
deadline = time.monotonic() + 120
while True:
    try:
        urllib.request.urlopen(address + "/health", timeout=5).read()
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.1)
answers = []
for quote in json.load(sys.stdin):
    call = urllib.request.Request(address + "/quote", json.dumps(quote).encode(), {"Content-Type": "application/json"})
    answers.append(json.load(urllib.request.urlopen(call, timeout=120)))
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Size:
    """Bytes of an image's layers, with and without those of its base."""

    layers: int
    compressed: int
    unpacked: int
    compressed_above_base: int
    unpacked_above_base: int


def size(registry: Registry, repository: str, tag: str, base_layers: list[str]) -> Size:
    """Unpacked is the sum of the files of all layers, as an engine counts it. `base_layers` are the base's layer digests."""
    manifest = _json(registry, registry.manifest_of(repository, tag))
    layers = [
        (layer["digest"], layer["size"], _unpacked(registry.blob(layer["digest"])))
        for layer in manifest["layers"]
    ]
    above = layers[len(base_layers) :]
    return Size(
        layers=len(layers),
        compressed=sum(layer[1] for layer in layers),
        unpacked=sum(layer[2] for layer in layers),
        compressed_above_base=sum(layer[1] for layer in above),
        unpacked_above_base=sum(layer[2] for layer in above),
    )


def layers_of(registry: Registry, repository: str, tag: str) -> list[str]:
    manifest = _json(registry, registry.manifest_of(repository, tag))
    return [layer["digest"] for layer in manifest["layers"]]


def served_quotes(
    engine: Engine, image: str, quotes: list[dict[str, Any]], *, options: list[str], port: int
) -> list[dict[str, Any]]:
    """Runs the image without a network and returns its answer to every quote."""
    name = f"image-bench-{time.time_ns()}"
    engine.run("run", "--detach", "--name", name, "--network", "none", *options, image)
    try:
        done = engine.run(
            "exec",
            "-i",
            name,
            "python3",
            "-c",
            ASK,
            str(port),
            stdin=json.dumps(quotes).encode(),
            check=False,
        )
        if done.returncode != 0:
            logs = engine.run("logs", name, check=False)
            said = (done.stderr + logs.stdout + logs.stderr).decode(errors="replace")
            raise SystemExit(f"{image} does not answer:\n{said[-3000:]}")
        return cast(list[dict[str, Any]], json.loads(done.stdout))
    finally:
        engine.run("rm", "--force", name, check=False)


def test_quotes(project: Path) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row["input"].items() if not key.startswith("_")}
        for path in sorted((project / "tests" / "quotes").glob("*.json"))
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]


def _json(registry: Registry, digest: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(registry.blob(digest).read_bytes()))


def _unpacked(blob: Path) -> int:
    with _decompressed(blob) as content, tarfile.open(fileobj=content, mode="r|") as archive:
        return sum(entry.size for entry in archive if entry.isfile())


@contextmanager
def _decompressed(blob: Path) -> Iterator[IO[bytes]]:
    with blob.open("rb") as content:
        zstandard = content.read(4) == b"\x28\xb5\x2f\xfd"
    if zstandard:
        with subprocess.Popen(["zstd", "-dc", str(blob)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield process.stdout
    else:
        with gzip.open(blob, "rb") as content:
            yield cast(IO[bytes], content)
