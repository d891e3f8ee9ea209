"""Prices data frames with a release: what a model of MLflow calls.

The release is priced by a process of its own (`worker.py`). Polars fixes its number of threads when it is first imported, and a
program that serves models has imported it long before; with the few threads it then has, Haute waits for itself for ever. A process
of its own also keeps two models of one program apart: each has its own project, working directory and import path.

This file is loaded by its path, beside other models' copies of it: it imports nothing but the standard library, not even the package
it is in.
"""

from __future__ import annotations

import json
import math
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

#: How long a release may take to load, in seconds.
START_SECONDS = 300.0
#: How much longer than a quote's own deadline an answer may take, in seconds: the worker's words say more than ours.
GRACE_SECONDS = 5.0
#: From here on a 64-bit float does not hold every whole number.
EXACT = 2**53


class Refused(Exception):
    """The quotes cannot be priced as they are: the caller's to mend. `str()` begins with the stable code."""

    def __init__(self, code: str, message: str, *, field: str | None = None, row: int | None = None) -> None:
        where = "" if row is None else f" (row {row})"
        super().__init__(f"{code}: {message}{where}")
        self.code = code
        self.field = field
        self.row = row


class Failed(Exception):
    """The release cannot be loaded, or its process does not answer."""


class Model:
    """One release, priced by a process of its own. Threads may share it; a forked process starts its own."""

    def __init__(self, release: str | os.PathLike[str]) -> None:
        """Reads the manifest only; `load` starts the process."""
        self._release = Path(release).resolve()
        try:
            manifest = json.loads((self._release / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise Failed(f"the release's manifest cannot be read: {error}") from None
        self._widened = widened_fields(manifest["input"])
        self._deadline = float((manifest.get("limits") or {}).get("deadline_seconds", 30.0)) + GRACE_SECONDS
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def load(self) -> dict[str, Any]:
        """Starts the process and waits until it has priced every test quote; says which release it is."""
        with self._lock:
            return self._running().ready

    def predict(self, data: Any) -> list[dict[str, Any]]:
        """The answers to the quotes in `data`: a data frame, a list of objects, or one object. Raises `Refused` or `Failed`."""
        request = encode(rows_of(data, self._widened))
        with self._lock:
            try:
                answer = self._running().ask(request, self._deadline)
            except _Gone:
                # A quote changes nothing, so it can be asked again.
                try:
                    answer = self._running().ask(request, self._deadline)
                except _Gone as error:
                    raise Failed(f"the process that prices ended: {error}") from None
        if "rows" in answer:
            rows: list[dict[str, Any]] = answer["rows"]
            return rows
        raise Refused(
            str(answer.get("error_code", "internal_error")),
            str(answer.get("error", "the process that prices gave no answer")),
            field=answer.get("field"),
            row=answer.get("row"),
        )

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            if self._worker is not None and self._worker.owner == os.getpid():
                self._worker.end()
            self._worker = None

    def _running(self) -> _Worker:
        worker = self._worker
        if worker is None or worker.owner != os.getpid() or worker.ended():
            self._worker = worker = _Worker(self._release)
        return worker


class _Gone(Exception):
    pass


class _Worker:
    """The process that prices, spoken to in lines of JSON. It ends when this one does."""

    def __init__(self, release: Path) -> None:
        self.owner = os.getpid()
        paths = [str(release / "runtime"), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "haute_serve", "price", "--release", str(release)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            bufsize=0,
        )
        self._rest = b""
        try:
            self.ready = self._read(START_SECONDS)
        except _Gone as error:
            raise Failed(f"the release did not load: {error}") from None
        if self.ready.get("event") != "ready":
            self.end()
            words = self.ready.get("error", self.ready)
            raise Failed(f"the release did not load: {self.ready.get('error_code', 'failed')}: {words}")

    def ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, request: bytes, seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        view = memoryview(request)
        try:
            while view:
                view = view[self._process.stdin.write(view) :]
        except OSError as error:
            self.end()
            raise _Gone(str(error)) from None
        return self._read(seconds)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        until = time.monotonic() + seconds
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                self.end()
                raise Failed(f"no answer within {seconds:.0f} seconds")
            part = os.read(descriptor, 1 << 20)
            if not part:
                self.end()
                raise _Gone(f"exit status {self._process.returncode}")
            parts.append(part)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


def rows_of(data: Any, widened: frozenset[str] = frozenset()) -> list[Any]:
    """The quotes in a data frame as the caller wrote them; refuses a value the frame may have changed.

    A column of a frame with several rows has one type: whole numbers beside a fraction or a null have become floats, and missing
    fields NaN. Below 2**53 that can be undone; above it, and for a number that stands for a text (`widened`), it cannot.
    """
    if isinstance(data, dict):
        return [data]
    if isinstance(data, list):
        return data
    if not hasattr(data, "columns"):
        raise Refused("not_an_object", f"Quotes must be a data frame or a list of objects, not {type(data).__name__}.")
    names = [str(name) for name in data.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused("duplicate_key", f"The column {twice!r} appears twice.", field=twice)
    count = len(data)
    columns = [
        _values(name, data.iloc[:, index].tolist(), count, widened=name in widened)
        for index, name in enumerate(names)
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if names else [{}] * count


def _values(name: str, values: list[Any], count: int, *, widened: bool) -> list[Any]:
    # Only a column of nothing but floats can have been made so: in any other one each value is still the caller's own.
    made = count > 1 and all(type(value) is float for value in values)
    taken: list[Any] = []
    for row, value in enumerate(values):
        if type(value).__module__ == "numpy" and hasattr(value, "item"):
            value = value.item()
        if type(value) is float:
            if math.isnan(value):
                if count == 1:
                    raise Refused("number_not_finite", f"Field {name!r} is NaN; send null.", field=name, row=row)
                value = None
            elif math.isinf(value):
                raise Refused("number_not_finite", f"Field {name!r} must be a finite number.", field=name, row=row)
            elif made and value.is_integer():
                value = _whole(name, value, row, widened=widened)
        elif type(value).__name__ in ("NAType", "NaTType"):
            value = None
        taken.append(value)
    return taken


def _whole(name: str, value: float, row: int, *, widened: bool) -> float | int:
    if abs(value) >= EXACT:
        raise Refused(
            "number_not_exact",
            f"Field {name!r} is a number that may have been rounded on its way; send this quote by itself.",
            field=name,
            row=row,
        )
    if widened:
        raise Refused(
            "number_not_exact",
            f"Field {name!r} is taken as text, and whether it was written with a fraction is lost; send it as text.",
            field=name,
            row=row,
        )
    # No whole number is minus zero.
    return value if value == 0.0 and math.copysign(1.0, value) < 0 else int(value)


def widened_fields(source: dict[str, Any]) -> frozenset[str]:
    """The top-level fields that take a number as its text."""
    fields = [column["name"] for column in source.get("columns") or [] if column.get("widen")]
    for table in source.get("tables") or []:
        for column in table["columns"]:
            if column.get("widen"):
                fields.append(column["path"].removeprefix("$[:].").split(".")[0].removesuffix("[:]"))
    return frozenset(fields)


def encode(rows: list[Any]) -> bytes:
    """One line of JSON, or `Refused` for what JSON has no word for."""
    try:
        return json.dumps(rows, allow_nan=False, separators=(",", ":"), default=_refuse).encode() + b"\n"
    except ValueError:
        raise Refused("number_not_finite", "A number of a quote is not finite.") from None


def _refuse(value: Any) -> Any:
    raise Refused("wrong_type", f"A quote holds a {type(value).__name__}, which JSON has no word for.")
