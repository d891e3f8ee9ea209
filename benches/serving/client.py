"""A small HTTP/1.1 load client on raw asyncio streams of bytes: cheap enough to share two cores with the server it drives."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field


@dataclass
class Run:
    """What one run of the client saw. Times in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        return self.count / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def request(path: str, body: bytes | None = None) -> bytes:
    """The bytes of one request; a body makes it a POST."""
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nhost: bench\r\n"
    if body is not None:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


class _Connection(asyncio.Protocol):
    """One keep-alive connection that sends the next request as soon as it has an answer."""

    def __init__(self, requests: list[bytes], first: int, until: float, least: int, run: Run) -> None:
        self._requests = itertools.cycle(requests[first:] + requests[:first])
        self._until = until
        self._least = least
        self._run = run
        self._buffer = bytearray()
        self._sent = 0.0
        self._answered = 0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(buffer[:end]).lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0])
        if len(buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        if b" 200 " in head[:20]:
            self._run.latencies.append(now - self._sent)
        else:
            self._run.failures += 1
        buffer.clear()
        self._answered += 1
        if now >= self._until and self._answered >= self._least:
            assert self._transport is not None
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def drive(port: int, requests: list[bytes], *, clients: int, seconds: float, least: int = 1) -> Run:
    """Sends `requests` round and round over `clients` connections for `seconds`, and at least `least` on each."""
    run = Run()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    connections: list[_Connection] = []
    for number in range(clients):
        connection = _Connection(requests, number * 7 % len(requests), started + seconds, least, run)
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", port)
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    run.seconds = time.perf_counter() - started
    return run
