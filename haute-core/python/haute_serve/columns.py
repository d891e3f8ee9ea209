"""The declared columns of the live input, compiled from the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from .errors import ReleaseError
from .paths import ELEMENT, Segment, array_level, parse_path
from .values import DTYPES


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an input table and the field of the quote it is read from."""

    name: str
    kind: str
    dtype: Any
    nullable: bool
    widen: bool
    #: How many arrays deep the field lives; less than the table's own depth for a field of an enclosing element.
    depth: int
    #: Keys from the element at that depth to the field; empty when the element itself is the value.
    keys: tuple[str, ...]

    @property
    def field(self) -> str:
        return ".".join(self.keys) or ELEMENT


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the live input: a row per quote, or per element of a nested array."""

    label: str
    #: For each array on the way: the keys of the objects before it and its own key.
    arrays: tuple[tuple[str, ...], ...]
    #: The nested array may be absent or null, and is then empty.
    optional: bool
    columns: tuple[Column, ...]

    @property
    def schema(self) -> dict[str, Any]:
        return {column.name: column.dtype for column in self.columns}


def compile_tables(source: dict[str, Any]) -> tuple[Table, ...]:
    """The connected tables of `manifest.input`; a flat input is one table without a label."""
    mode = source.get("mode")
    if mode == "flat":
        columns = tuple(
            _column(spec, 0, (spec["name"],)) for spec in source["columns"] if spec.get("selected", True)
        )
        return (Table("", (), False, columns),)
    if mode != "tables":
        raise ReleaseError("manifest_invalid", f"input mode {mode!r} is unknown")
    ports = source.get("ports") or []
    tables = tuple(
        _table(spec)
        for spec in source["tables"]
        if spec.get("emit", False) and (not ports or spec["label"] in ports)
    )
    missing = set(ports) - {table.label for table in tables}
    if missing or not tables:
        raise ReleaseError("manifest_invalid", f"input tables {sorted(missing)} are not declared")
    return tables


def _table(spec: dict[str, Any]) -> Table:
    segments = parse_path(spec["path"])
    arrays: list[tuple[str, ...]] = []
    keys: list[str] = []
    for name, is_array in segments:
        keys.append(name)
        if is_array:
            arrays.append(tuple(keys))
            keys = []
    columns = tuple(
        _located(column, segments, spec["label"])
        for column in spec["columns"]
        # Haute leaves out a column that does not say it is selected.
        if column.get("selected", False)
    )
    return Table(spec["label"], tuple(arrays), bool(spec.get("optional", False)), columns)


def _located(spec: dict[str, Any], table: tuple[Segment, ...], label: str) -> Column:
    segments = parse_path(spec["path"])
    level = array_level(segments)
    if level != table[: len(level)]:
        raise ReleaseError("manifest_invalid", f"column {spec['name']!r} does not lie under table {label!r}")
    keys = tuple(name for name, _ in segments[len(level) :])
    return _column(spec, sum(is_array for _, is_array in level), () if keys == (ELEMENT,) else keys)


def _column(spec: dict[str, Any], depth: int, keys: tuple[str, ...]) -> Column:
    kind = spec["type"]
    dtype: Any = DTYPES.get(kind)
    if dtype is None:
        raise ReleaseError("manifest_invalid", f"column type {kind!r} is unknown")
    named = spec.get("dtype")
    if named is not None:
        dtype = getattr(pl, str(named), None)
        if not (isinstance(dtype, type) and issubclass(dtype, pl.DataType)):
            raise ReleaseError("manifest_invalid", f"dtype {named!r} is unknown")
    return Column(
        name=spec["name"],
        kind=kind,
        dtype=dtype,
        nullable=bool(spec.get("nullable", False)),
        widen=bool(spec.get("widen", False)),
        depth=depth,
        keys=keys,
    )
