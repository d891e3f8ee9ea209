"""Reads quotes into the tables the pipeline's live input declares, refusing what a pipeline would price in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from .columns import Column, Table
from .errors import Fault
from .values import AS_IS, INT64_MAX, INT64_MIN, TAKE, ValueFault, describe, widen_to_text

#: Carries the number of the quote a row belongs to. Binary, because nothing a pricing pipeline selects by type is.
OWNER = "__haute_serve_quote__"

_ABSENT = object()


@dataclass(slots=True)
class Rows:
    """The rows of one table: a list per column, and the quote each row came from."""

    columns: list[list[Any]]
    owners: list[int]


@dataclass(slots=True)
class Quotes:
    """Quotes that are fit to be scored."""

    count: int
    tables: list[Rows]

    def each(self) -> list[Quotes]:
        """The same quotes, one by one."""
        if self.count == 1:
            return [self]
        singles = [
            Quotes(1, [Rows([[] for _ in rows.columns], []) for rows in self.tables])
            for _ in range(self.count)
        ]
        for index, rows in enumerate(self.tables):
            for position, owner in enumerate(rows.owners):
                single = singles[owner].tables[index]
                single.owners.append(0)
                for column, values in zip(single.columns, rows.columns, strict=True):
                    column.append(values[position])
        return singles


class QuoteReader:
    """Reads quotes for a fixed set of tables."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self.tables = tables
        self._owner_keys: list[bytes] = []

    def read(self, quotes: list[Any]) -> tuple[Quotes, list[Fault]]:
        """The rows of `quotes` and every fault found; the rows are only fit for use when there is no fault."""
        faults: list[Fault] = []
        for row, quote in enumerate(quotes):
            if type(quote) is not dict:
                faults.append(
                    Fault(
                        "not_an_object",
                        f"A quote must be a JSON object, not {describe(quote)}.",
                        row,
                    )
                )
        if faults:
            return Quotes(0, []), faults
        tables = [
            self._read_flat(table, quotes, faults)
            if not table.arrays
            else self._read_nested(table, quotes, faults)
            for table in self.tables
        ]
        if len(tables) > 1 and faults:
            # A field that feeds several tables is one fault.
            faults = list(dict.fromkeys(faults))
        faults.sort(key=lambda fault: fault.row)
        return Quotes(len(quotes), tables), faults

    def _read_flat(self, table: Table, quotes: list[Any], faults: list[Fault]) -> Rows:
        columns: list[list[Any]] = []
        for column in table.columns:
            keys = column.keys
            if len(keys) == 1:
                key = keys[0]
                values = [quote.get(key, _ABSENT) for quote in quotes]
            else:
                values = [_dig(quote, keys) for quote in quotes]
            if not _is_fit(column, values):
                values = _take_all(column, values, faults)
            columns.append(values)
        return Rows(columns, list(range(len(quotes))))

    def _read_nested(self, table: Table, quotes: list[Any], faults: list[Fault]) -> Rows:
        rows = Rows([[] for _ in table.columns], [])
        for number, quote in enumerate(quotes):
            for elements, places in _walk(table, quote, number, faults):
                for index, column in enumerate(table.columns):
                    value = _dig(elements[column.depth], column.keys)
                    try:
                        value = _take(column, value)
                    except ValueFault as fault:
                        place = places[column.depth]
                        field = ".".join(part for part in (place, ".".join(column.keys)) if part)
                        faults.append(_fault(fault, field, number))
                        value = None
                    rows.columns[index].append(value)
                rows.owners.append(number)
        return rows

    def frames(self, parts: list[Quotes], *, keyed: bool) -> dict[str, pl.DataFrame]:
        """One frame per table over all `parts`; `keyed` adds `OWNER`, quotes numbered through from 0."""
        total = sum(part.count for part in parts)
        keys = self._owner_keys
        while len(keys) < total:
            keys.append(len(keys).to_bytes(4, "big"))
        frames: dict[str, pl.DataFrame] = {}
        for index, table in enumerate(self.tables):
            if len(parts) == 1:
                rows = parts[0].tables[index]
                columns, owners = rows.columns, rows.owners
            else:
                columns = [[] for _ in table.columns]
                owners = []
                first = 0
                for part in parts:
                    rows = part.tables[index]
                    for whole, piece in zip(columns, rows.columns, strict=True):
                        whole.extend(piece)
                    owners.extend(owner + first for owner in rows.owners)
                    first += part.count
            schema = table.schema
            data = dict(zip(schema, columns, strict=True))
            if keyed:
                schema[OWNER] = pl.Binary
                data[OWNER] = [keys[owner] for owner in owners]
            frames[table.label] = pl.DataFrame(data, schema=schema, strict=True)
        return frames


def owner_number(key: bytes) -> int:
    """The quote number an `OWNER` value stands for."""
    return int.from_bytes(key, "big")


def _dig(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if type(value) is not dict:
            return _ABSENT
        value = value.get(key, _ABSENT)
    return value


def _is_fit(column: Column, values: list[Any]) -> bool:
    if not AS_IS[column.kind].issuperset(map(type, values)):
        return False
    return column.kind != "int" or (min(values) >= INT64_MIN and max(values) <= INT64_MAX)


def _take(column: Column, value: Any) -> Any:
    if value is _ABSENT:
        if column.nullable:
            return None
        raise ValueFault("missing_field", "is missing")
    if value is None:
        if column.nullable:
            return None
        raise ValueFault("null_field", "must not be null")
    if column.widen:
        value = widen_to_text(value)
    return TAKE[column.kind](value)


def _take_all(column: Column, values: list[Any], faults: list[Fault]) -> list[Any]:
    taken: list[Any] = []
    for row, value in enumerate(values):
        try:
            taken.append(_take(column, value))
        except ValueFault as fault:
            faults.append(_fault(fault, column.field, row))
            taken.append(None)
    return taken


def _fault(fault: ValueFault, field: str, row: int) -> Fault:
    return Fault(fault.code, f"Field {field!r} {fault.message}.", row, field)


def _walk(
    table: Table, quote: dict[str, Any], number: int, faults: list[Fault]
) -> list[tuple[tuple[Any, ...], tuple[str, ...]]]:
    """Every element of the table's array in this quote, with the elements around it and where each stands."""
    level: list[tuple[tuple[Any, ...], tuple[str, ...]]] = [((quote,), ("",))]
    last = len(table.arrays) - 1
    scalar = any(not column.keys for column in table.columns)
    for depth, keys in enumerate(table.arrays):
        below: list[tuple[tuple[Any, ...], tuple[str, ...]]] = []
        for elements, places in level:
            place = ".".join(part for part in (places[-1], ".".join(keys)) if part)
            array = _dig(elements[-1], keys)
            if array is None or array is _ABSENT:
                if not table.optional:
                    code = "missing_field" if array is _ABSENT else "null_field"
                    words = "is missing" if array is _ABSENT else "must not be null"
                    faults.append(Fault(code, f"Field {place!r} {words}.", number, place))
                continue
            if type(array) is not list:
                faults.append(
                    Fault(
                        "wrong_type",
                        f"Field {place!r} must be an array, not {describe(array)}.",
                        number,
                        place,
                    )
                )
                continue
            for index, element in enumerate(array):
                here = f"{place}[{index}]"
                wants_object = not (scalar and depth == last)
                if wants_object and type(element) is not dict:
                    faults.append(
                        Fault(
                            "wrong_type",
                            f"Field {here!r} must be an object, not {describe(element)}.",
                            number,
                            here,
                        )
                    )
                    continue
                below.append(((*elements, element), (*places, here)))
        level = below
    return level
