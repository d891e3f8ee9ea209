"""The server beside its supervisor: private address, taking over, leaving."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

from building import environment
from projects import TARIFF_QUOTE
from service import Service

BODY = json.dumps(TARIFF_QUOTE).encode()


class Supervised:
    """A server process with a control channel and a shared listening socket, as a supervisor holds them."""

    def __init__(self, release: Path, shared: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        self.control = ours.makefile("rwb", buffering=0)
        self._socket = ours
        descriptors = (theirs.fileno(), shared.fileno())
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "haute_serve", "serve", "--release", str(release), "--port", "0"),
                *("--control-fd", str(descriptors[0]), "--listen-fd", str(descriptors[1])),
            ],
            env=environment(release),
            cwd=release.parent,
            pass_fds=descriptors,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        self.ready = self.event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.control.close()
        self._socket.close()

    def event(self) -> dict[str, Any]:
        self._socket.settimeout(60)
        line = self.control.readline()
        assert line, "the control channel was closed"
        found: dict[str, Any] = json.loads(line)
        return found

    def tell(self, **command: Any) -> None:
        self.control.write(json.dumps(command).encode() + b"\n")


def listening() -> socket.socket:
    shared = socket.socket()
    shared.bind(("127.0.0.1", 0))
    shared.listen(128)
    return shared


def test_no_quote_fails_when_one_process_takes_over_from_another(tariff_release: Path) -> None:
    with listening() as shared, Supervised(tariff_release, shared) as old:
        assert old.ready["event"] == "ready"
        old.tell(op="open")
        assert old.event() == {"event": "opened"}
        port = shared.getsockname()[1]
        stop = threading.Event()
        failures: list[str] = []
        counts = [0] * 8

        def caller(number: int) -> None:
            # Half keep their connection as long as the server lets them, half open a new one each time.
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            while not stop.is_set():
                try:
                    connection.request("POST", "/quote", BODY)
                    answer = connection.getresponse()
                    if answer.status != 200 or b"premium" not in answer.read():
                        failures.append(f"status {answer.status}")
                    counts[number] += 1
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
                    connection.close()
                if number % 2:
                    connection.close()

        callers = [threading.Thread(target=caller, args=(number,)) for number in range(8)]
        for thread in callers:
            thread.start()
        try:
            current = old
            with Supervised(tariff_release, shared) as second, Supervised(tariff_release, shared) as third:
                for new in (second, third):
                    before = sum(counts)
                    while sum(counts) < before + 50 and not failures:
                        threading.Event().wait(0.01)
                    new.tell(op="open")
                    assert new.event() == {"event": "opened"}
                    current.tell(op="drain", seconds=20)
                    assert current.event() == {"event": "draining"}
                    assert current.event() == {"event": "drained", "open_connections": 0}
                    assert current.process.wait(timeout=20) == 0
                    current = new
                before = sum(counts)
                while sum(counts) < before + 50 and not failures:
                    threading.Event().wait(0.01)
                stop.set()
                for thread in callers:
                    thread.join()
        finally:
            stop.set()
        assert failures == []
        assert min(counts) > 0


def test_the_private_address_answers_before_the_shared_one_is_opened(tariff_release: Path) -> None:
    with listening() as shared, Supervised(tariff_release, shared) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.ready["port"], timeout=20)
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read())
        assert health["digest"] == server.ready["digest"]
        connection.close()
        # The kernel takes the connection, the server does not: the process that serves now keeps serving.
        with socket.create_connection(shared.getsockname(), timeout=1) as waiting:
            waiting.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            try:
                waiting.recv(1)
                raise AssertionError("answered on the shared address before being told to")
            except TimeoutError:
                pass
        server.tell(op="nonsense")
        assert server.event()["event"] == "refused"
        server.tell(op="status")
        assert server.event()["status"] == "ok"
        server.tell(op="drain", seconds=0)
        assert server.event()["event"] == "draining"


def test_a_server_whose_supervisor_is_gone_leaves(tariff_release: Path) -> None:
    with listening() as shared, Supervised(tariff_release, shared) as server:
        server.control.close()
        server._socket.shutdown(socket.SHUT_RDWR)
        assert server.process.wait(timeout=20) == 0


def test_sigterm_finishes_what_is_in_flight(tariff_release: Path) -> None:
    with Service(tariff_release) as service:
        idle = socket.create_connection(("127.0.0.1", service.port), timeout=20)
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        connection.request("GET", "/health")
        connection.getresponse().read()
        batch = json.dumps([TARIFF_QUOTE] * 2000).encode()
        connection.putrequest("POST", "/quote")
        connection.putheader("content-length", str(len(batch)))
        connection.endheaders(batch[: len(batch) // 2])
        os.kill(service.process.pid, signal.SIGTERM)
        connection.send(batch[len(batch) // 2 :])
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("connection")) in ((200, "close"), (200, None))
        assert json.loads(answer.read())["row_count"] == 2000
        assert service.process.wait(timeout=10) == 0
        idle.close()


def test_a_port_that_is_taken_is_reported(tariff_release: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = subprocess.run(
            [
                *(sys.executable, "-m", "haute_serve", "serve", "--release", str(tariff_release)),
                *("--port", str(taken.getsockname()[1])),
            ],
            env=environment(tariff_release),
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert process.returncode == 1
    assert json.loads(process.stdout)["error_code"] == "cannot_listen"
