"""Compares answers bit for bit, and prices with what a golden quote expects."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any


def same(left: Any, right: Any) -> bool:
    """Whether two answers are the same to the last bit; 1 and 1.0 differ, NaN equals itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def first_difference(left: Any, right: Any, place: str = "answer") -> str:
    """Where two answers differ, in words."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            if key not in left or key not in right:
                return f"{place}.{key} is only in {'one' if key in left else 'the other'}"
            if not same(left[key], right[key]):
                return first_difference(left[key], right[key], f"{place}.{key}")
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return f"{place} has {len(left)} entries against {len(right)}"
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            if not same(one, other):
                return first_difference(one, other, f"{place}[{index}]")
    return f"{place}: {left!r} against {right!r}"


def meets(actual: Any, expected: Any, tolerance: float) -> bool:
    """Haute's rule: numbers within `tolerance` (a fraction of the expected value) in decimal arithmetic, booleans strictly, others equal."""
    if _is_number(actual) and _is_number(expected):
        off = abs(Decimal(str(actual)) - Decimal(str(expected)))
        return bool(off <= abs(Decimal(str(expected))) * Decimal(str(tolerance)))
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    return bool(actual == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
