"""The parts of a plan that need collected frames: scans to fill, nodes to call, tables to look up."""

from __future__ import annotations

import contextvars
import json
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from polars.io.plugins import register_io_source

#: Distinct keys a lookup remembers before it starts over.
REMEMBERED_KEYS = 65_536


class Touched(Exception):
    """Raised into a node that collects a scan while the query is being built."""


class Scan:
    """A lazy frame whose rows are given later, again and again."""

    def __init__(self, schema: pl.Schema) -> None:
        self.schema = schema
        self.frame: pl.DataFrame | None = None
        self.touched = False
        self.lazy = register_io_source(io_source=self._read, schema=schema, is_pure=False)

    def _read(
        self,
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        frame = self.frame
        if frame is None:
            self.touched = True
            raise Touched
        if with_columns is not None:
            frame = frame.select(with_columns)
        if n_rows is not None:
            frame = frame.head(n_rows)
        if predicate is not None:
            frame = frame.filter(predicate)
        yield frame


class Work(Protocol):
    """What a stage does with the frames that reach its node."""

    def __call__(self, frames: list[pl.DataFrame]) -> pl.DataFrame: ...


class Stage:
    """Collects a node's inputs, has its work done, and fills the scan the rest of the plan reads."""

    def __init__(self, work: Work, inputs: list[pl.LazyFrame], result: Scan, scans: list[Scan]) -> None:
        self._work = work
        self._inputs = [_source(frame, scans) for frame in inputs]
        self._result = result

    def run(self) -> None:
        frames = [
            source.frame
            if isinstance(source, Scan) and source.frame is not None
            else source.collect(engine="in-memory")
            for source in self._inputs
        ]
        self._result.frame = self._work(frames)


def _source(frame: pl.LazyFrame, scans: list[Scan]) -> Any:
    return next((scan for scan in scans if scan.lazy is frame), frame)


class NodeCall:
    """Calls the node itself, in the context `Pipeline.score` gave it."""

    def __init__(self, node: Callable[..., Any]) -> None:
        self._node = node
        self._context = contextvars.copy_context()

    def __call__(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        return self._context.run(self._call, frames)

    def _call(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        result = self._node(*[frame.lazy() for frame in frames])
        if isinstance(result, pl.LazyFrame):
            return result.collect(engine="in-memory")
        collected: pl.DataFrame = result
        return collected


class Lookup:
    """A rating step whose answers are remembered by the values of its factors.

    A rating step's columns depend on its factors alone, and Haute checks every lookup for misses in a way that costs milliseconds per
    table. The node itself is asked once for each combination of factors; a combination that misses raises every time.
    """

    def __init__(
        self, call: NodeCall, factors: list[str], outputs: list[str], schema: pl.Schema
    ) -> None:
        self._call = call
        self._factors = factors
        self._outputs = outputs
        self._schema = schema
        self._known: dict[Any, tuple[Any, ...]] = {}

    def __call__(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        frame = frames[0]
        keys = self._keys(frame)
        known = self._known
        missing = [index for index, key in enumerate(keys) if key not in known]
        if missing:
            first = {keys[index]: index for index in reversed(missing)}
            asked = self._call([frame[list(first.values())]]).select(self._outputs)
            if len(known) + len(first) > REMEMBERED_KEYS:
                known.clear()
                if len(first) < len(set(keys)):
                    return self._call(frames)
            known.update(zip(first, asked.iter_rows(), strict=True))
        rows = [known[key] for key in keys]
        columns = [
            pl.Series(name, [row[index] for row in rows], dtype=self._schema[name], strict=True)
            for index, name in enumerate(self._outputs)
        ]
        return frame.with_columns(columns).select(self._schema.names())

    def _keys(self, frame: pl.DataFrame) -> list[Any]:
        columns = [_exact(frame.get_column(name)).to_list() for name in self._factors]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _exact(column: pl.Series) -> pl.Series:
    # 0.0 and -0.0 are equal in Python, and NaN is not, but each is one key.
    return column.reinterpret(signed=True) if column.dtype == pl.Float64 else column


def rating_lookup(node: Any, before: pl.Schema, after: pl.Schema) -> Lookup | None:
    """The lookup of a rating-step node's configured work, without its hook; None where its columns could depend on more."""
    path = Path(node.fn.__globals__["__file__"]).parent / str(node.config["config"])
    settings = json.loads(path.read_text(encoding="utf-8"))
    tables = settings.get("tables") or []
    combined = settings.get("combinedOutputs") or []
    outputs = [str(entry.get("outputColumn") or "").strip() for entry in [*tables, *combined]]
    factors = [name for table in tables for name in table.get("factors") or [] if name in before]
    if not factors or list(after) != [*before, *(name for name in after if name not in before)]:
        return None
    computed = [name for name in after if name in outputs]
    if not {name for name in after if name not in before} <= set(computed):
        return None
    if any(before[name] == pl.Float32 or before[name].is_nested() for name in factors):
        return None
    if any(before[name] != after[name] for name in before if name not in computed):
        return None
    return Lookup(NodeCall(node), list(dict.fromkeys(factors)), computed, after)


def declaration_of(fn: Any) -> Any:
    """A function of the same file and name without a body: the node's configured work alone, without its hook."""

    def declaration(df: Any) -> Any: ...

    twin = types.FunctionType(declaration.__code__, fn.__globals__, fn.__name__)
    twin.__qualname__ = f"<locals>.{fn.__name__}"
    return twin
