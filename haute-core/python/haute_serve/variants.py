"""Makes more quotes out of the test quotes, the same ones every time, to compare ways of scoring on."""

from __future__ import annotations

import copy
import datetime
import random
from collections.abc import Iterator
from typing import Any

#: A place in a quote: keys and array indexes.
Place = tuple[str | int, ...]


def variants(inputs: list[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` quotes that mix and shift the values of `inputs`."""
    if not inputs:
        return []
    chance = random.Random(seed)
    pool: dict[Place, list[Any]] = {}
    for quote in inputs:
        for place, value in _leaves(quote):
            pool.setdefault(_kind(place), []).append(value)
    made: list[dict[str, Any]] = []
    for index in range(count):
        quote = copy.deepcopy(inputs[index % len(inputs)])
        for place, value in list(_leaves(quote)):
            if chance.random() < 0.5:
                _set(quote, place, _changed(value, pool[_kind(place)], chance))
        made.append(quote)
    return made


def _kind(place: Place) -> Place:
    return tuple("[]" if isinstance(part, int) else part for part in place)


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _leaves(value[key], (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*place, index))
    else:
        yield place, value


def _set(quote: Any, place: Place, value: Any) -> None:
    for part in place[:-1]:
        quote = quote[part]
    quote[place[-1]] = value


def _changed(value: Any, seen: list[Any], chance: random.Random) -> Any:
    if chance.random() < 0.5:
        return chance.choice(seen)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.randint(-3, 3) if value > 3 else value + chance.randint(0, 3)
    if isinstance(value, float):
        return value * chance.uniform(0.7, 1.4)
    if isinstance(value, str):
        try:
            moved = datetime.date.fromisoformat(value) + datetime.timedelta(chance.randint(-400, 400))
        except (ValueError, OverflowError):
            return chance.choice(seen)
        return moved.isoformat()
    return value
