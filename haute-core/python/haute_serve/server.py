"""Runs the service under uvicorn, on a private address first and on a shared socket when a supervisor says so."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import orjson
import uvicorn

from .app import QuoteService, create_app
from .errors import ReleaseError

#: Longer than the 60 s for which load balancers keep idle connections, so that they close them and not we.
KEEP_ALIVE_SECONDS = 75
#: How long open connections may still be used after SIGTERM, and how long quotes in flight then have.
STOP_SECONDS = 3.0
#: How often in a row no open connection must be found before a leaving process ends.
LOOKS = 5
IN_FLIGHT_SECONDS = 5


class Server(uvicorn.Server):
    """A uvicorn server that can take over a shared socket and leave it again without failing a quote."""

    def __init__(self, app: QuoteService, private: socket.socket, shared: socket.socket | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="auto",
                http="auto",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=2048,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=IN_FLIGHT_SECONDS,
            )
        )
        self._app = app
        self._private = private
        self._shared = shared
        self._leaving: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.announce: Callable[[dict[str, Any]], None] = lambda event: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=[self._private])
        host, port = self._private.getsockname()[:2]
        self.announce(
            {
                "event": "ready",
                "host": host,
                "port": port,
                "pid": os.getpid(),
                "digest": self._app.release.digest,
            }
        )

    async def open_shared(self) -> None:
        """Accepts on the shared socket as well."""
        if self._shared is None or self._leaving is not None:
            raise ReleaseError("cannot_open", "there is no shared socket, or the process is leaving")
        config, state = self.config, self.server_state

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=state, app_state={}
            )
            return made

        server = await asyncio.get_running_loop().create_server(protocol, sock=self._shared, backlog=2048)
        self._shared = None
        self.servers.append(server)

    def leave(self, seconds: float) -> None:
        """Stops accepting, serves what still arrives on open connections for at most `seconds`, then exits."""
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave(seconds))

    async def _leave(self, seconds: float) -> None:
        self._app.drain()
        await self._stop_accepting()
        self.announce({"event": "draining"})
        until = time.monotonic() + seconds
        # A connection accepted just before is not counted until the loop has come round to it: none is left only when
        # several looks in a row find none.
        looks = 0
        while looks < LOOKS and time.monotonic() < until:
            looks = 0 if self.server_state.connections else looks + 1
            await asyncio.sleep(0.02)
        self.announce({"event": "drained", "open_connections": len(self.server_state.connections)})
        self.should_exit = True

    async def _stop_accepting(self) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(loop, asyncio.SelectorEventLoop):
            # Closing such a server drops connections it has accepted and not yet attached; uvloop attaches at once.
            for server in self.servers:
                for listening in server.sockets:
                    loop.remove_reader(listening.fileno())
            for _ in range(LOOKS):
                await asyncio.sleep(0)
        for server in self.servers:
            server.close()

    def status(self) -> dict[str, Any]:
        return {
            "event": "status",
            "status": self._app.status,
            "requests": self._app.requests,
            "connections": len(self.server_state.connections),
            "rows_waiting": self._app.batcher.rows_waiting,
            "frames": self._app.batcher.frames,
            "rows": self._app.batcher.rows,
        }

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not passed on to uvicorn, which would end the process by the signal instead of with exit code 0.
        loop = self._loop
        if loop is None or self._leaving is not None:
            self.should_exit = True
            self.force_exit = self._leaving is not None and sig == signal.SIGINT
        else:
            loop.call_soon_threadsafe(self.leave, STOP_SECONDS)


class Control:
    """JSON lines to and from the supervisor."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._writer: asyncio.StreamWriter | None = None

    def send(self, event: dict[str, Any]) -> None:
        line = orjson.dumps(event) + b"\n"
        try:
            if self._writer is None:
                self._socket.setblocking(True)
                self._socket.sendall(line)
            else:
                self._writer.write(line)
        except (OSError, RuntimeError):
            # The supervisor has gone; reading notices it as well. uvloop calls a write to it a RuntimeError, and leaving
            # must not end on that.
            return

    async def obey(self, server: Server) -> None:
        """Follows commands until the supervisor closes the channel, then leaves."""
        self._socket.setblocking(False)
        if self._socket.family == socket.AF_UNIX:
            reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)
        else:
            reader, self._writer = await asyncio.open_connection(sock=self._socket)
        try:
            while line := await reader.readline():
                await self._follow(server, line)
        except (ConnectionError, ValueError):
            # Reset, or a line too long: either way nobody to obey.
            pass
        server.leave(STOP_SECONDS)

    async def _follow(self, server: Server, line: bytes) -> None:
        try:
            command = orjson.loads(line)
            operation = command["op"]
            if operation == "open":
                await server.open_shared()
                self.send({"event": "opened"})
            elif operation == "drain":
                server.leave(float(command.get("seconds", STOP_SECONDS)))
            elif operation == "status":
                self.send(server.status())
            else:
                self.send({"event": "refused", "error": f"unknown operation {operation!r}"})
        except (KeyError, TypeError, ValueError, OSError, ReleaseError) as error:
            self.send({"event": "refused", "error": str(error)})


def serve(options: argparse.Namespace, answer: Any) -> int:
    """Serves until told to leave; the exit code of the process."""
    control = None if options.control_fd is None else Control(options.control_fd)

    def to_stdout(event: dict[str, Any]) -> None:
        if event["event"] in ("ready", "failed"):
            answer.write(orjson.dumps(event) + b"\n")
            answer.flush()

    announce = to_stdout if control is None else control.send
    try:
        private = listen(options.host, options.port)
        shared = None if options.listen_fd is None else socket.socket(fileno=options.listen_fd)
        app = create_app(options.release)
    except (ReleaseError, OSError) as error:
        code = error.code if isinstance(error, ReleaseError) else "cannot_listen"
        announce({"event": "failed", "error": str(error), "error_code": code})
        print(f"haute_serve: {error}", file=sys.stderr, flush=True)
        return 1
    server = Server(app, private, shared)
    server.announce = announce
    uvicorn_loop = server.config.get_loop_factory()
    with asyncio.Runner(loop_factory=uvicorn_loop) as runner:
        runner.run(_run(server, control, options))
    return 0


async def _run(server: Server, control: Control | None, options: argparse.Namespace) -> None:
    commands: asyncio.Task[None] | None = None
    if control is not None:
        commands = asyncio.ensure_future(_obey_when_started(server, control))
    elif options.listen_fd is not None:
        commands = asyncio.ensure_future(_open_when_started(server))
    try:
        await server.serve()
    finally:
        if commands is not None:
            commands.cancel()
        # A frame that is still being scored for nobody must not keep the process.
        server._app.batcher.close()


async def _started(server: Server) -> None:
    while not server.started:
        await asyncio.sleep(0.01)


async def _obey_when_started(server: Server, control: Control) -> None:
    await _started(server)
    await control.obey(server)


async def _open_when_started(server: Server) -> None:
    await _started(server)
    await server.open_shared()


def listen(host: str, port: int) -> socket.socket:
    """A listening address; port 0 picks one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    return listening
