"""Reads off the test quotes which declared fields may be absent, null, or of another kind than declared."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from .columns import Column, Table
from .quotes import QuoteReader


def relaxed(
    tables: tuple[Table, ...], inputs: list[Any]
) -> tuple[tuple[Table, ...], list[dict[str, str]], list[dict[str, str]]]:
    """The tables as the test quotes use them, and the columns that were relaxed: nullable ones and widened ones.

    A relaxed array has the column name `""`.
    """
    found: list[Table] = []
    nullable: list[dict[str, str]] = []
    widened: list[dict[str, str]] = []
    for table in tables:
        codes = _codes(table, inputs)
        arrays = {".".join(keys) for keys in table.arrays}
        optional = table.optional or bool(codes.get("array"))
        if optional and not table.optional:
            nullable.append({"table": table.label, "column": ""})
        columns: list[Column] = []
        for column in table.columns:
            seen = codes.get(column.field, set()) if column.field not in arrays else set()
            if seen & {"missing_field", "null_field"} and not column.nullable:
                column = replace(column, nullable=True)
                nullable.append({"table": table.label, "column": column.name})
            if "wrong_type" in seen and column.kind == "str" and not column.widen:
                column = replace(column, widen=True)
                widened.append({"table": table.label, "column": column.name})
            columns.append(column)
        found.append(replace(table, optional=optional, columns=tuple(columns)))
    return tuple(found), nullable, widened


def marked(
    source: dict[str, Any], nullable: list[dict[str, str]], widened: list[dict[str, str]]
) -> dict[str, Any]:
    """`manifest.input` with these columns marked, as the builder marks them."""
    source = copy.deepcopy(source)
    for key, places in (("nullable", nullable), ("widen", widened)):
        for place in places:
            tables = [table for table in source.get("tables") or [] if table["label"] == place["table"]]
            for table in tables or [source]:
                if not place["column"]:
                    table["optional"] = True
                for column in table["columns"]:
                    if column["name"] == place["column"]:
                        column[key] = True
    return source


def _codes(table: Table, inputs: list[Any]) -> dict[str, set[str]]:
    codes: dict[str, set[str]] = {}
    _, faults = QuoteReader((table,)).read(inputs)
    fields = {column.field for column in table.columns}
    for fault in faults:
        field = _element_field(fault.field or "", table)
        if field in fields:
            codes.setdefault(field, set()).add(fault.code)
        elif fault.code in ("missing_field", "null_field"):
            codes.setdefault("array", set()).add(fault.code)
    return codes


def _element_field(field: str, table: Table) -> str:
    """The field within its element: `drivers[2].age` is `age`."""
    last = field.rfind("]")
    if last < 0:
        return field
    return field[last + 1 :].removeprefix(".") or "$value"
