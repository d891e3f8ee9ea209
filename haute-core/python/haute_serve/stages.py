"""The parts of a plan that need collected frames: scans to fill and nodes to call."""

from __future__ import annotations

import contextvars
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import polars as pl
from polars.io.plugins import register_io_source


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
            frame = frame[with_columns]
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


def declaration_of(fn: Any) -> Any:
    """A function of the same file and name without a body: the node's configured work alone, without its hook."""

    def declaration(df: Any) -> Any: ...

    twin = types.FunctionType(declaration.__code__, fn.__globals__, fn.__name__)
    twin.__qualname__ = f"<locals>.{fn.__name__}"
    return twin
