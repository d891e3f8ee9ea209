"""Takes one JSON value as a declared type, without ever changing it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from typing import Any

import polars as pl

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1

#: What Haute makes of each declared type (`tables[].columns[].type` of a quote-input sidecar).
DTYPES: dict[str, type[pl.DataType]] = {
    "int": pl.Int64,
    "float": pl.Float64,
    "str": pl.String,
    "bool": pl.Boolean,
    "date": pl.Date,
}

#: Python types whose values a column takes as they are; anything else goes through `take`.
AS_IS: dict[str, frozenset[type]] = {
    "int": frozenset({int}),
    "float": frozenset({float}),
    "str": frozenset({str}),
    "bool": frozenset({bool}),
    "date": frozenset(),
}

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "date": 'a date written "YYYY-MM-DD"',
}


class ValueFault(Exception):
    """The value is not of the declared type; carries a stable code and a sentence without the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _wrong(kind: str, value: Any) -> ValueFault:
    return ValueFault("wrong_type", f"must be {_WORDS[kind]}, not {describe(value)}")


def describe(value: Any) -> str:
    """The JSON kind of a value, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a fractional number"
    if isinstance(value, str):
        return "text"
    return "an array" if isinstance(value, list) else "an object"


def _take_int(value: Any) -> int:
    if type(value) is int:
        if INT64_MIN <= value <= INT64_MAX:
            return value
        raise ValueFault("number_out_of_range", "must fit in 64 bits")
    if type(value) is float and (value >= 2.0**63 or value < -(2.0**63)):
        raise ValueFault("number_out_of_range", "must fit in 64 bits")
    raise _wrong("int", value)


def _take_float(value: Any) -> float:
    if type(value) is float:
        if math.isfinite(value):
            return value
        raise ValueFault("number_not_finite", "must be a finite number")
    if type(value) is int:
        taken = float(value)
        if int(taken) == value:
            return taken
        raise ValueFault("number_not_exact", "is a whole number a 64-bit float cannot hold")
    raise _wrong("float", value)


def _take_str(value: Any) -> str:
    if type(value) is str:
        return value
    raise _wrong("str", value)


def _take_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _wrong("bool", value)


def _take_date(value: Any) -> datetime.date:
    if type(value) is not str:
        raise _wrong("date", value)
    try:
        taken = datetime.date.fromisoformat(value)
    except ValueError:
        raise ValueFault("invalid_date", f"must be {_WORDS['date']}") from None
    # Python also reads week dates and dates without hyphens.
    if taken.isoformat() != value:
        raise ValueFault("invalid_date", f"must be {_WORDS['date']}")
    return taken


def widen_to_text(value: Any) -> Any:
    """The text Haute makes of a number or boolean in a `str` column; other values unchanged."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value


TAKE: dict[str, Callable[[Any], Any]] = {
    "int": _take_int,
    "float": _take_float,
    "str": _take_str,
    "bool": _take_bool,
    "date": _take_date,
}
