"""Renders what reaches the output node as the documents Haute answers with, one list of documents per quote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from .errors import ReleaseError
from .paths import Segment, parse_path
from .quotes import OWNER, owner_number

#: The documents a quote is answered with; almost always one.
Documents = list[dict[str, Any]]

Level = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of the answer: the column it comes from and where it goes."""

    port: str
    column: str
    segments: tuple[Segment, ...]

    @property
    def level(self) -> Level:
        """The arrays around the value."""
        return tuple(name for name, is_array in self.segments if is_array)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys from the innermost array's element to the value."""
        last = max((i for i, (_, is_array) in enumerate(self.segments) if is_array), default=-1)
        return tuple(name for name, _ in self.segments[last + 1 :])


def leaves_of(mapping: list[dict[str, Any]]) -> tuple[Leaf, ...]:
    """The enabled, complete entries of an output mapping, ports together and in the order they first appear."""
    leaves = [
        Leaf(str(entry["source_port"]), entry["source_column"], parse_path(entry["output_path"]))
        for entry in mapping
        if entry.get("enabled")
        and str(entry.get("source_column") or "").strip()
        and str(entry.get("output_path") or "").strip()
    ]
    ports = list(dict.fromkeys(leaf.port for leaf in leaves))
    return tuple(leaf for port in ports for leaf in leaves if leaf.port == port)


class Answers:
    """Turns the output node's frames into documents."""

    def __init__(
        self,
        outputs: dict[str, pl.LazyFrame],
        mapping: list[dict[str, Any]] | None,
        fields: list[str] | None,
        *,
        keyed: bool,
    ) -> None:
        """`keyed`: the frames carry `OWNER`, and the answers of many quotes are told apart by it."""
        self._keyed = keyed
        self._fields = fields
        owner = [OWNER] if keyed else []
        if mapping is None:
            frame = next(iter(outputs.values()))
            names = [name for name in frame.collect_schema() if name != OWNER]
            self._leaves = tuple(Leaf("", name, ((name, False),)) for name in names)
            self._ports = [""]
            self.frames = [frame.select([*owner, *names])]
            self._merge = False
        else:
            self._leaves = leaves_of(mapping)
            self._ports = list(dict.fromkeys(leaf.port for leaf in self._leaves))
            self.frames = [
                _port_frame(outputs, port).select(
                    [*owner, *dict.fromkeys(leaf.column for leaf in self._leaves if leaf.port == port)]
                )
                for port in self._ports
            ]
            self._merge = True
        if keyed and any(OWNER not in frame.collect_schema() for frame in self.frames):
            raise ReleaseError("row_identity_lost", "the pipeline drops the column that names the quote")
        self._flat = len(self._ports) == 1 and not any(leaf.level for leaf in self._leaves)
        self._plain = self._flat and all(len(leaf.keys) == 1 for leaf in self._leaves)

    def documents(self, frames: list[pl.DataFrame], count: int) -> list[Documents]:
        """The documents of each of `count` quotes; without keys all rows belong to the one quote there is."""
        if self._flat:
            answers = self._flat_documents(frames[0], count)
        else:
            answers = self._nested_documents(frames, count)
        if self._fields is not None:
            fields = self._fields
            return [[{name: doc[name] for name in fields if name in doc} for doc in docs] for docs in answers]
        return answers

    def _flat_documents(self, frame: pl.DataFrame, count: int) -> list[Documents]:
        columns = [frame.get_column(leaf.column).to_list() for leaf in self._leaves]
        rows = list(zip(*columns, strict=True)) if columns else [()] * frame.height
        answers: list[Documents] = [[] for _ in range(count)]
        owners = self._owners(frame)
        seen: set[Any] | None = None
        if self._merge and len(rows) > 1 and len(set(owners)) < len(rows):
            seen = set()
        names = [leaf.keys[0] for leaf in self._leaves]
        for owner, row in zip(owners, rows, strict=True):
            if seen is not None:
                identity = (owner, _identity(row))
                if identity in seen:
                    continue
                seen.add(identity)
            if self._plain:
                document = dict(zip(names, row, strict=True))
            else:
                document = {}
                for leaf, value in zip(self._leaves, row, strict=True):
                    _put(document, leaf.keys, value)
            answers[owner].append(_pruned(document))
        return answers

    def _owners(self, frame: pl.DataFrame) -> list[int]:
        if not self._keyed:
            return [0] * frame.height
        return [owner_number(key) for key in frame.get_column(OWNER).to_list()]

    def _nested_documents(self, frames: list[pl.DataFrame], count: int) -> list[Documents]:
        rows: list[dict[str, list[dict[str, Any]]]] = [
            {port: [] for port in self._ports} for _ in range(count)
        ]
        for port, frame in zip(self._ports, frames, strict=True):
            for owner, row in zip(self._owners(frame), frame.iter_rows(named=True), strict=True):
                rows[owner][port].append(row)
        tree = _Tree(self._leaves)
        return [[_pruned(document) for document in tree.build(ports)] for ports in rows]


def _port_frame(outputs: dict[str, pl.LazyFrame], port: str) -> pl.LazyFrame:
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    if port not in outputs:
        raise ReleaseError("output_port_missing", f"no frame named {port!r} reaches the output node")
    return outputs[port]


class _Tree:
    """Nests rows by the arrays of their paths: children under the parents whose shared values they carry."""

    def __init__(self, leaves: tuple[Leaf, ...]) -> None:
        self._by_path: dict[tuple[Segment, ...], Leaf] = {}
        self._columns: dict[str, dict[tuple[Segment, ...], str]] = {}
        for leaf in leaves:
            self._by_path.setdefault(leaf.segments, leaf)
            self._columns.setdefault(leaf.port, {})[leaf.segments] = leaf.column
        # A port's rows are the objects of the deepest array it writes to.
        self._level_of = {
            port: max((self._by_path[path].level for path in paths), key=len)
            for port, paths in self._columns.items()
        }
        self._levels = {level[:depth] for level in self._level_of.values() for depth in range(len(level) + 1)}

    def build(self, ports: dict[str, list[dict[str, Any]]]) -> Documents:
        objects = {
            level: [
                {path: row[column] for path, column in self._columns[port].items()}
                for port in self._emitting(level)
                for row in ports[port]
            ]
            for level in self._levels
        }
        return self._objects((), {}, objects)

    def _emitting(self, level: Level) -> list[str]:
        own = [port for port, at in self._level_of.items() if at == level]
        if own:
            return own
        # No port writes here: the level consists of what its descendants say about it.
        return [port for port, at in self._level_of.items() if at[: len(level)] == level]

    def _objects(
        self,
        level: Level,
        scope: dict[tuple[Segment, ...], Any],
        rows: dict[Level, list[dict[tuple[Segment, ...], Any]]],
    ) -> Documents:
        own = [path for path, leaf in self._by_path.items() if leaf.level == level]
        groups: dict[Any, dict[tuple[Segment, ...], Any]] = {}
        for row in rows[level]:
            if all(_identity(row.get(path)) == _identity(value) for path, value in scope.items()):
                groups.setdefault(tuple(_identity(row.get(path)) for path in own), row)
        children = sorted(
            below for below in self._levels if len(below) == len(level) + 1 and below[:-1] == level
        )
        built: Documents = []
        for row in groups.values():
            document: dict[str, Any] = {}
            for path in own:
                _put(document, self._by_path[path].keys, row.get(path))
            for child in children:
                carried = {
                    path
                    for port, at in self._level_of.items()
                    if at[: len(child)] == child
                    for path in self._columns[port]
                }
                keys = {path: row.get(path) for path in own if path in carried}
                if any(value is None for value in keys.values()):
                    raise ValueError("a value that places one part of the answer under another is null")
                inner = self._objects(child, {**scope, **keys}, rows)
                if inner:
                    _put(document, (child[-1],), inner)
            built.append(document)
        return built


def _put(document: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    for key in keys[:-1]:
        inner = document.get(key)
        if not isinstance(inner, dict):
            inner = document[key] = {}
        document = inner
    document[keys[-1]] = value


def _identity(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_identity, value))
    if isinstance(value, dict):
        return tuple((key, _identity(item)) for key, item in value.items())
    return value


def _pruned(document: dict[str, Any]) -> dict[str, Any]:
    for value in document.values():
        if value is None or isinstance(value, dict | list):
            kept: dict[str, Any] = prune(document)
            return kept
    return document


def prune(value: Any) -> Any:
    """Leaves out nulls, empty objects and empty arrays, as Haute's answers do."""
    if isinstance(value, dict):
        kept = {key: prune(item) for key, item in value.items()}
        return {
            key: item
            for key, item in kept.items()
            if item is not None and not (isinstance(item, dict | list) and not item)
        }
    if isinstance(value, list):
        return [item for item in map(prune, value) if item != {} or not isinstance(item, dict)]
    return value
