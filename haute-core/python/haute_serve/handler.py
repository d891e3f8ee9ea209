"""Answers `POST /quote`: reads, refuses, scores, renders. Plain ASGI, because it is called thousands of times a second."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from .answers import Documents
from .batcher import Batcher
from .body import parse_body
from .errors import Fault, Refusal
from .manifest import Limits
from .quotes import QuoteReader
from .values import describe

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_NDJSON = (b"content-type", b"application/x-ndjson")
_CLOSE = (b"connection", b"close")


class Disconnected(Exception):
    """The caller went away before its request was complete."""


class QuoteHandler:
    """The ASGI application behind `/quote`."""

    def __init__(
        self, reader: QuoteReader, batcher: Batcher, limits: Limits, draining: Callable[[], bool]
    ) -> None:
        self._reader = reader
        self._batcher = batcher
        self._limits = limits
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        close = False
        headers: list[tuple[bytes, bytes]] = []
        try:
            if scope["method"] != "POST":
                headers.append((b"allow", b"POST"))
                raise Refusal(405, "method_not_allowed", "Send quotes with POST.")
            body, ndjson = await self._read(scope["headers"], receive)
            status, content, kind = await self._quote(body, ndjson, started)
        except Refusal as refusal:
            status, content, kind = refusal.status, _json(refusal.body), _JSON
            if refusal.retry_after is not None:
                headers.append((b"retry-after", str(refusal.retry_after).encode()))
            # What is left of a body that was not read to its end cannot be told from the next request.
            close = refusal.status in (408, 413, 415)
        except Disconnected:
            return
        except Exception as error:
            print("".join(traceback.format_exception(error)), file=sys.stderr, flush=True)
            failure = Refusal(500, "internal_error", "The service failed; the failure is in its log.")
            status, content, kind = failure.status, _json(failure.body), _JSON
        headers += [kind, (b"content-length", str(len(content)).encode())]
        if close or self._draining():
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _read(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> tuple[bytes, bool]:
        ndjson = False
        limit = self._limits.body_bytes
        for name, value in headers:
            if name == b"content-length":
                if value.isdigit() and int(value) > limit:
                    raise _too_large(limit, "content_length_exceeds_limit")
            elif name == b"accept":
                accepted = value.lower()
                ndjson = ndjson or b"application/x-ndjson" in accepted or b"application/ndjson" in accepted
            elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                raise Refusal(415, "unsupported_content_encoding", "Send the body without Content-Encoding.")
        try:
            async with asyncio.timeout(self._limits.deadline_seconds):
                return await _body(receive, limit), ndjson
        except TimeoutError:
            raise Refusal(
                408, "request_timeout", "The body did not arrive within the time allowed."
            ) from None

    async def _quote(
        self, body: bytes, ndjson: bool, started: float
    ) -> tuple[int, bytes, tuple[bytes, bytes]]:
        value = parse_body(body, depth_limit=self._limits.depth)
        batch = type(value) is list
        if batch:
            if not value:
                raise Refusal(422, "no_quotes", "The array holds no quotes.")
            if len(value) > self._limits.rows:
                raise Refusal(
                    413,
                    "too_many_rows",
                    f"The array holds {len(value)} quotes; at most {self._limits.rows} are taken at once.",
                    limit=self._limits.rows,
                )
        elif type(value) is not dict:
            raise Refusal(
                400,
                "not_an_object",
                f"Expected a JSON object or array of objects, not {describe(value)}.",
            )
        quotes, faults = self._reader.read(value if batch else [value])
        if faults:
            raise Refusal.of_faults(faults, batch=batch)
        outcomes = await self._batcher.score(quotes)
        refused = [outcome.at_row(row) for row, outcome in enumerate(outcomes) if isinstance(outcome, Fault)]
        if refused:
            raise Refusal.of_faults(refused, batch=batch)
        rows: Documents = [
            document for outcome in outcomes if not isinstance(outcome, Fault) for document in outcome
        ]
        if ndjson:
            lines = [orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE) for row in rows]
            return 200, b"".join(lines), _NDJSON
        envelope = {
            "rows": rows,
            "row_count": len(rows),
            "returned_rows": len(rows),
            "truncated": False,
            "limit": max(self._limits.rows, len(rows)),
            "execution_metrics": {
                "status": "completed",
                "duration_ms": round((time.perf_counter() - started) * 1000, 3),
            },
        }
        return 200, _json(envelope), _JSON


async def _body(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        parts = [body]
        size = len(body)
        while message.get("more_body", False):
            if size > limit:
                break
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part = message.get("body", b"")
            size += len(part)
            parts.append(part)
        body = b"".join(parts)
    if len(body) > limit:
        raise _too_large(limit, "stream_exceeds_limit")
    return body


def _too_large(limit: int, reason: str) -> Refusal:
    return Refusal(
        413,
        "request_body_too_large",
        f"The body is larger than the {limit} bytes this service takes.",
        limit_bytes=limit,
        reason=reason,
    )


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=str)
