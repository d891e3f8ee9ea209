"""Starts the real server as a process and talks to it over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from building import environment


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """A served release; use as a context manager."""

    def __init__(self, release: Path, *arguments: str, pass_fds: tuple[int, ...] = (), **extra: str) -> None:
        self.release = release
        self._log = (release.parent / f"{release.name}-{os.urandom(4).hex()}.log").open("w+b")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "haute_serve",
                "serve",
                "--release",
                str(release),
                "--port",
                "0",
                *arguments,
            ],
            env={**environment(release), **extra},
            cwd=release.parent,
            stdout=subprocess.PIPE,
            stderr=self._log,
            pass_fds=pass_fds,
        )
        self.port = 0

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        event = json.loads(line) if line else {}
        assert event.get("event") == "ready", (line, self.log())
        self.port = event["port"]
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._log.close()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def quote(self, value: Any, headers: dict[str, str] | None = None) -> Answer:
        return self.call("POST", "/quote", json.dumps(value).encode(), headers)
