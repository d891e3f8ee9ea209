"""Refuses a price that is no price: null, NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .errors import Fault

_MISSING = object()


class PriceGuard:
    """Checks documents against the release's price columns."""

    def __init__(self, price_columns: list[str], null_prices: list[str], nodes: dict[str, str]) -> None:
        """`nodes`: for each price column, the node its value comes from, where that is known."""
        self._plain = [name for name in price_columns if "." not in name and "[]" not in name]
        self._nested = [name for name in price_columns if name not in self._plain]
        self._null = frozenset(null_prices)
        self._nodes = nodes

    def fault(self, documents: list[dict[str, Any]]) -> Fault | None:
        """The first thing wrong with a quote's answer."""
        for document in documents:
            for name in self._plain:
                value = document.get(name, _MISSING)
                if type(value) is not float or not math.isfinite(value):
                    fault = self._check(name, value)
                    if fault is not None:
                        return fault
            for name in self._nested:
                for value in _values(document, name.split(".")):
                    fault = self._check(name, value)
                    if fault is not None:
                        return fault
            # Anything else that JSON has no number for.
            for name, value in document.items():
                if type(value) is float:
                    if not math.isfinite(value):
                        return self._refuse(name, value)
                elif isinstance(value, dict | list) and not _all_finite(value):
                    return self._refuse(name, math.nan)
        return None

    def _check(self, name: str, value: Any) -> Fault | None:
        if value is _MISSING or value is None:
            return None if name in self._null else self._refuse(name, None)
        if isinstance(value, float | Decimal) and not math.isfinite(value):
            return self._refuse(name, value)
        return None

    def _refuse(self, name: str, value: Any) -> Fault:
        word = "null" if value is None else "NaN" if math.isnan(value) else "infinite"
        node = self._nodes.get(name)
        where = f" (from node {node!r})" if node else ""
        return Fault("price_not_finite", f"The price column {name!r}{where} came out {word}.", 0, name)


def _values(value: Any, keys: list[str]) -> Iterator[Any]:
    if not keys:
        yield value
        return
    key, is_array = keys[0].removesuffix("[]"), keys[0].endswith("[]")
    inner = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
    if not is_array:
        if inner is _MISSING:
            yield _MISSING
        else:
            yield from _values(inner, keys[1:])
    elif isinstance(inner, list):
        for item in inner:
            yield from _values(item, keys[1:])


def _all_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
