"""Remembers what a rating step answers, so that Haute's checks for misses are paid once per combination of factors and not per quote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from .stages import NodeCall

#: Distinct combinations a lookup remembers before it starts over.
REMEMBERED = 65_536
#: Combinations of table entries that are asked for ahead of the first quote.
FORESEEN = 20_000


class Lookup:
    """A rating step whose answers are remembered by the values of its factors.

    A rating step's columns depend on its factors alone, and Haute checks every lookup for misses in a way that costs milliseconds per
    table. The node itself is asked once for each combination of factors, for all that its tables list at once; a combination that
    misses is asked, and raises, every time.
    """

    def __init__(
        self,
        call: NodeCall,
        tables: list[dict[str, Any]],
        factors: list[str],
        outputs: list[str],
        schema: pl.Schema,
    ) -> None:
        self._call = call
        self._tables = tables
        self._factors = factors
        self._outputs = outputs
        self._schema = schema
        self._known: dict[Any, tuple[Any, ...]] | None = None

    def __call__(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        frame = frames[0]
        known = self._known
        if known is None:
            known = self._known = self._foreseen(frame)
        keys = self._keys(frame)
        missing = [index for index, key in enumerate(keys) if key not in known]
        if missing:
            first = {keys[index]: index for index in reversed(missing)}
            if len(known) + len(first) > REMEMBERED:
                known.clear()
                first = {key: index for index, key in enumerate(keys)}
            asked = self._call([frame[list(first.values())]]).select(self._outputs)
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

    def _foreseen(self, frame: pl.DataFrame) -> dict[Any, tuple[Any, ...]]:
        """The answers for every combination the tables list. Nothing, where that is too many or cannot be asked together."""
        combinations = _combinations(self._tables, self._factors)
        if not combinations or frame.is_empty():
            return {}
        try:
            listed = pl.DataFrame(
                [
                    pl.Series(name, [row.get(name) for row in combinations], strict=False)
                    .cast(pl.String)
                    .cast(frame.schema[name], strict=False)
                    for name in self._factors
                ]
            )
            if any(column.null_count() for column in listed):
                listed = listed.drop_nulls()
            sample = frame[[0] * listed.height]
            asked = sample.with_columns(listed.get_columns())
            answers = self._call([asked]).select(self._outputs)
        except Exception:
            # Only a head start: what it would have found is asked for when a quote needs it.
            return {}
        return dict(zip(self._keys(asked), answers.iter_rows(), strict=True))


def _combinations(tables: list[dict[str, Any]], factors: list[str]) -> list[dict[str, Any]]:
    """Rows of factor values such that every table lists the values of its own factors."""
    rows: list[dict[str, Any]] = [{}]
    for table in tables:
        own = [name for name in table.get("factors") or [] if name in factors]
        entries = list({_text(entry, own): entry for entry in table.get("entries") or []}.values())
        if not own or not entries:
            continue
        if len(rows) * len(entries) > FORESEEN * 50:
            return []
        rows = [
            {**row, **{name: entry.get(name) for name in own}}
            for row in rows
            for entry in entries
            if all(name not in row or str(row[name]) == str(entry.get(name)) for name in own)
        ]
        if len(rows) > FORESEEN:
            return []
    return rows


def _text(entry: dict[str, Any], names: list[str]) -> tuple[str, ...]:
    return tuple(str(entry.get(name)) for name in names)


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
    added = [name for name in after if name not in before]
    computed = [name for name in after if name in outputs]
    if not factors or list(after) != [*before, *added] or not set(added) <= set(computed):
        return None
    if any(before[name] == pl.Float32 or before[name].is_nested() for name in factors):
        return None
    if any(before[name] != after[name] for name in before if name not in computed):
        return None
    return Lookup(NodeCall(node), tables, list(dict.fromkeys(factors)), computed, after)
