"""The served application: `/quote`, `/health` and, unless the release turns them off, `/docs` and `/openapi.json`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .batcher import Batcher
from .columns import compile_tables
from .handler import QuoteHandler, Send
from .left_out import hide
from .manifest import Release, load_release
from .openapi import document
from .scorer import Scorer


class QuoteService(FastAPI):
    """A FastAPI application whose `/quote` bypasses FastAPI."""

    def __init__(self, release: Release) -> None:
        """Loads and warms the pipeline; takes seconds. Raises `ReleaseError`."""
        docs = bool(release.manifest.get("docs", True))
        super().__init__(
            title=release.name,
            docs_url="/docs" if docs else None,
            redoc_url=None,
            openapi_url="/openapi.json" if docs else None,
        )
        self.release = release
        #: `ok`, or `draining` once the process has been told to leave.
        self.status = "ok"
        self.requests = 0
        scorer = Scorer(release)
        scorer.warm_up()
        self.batcher = Batcher(scorer, release.limits, seconds_per_frame=_frame_seconds(scorer))
        self._quote = QuoteHandler(
            scorer.reader, self.batcher, release.limits, lambda: self.status == "draining"
        )
        self._document = document(release, scorer.reader.tables, _example(scorer))
        self._health = _health(release)
        self.add_api_route("/health", self._answer_health, methods=["GET"], include_in_schema=False)
        self.add_exception_handler(HTTPException, _refuse)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        self.requests += 1
        if scope["path"] == "/quote":
            await self._quote(scope, receive, send)
            return
        if self.status == "draining":
            send = self._closing(send)
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        return self._document

    def drain(self) -> None:
        """From now on every answer closes its connection and `/health` says so."""
        self.status = "draining"

    async def _answer_health(self) -> JSONResponse:
        return JSONResponse(
            {"status": self.status, **self._health}, status_code=200 if self.status == "ok" else 503
        )

    @staticmethod
    def _closing(send: Send) -> Send:
        async def closing(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        return closing


def create_app(root: Path) -> QuoteService:
    """The application for the release in `root`. Raises `ReleaseError` when a file is not the one that was built."""
    hide(Path(root))
    return QuoteService(load_release(Path(root)))


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "request_refused")
    words = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    headers = getattr(error, "headers", None)
    return JSONResponse(
        {"error": words.get(status, "The request was refused."), "error_code": code},
        status_code=status,
        headers=headers,
    )


def _frame_seconds(scorer: Scorer) -> float:
    for quote in scorer.release.quotes:
        quotes, faults = scorer.reader.read([quote.input])
        if not faults:
            started = time.perf_counter()
            scorer.score([quotes])
            return time.perf_counter() - started
    return 1.0


def _example(scorer: Scorer) -> list[dict[str, Any]] | None:
    for quote in scorer.release.quotes[:1]:
        quotes, faults = scorer.reader.read([quote.input])
        if not faults:
            outcome = scorer.score([quotes])[0]
            return outcome if isinstance(outcome, list) else None
    return None


def _health(release: Release) -> dict[str, Any]:
    columns = [column for table in compile_tables(release.manifest["input"]) for column in table.columns]
    scoring = release.scoring or {}
    return {
        "model": release.name,
        "version": release.haute,
        "release": release.digest,
        "digest": release.digest,
        "commit": os.environ.get("HAUTE_SERVE_COMMIT") or None,
        "nodes_deployed": len(release.manifest["pipeline"].get("nodes") or []),
        "input_schema": {column.name: column.kind for column in columns},
        "output_schema": {column["name"]: column["dtype"] for column in scoring.get("output_columns") or []},
    }
