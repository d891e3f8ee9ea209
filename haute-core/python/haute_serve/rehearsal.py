"""Serves a draft for a moment, over a real socket, so that everything serving imports has been imported."""

from __future__ import annotations

import asyncio
import http.client

import orjson

from .app import QuoteService
from .manifest import Release
from .server import Server, listen

#: Longer than any of the answers takes that a draft is asked for, in seconds.
_PATIENCE = 60.0


def rehearse(release: Release) -> None:
    """Asks for everything the service offers. Raises what keeps it from serving."""
    private = listen("127.0.0.1", 0)
    app = QuoteService(release)
    server = Server(app, private, None)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_served(server, app, private.getsockname()[1]))


async def _served(server: Server, app: QuoteService, port: int) -> None:
    serving = asyncio.ensure_future(server.serve())
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        await asyncio.to_thread(_ask, app.release, port)
    finally:
        server.should_exit = True
        await serving
        app.batcher.close()


def _ask(release: Release, port: int) -> None:
    quotes = [quote.input for quote in release.quotes]
    asked: list[tuple[str, str, bytes | None]] = [
        *(("GET", path, None) for path in ("/health", "/docs", "/openapi.json", "/nowhere")),
        *(("POST", "/quote", orjson.dumps(body)) for body in (*quotes[:1], quotes, [], "wrong")),
    ]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        for method, path, body in asked:
            connection.request(method, path, body)
            connection.getresponse().read()
    finally:
        connection.close()
