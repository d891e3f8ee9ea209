"""A release server that speaks the contract of the runtime package, with prices made up: for tests of the supervisor.

What it does is in `behaviour.json` of its release: `premium`, `crash` (text written before it exits at start), `say`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any


class Server:
    def __init__(self, release: Path) -> None:
        self.digest = "sha256:" + hashlib.sha256((release / "manifest.json").read_bytes()).hexdigest()
        self.behaviour = json.loads((release / "behaviour.json").read_text())
        self.draining = False
        self.connections: set[asyncio.StreamWriter] = set()
        self.servers: list[asyncio.Server] = []

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while await self.request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        path = path.partition("?")[0]
        length = 0
        for line in head.split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = await reader.readexactly(length)
        status, answer = self.answer(method, path, body)
        content = json.dumps(answer).encode()
        close = self.draining
        writer.write(
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n".encode()
            + (b"connection: close\r\n" if close else b"")
            + b"\r\n"
            + content
        )
        await writer.drain()
        return not close

    def answer(self, method: str, path: str, body: bytes) -> tuple[str, Any]:
        if path == "/health":
            return "200 OK", {"status": "ok", "model": "fake", "release": self.digest}
        if path == "/die":
            os._exit(7)
        if path != "/quote":
            return "404 Not Found", {"error": "There is nothing here.", "error_code": "not_found"}
        quotes = json.loads(body)
        rows = quotes if isinstance(quotes, list) else [quotes]
        return "200 OK", {"rows": [{"premium": self.behaviour["premium"], "IDpol": row["IDpol"]} for row in rows]}


async def serve(options: argparse.Namespace) -> None:
    server = Server(options.release)
    if "crash" in server.behaviour:
        print(server.behaviour["crash"], flush=True)
        sys.exit(3)
    control = socket.socket(fileno=options.control_fd)
    shared = socket.socket(fileno=options.listen_fd)
    private = await asyncio.start_server(server.connection, options.host, options.port)
    server.servers.append(private)
    reader, writer = await asyncio.open_connection(sock=control)

    def say(event: dict[str, Any]) -> None:
        writer.write(json.dumps(event).encode() + b"\n")

    port = private.sockets[0].getsockname()[1]
    say({"event": "ready", "host": options.host, "port": port, "pid": os.getpid(), "digest": server.digest})
    seconds = 3.0
    while line := await reader.readline():
        command = json.loads(line)
        if command["op"] == "open":
            server.servers.append(await asyncio.start_server(server.connection, sock=shared))
            say({"event": "opened"})
        elif command["op"] == "drain":
            seconds = command["seconds"]
            say({"event": "draining"})
            break
    server.draining = True
    # Closing a server of asyncio drops connections it has accepted and not yet attached: first no more are accepted.
    for listening in server.servers:
        for each in listening.sockets:
            asyncio.get_running_loop().remove_reader(each.fileno())
    for _ in range(5):
        await asyncio.sleep(0)
    for listening in server.servers:
        listening.close()
    until = asyncio.get_running_loop().time() + seconds
    looks = 0
    # One that was accepted just before is counted only when the loop comes round to it.
    while looks < 5 and asyncio.get_running_loop().time() < until:
        looks = 0 if server.connections else looks + 1
        await asyncio.sleep(0.02)
    say({"event": "drained", "open_connections": len(server.connections)})
    await writer.drain()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--release", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    asyncio.run(serve(parser.parse_args()))


main()
