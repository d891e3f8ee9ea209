"""Scores the same quotes in several ways and says where they differ."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Protocol

from .answers import Documents
from .compare import first_difference, same
from .quotes import Quotes

#: Made-up quotes compared one by one with `Pipeline.score`, which takes tens of milliseconds each.
VARIANTS = 48


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
    """Scores the quotes that can be scored as one frame: in order, shuffled and doubled. Each check's difference, or None."""
    fit = [index for index, result in enumerate(alone) if result.documents is not None]
    shuffled = list(fit)
    random.Random(len(fit)).shuffle(shuffled)
    doubled = [index for index in shuffled for _ in range(2)]
    orders = {
        "batch_equals_single": fit,
        "shuffled_batch_equals_single": shuffled,
        "duplicated_rows_equal_single": doubled,
    }
    return {
        check: _differs(engine, quotes, alone, names, order) for check, order in orders.items()
    }


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
    return [f"{prefix}#{index}" for index in range(len(values))]
