"""Scores the same quotes in several ways and says where they differ."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass
from typing import Any, Protocol

from .answers import Documents
from .compare import first_difference, same
from .quotes import QuoteReader, Quotes
from .variants import variants

#: Made-up quotes compared one by one with `Pipeline.score`, which takes tens of milliseconds each.
VARIANTS = 48
#: Made-up quotes scored alone and together. Polars divides a column by a literal in another way for one row than for several, which
#: shows in the last digit of about one value in two hundred: a handful of quotes does not find such a thing.
CROWD = 600
#: No more single quotes of the crowd are scored once this many seconds have gone, if there are at least as many as `VARIANTS`.
CROWD_SECONDS = 10.0
#: Frames of the sizes that requests arriving together make.
_SMALL = (2, 3, 5, 8, 13, 31)


class Documented(Protocol):
    """Anything that scores."""

    def documents(self, parts: list[Quotes]) -> list[Documents]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What scoring a quote came to: its documents, or the kind of error."""

    documents: Documents | None
    error: str | None = None

    def same_as(self, other: Outcome) -> bool:
        if self.documents is None or other.documents is None:
            return self.documents is None and other.documents is None
        return same(self.documents, other.documents)

    def difference(self, other: Outcome) -> str:
        if self.documents is None or other.documents is None:
            return f"{self.error or 'an answer'} against {other.error or 'an answer'}"
        return first_difference(self.documents, other.documents)


def outcome(engine: Documented, quote: Quotes) -> Outcome:
    """Scores one quote alone."""
    try:
        return Outcome(engine.documents([quote])[0])
    except Exception as error:
        return Outcome(None, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def together(
    engine: Documented, quotes: list[Quotes], alone: list[Outcome], names: list[str]
) -> dict[str, str | None]:
    """Scores the quotes that can be scored together with others, in several orders and sizes. Each check's difference, or None."""
    fit = [index for index, result in enumerate(alone) if result.documents is not None]
    shuffled = list(fit)
    random.Random(len(fit)).shuffle(shuffled)
    doubled = [index for index in shuffled for _ in range(2)]
    frames = {
        "batch_equals_single": [fit],
        "shuffled_batch_equals_single": [shuffled],
        "duplicated_rows_equal_single": [doubled],
        "small_batches_equal_single": _cut(doubled),
    }
    return {
        check: next(filter(None, (_differs(engine, quotes, alone, names, order) for order in orders)), None)
        for check, orders in frames.items()
    }


#: The names of the checks `together` makes.
TOGETHER = (
    "batch_equals_single",
    "shuffled_batch_equals_single",
    "duplicated_rows_equal_single",
    "small_batches_equal_single",
)


def crowd(
    engine: Documented, reader: QuoteReader, inputs: list[Any], seed: int
) -> tuple[list[Quotes], list[Outcome]]:
    """Made-up quotes, each scored alone."""
    quotes: list[Quotes] = []
    alone: list[Outcome] = []
    started = time.perf_counter()
    for values in variants(inputs, CROWD, seed):
        if len(quotes) >= VARIANTS and time.perf_counter() - started > CROWD_SECONDS:
            break
        made, faults = reader.read([values])
        if not faults:
            quotes.append(made)
            alone.append(outcome(engine, made))
    return quotes, alone


def _cut(order: list[int]) -> list[list[int]]:
    pieces: list[list[int]] = []
    sizes = itertools.cycle(_SMALL)
    start = 0
    while start < len(order):
        size = next(sizes)
        pieces.append(order[start : start + size])
        start += size
    return pieces


def _differs(
    engine: Documented,
    quotes: list[Quotes],
    alone: list[Outcome],
    names: list[str],
    order: list[int],
) -> str | None:
    if not order:
        return None
    try:
        answers = engine.documents([quotes[index] for index in order])
    except Exception as error:
        return f"the batch failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    for position, index in enumerate(order):
        batched = Outcome(answers[position])
        if not batched.same_as(alone[index]):
            return f"{names[index]} at row {position}: {batched.difference(alone[index])}"
    return None


def numbered(values: list[Any], prefix: str) -> list[str]:
    return [f"{prefix}{index}" for index in range(len(values))]
