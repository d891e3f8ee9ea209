"""Prices quotes read from stdin, a line of JSON each way: the process behind `model.Model`."""

from __future__ import annotations

import argparse
import os
from typing import Any, BinaryIO

import orjson

from .body import parse_body
from .errors import Fault, Refusal
from .manifest import load_release
from .scorer import Scorer


def price(options: argparse.Namespace, answer: BinaryIO) -> int:
    """Serves until stdin ends. Raises `ReleaseError` when the release cannot be loaded."""
    requests = os.fdopen(os.dup(0), "rb")
    # What the pipeline reads from stdin must not be a quote.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    release = load_release(options.release)
    scorer = Scorer(release)
    scorer.warm_up()
    _write(answer, {"event": "ready", "name": release.name, "release": release.digest})
    for line in requests:
        try:
            outcome: dict[str, Any] = {"rows": _price(scorer, line)}
        except Refusal as refusal:
            outcome = refusal.body
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}", "error_code": "internal_error"}
        _write(answer, outcome)
    return 0


def _price(scorer: Scorer, line: bytes) -> list[dict[str, Any]]:
    limits = scorer.release.limits
    # One level more than a quote may have: the array around them.
    quotes = parse_body(line, depth_limit=limits.depth + 1)
    if not quotes:
        raise Refusal(422, "no_quotes", "There are no quotes.")
    if len(quotes) > limits.rows:
        message = f"There are {len(quotes)} quotes; at most {limits.rows} are taken at once."
        raise Refusal(413, "too_many_rows", message, limit=limits.rows)
    batch = len(quotes) > 1
    read, faults = scorer.reader.read(quotes)
    if faults:
        raise Refusal.of_faults(faults, batch=batch)
    outcomes = scorer.score([read])
    refused = [outcome.at_row(row) for row, outcome in enumerate(outcomes) if isinstance(outcome, Fault)]
    if refused:
        raise Refusal.of_faults(refused, batch=batch)
    return [document for outcome in outcomes if not isinstance(outcome, Fault) for document in outcome]


def _write(answer: BinaryIO, value: dict[str, Any]) -> None:
    answer.write(orjson.dumps(value, default=str, option=orjson.OPT_APPEND_NEWLINE))
    answer.flush()
