"""Reads a request body as JSON, strictly: what orjson accepts, without duplicate keys and not too deep."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from .errors import Refusal

_KEY_END = re.compile(rb'"[ \t\r\n]*:')
_CONTAINERS = (dict, list)


def parse_body(body: bytes, *, depth_limit: int) -> Any:
    """The JSON value of `body`, or a `Refusal` that says what is wrong and where."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _explain(body, error, depth_limit) from None
    keys = _count_keys(value, depth_limit)
    # Every key ends in a quote and a colon, so when no more of those are in the text than keys came out, none was repeated.
    # Text values can look like key ends; the slow reader then decides.
    if len(_KEY_END.findall(body)) != keys:
        _refuse_duplicates(body)
    return value


def _count_keys(value: Any, depth_limit: int) -> int:
    if not isinstance(value, _CONTAINERS):
        return 0
    keys = 0
    depth = 1
    level: list[Any] = [value]
    while level:
        if depth > depth_limit:
            raise _too_deep(depth_limit)
        below: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                keys += len(container)
                for item in container.values():
                    if isinstance(item, _CONTAINERS):
                        below.append(item)
            else:
                for item in container:
                    if isinstance(item, _CONTAINERS):
                        below.append(item)
        level = below
        depth += 1
    return keys


def _too_deep(depth_limit: int) -> Refusal:
    return Refusal(
        422,
        "too_deep",
        f"The JSON is nested more than {depth_limit} levels deep.",
        limit=depth_limit,
    )


def _refuse_duplicates(body: bytes) -> None:
    def pairs(items: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                raise Refusal(
                    422,
                    "duplicate_key",
                    f"The key {key!r} appears twice in one object.",
                    field=key,
                )
            seen.add(key)

    json.loads(body, object_pairs_hook=pairs)


class _NotFinite(Exception):
    pass


def _explain(body: bytes, error: orjson.JSONDecodeError, depth_limit: int) -> Refusal:
    if not body.strip():
        return Refusal(422, "invalid_json", "The body is empty; send a JSON object or array.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as bad:
        return Refusal(422, "invalid_utf8", f"The body is not UTF-8 at byte {bad.start}.", byte=bad.start)
    if "depth limit" in error.msg:
        return _too_deep(depth_limit)
    if "infinity" in error.msg or _has_non_finite_literal(text):
        return Refusal(
            422,
            "number_not_finite",
            f"A number at line {error.lineno}, column {error.colno} is not finite.",
            line=error.lineno,
            column=error.colno,
        )
    return Refusal(
        422,
        "invalid_json",
        f"The body is not JSON at line {error.lineno}, column {error.colno}: {error.msg}.",
        line=error.lineno,
        column=error.colno,
    )


def _has_non_finite_literal(text: str) -> bool:
    def refuse(_literal: str) -> None:
        raise _NotFinite

    try:
        json.loads(text, parse_constant=refuse)
    except _NotFinite:
        return True
    except (ValueError, RecursionError):
        return False
    return False
