"""Holds a public address and runs the servers of releases behind it.

Started once per address, detached from whoever started it. It owns the listening socket and hands it to its children, so
that the address stays the same while releases change. It is spoken to over a Unix socket, one JSON object per line.
Standard library only: it runs under any Python 3.11 or newer, and not under the environment of a release.
"""

from __future__ import annotations

import argparse
import collections
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PROTOCOL = 1
#: Lines of output kept per child, and bytes of the log file before it is turned over.
LINES_KEPT = 200
LOG_BYTES = 4 * 1024 * 1024
#: Waits before a crashed child is started again: the first, and the longest. A child that lived longer than STABLE counts anew.
RESTART_FIRST, RESTART_MOST, STABLE = 0.2, 30.0, 60.0
#: Bytes of a socket's path every system takes (108 on Linux, 104 on macOS).
SOCKET_PATH_MOST = 100
#: How long a child told to stop may take before it is killed.
STOP_SECONDS = 10.0


class Log:
    """The log file of the supervisor and its children, turned over when it is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)

    def write(self, source: str, line: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self._lock:
            try:
                if self._file.tell() > LOG_BYTES:
                    self._file.close()
                    os.replace(self._path, self._path.with_suffix(".log.1"))
                    self._file = self._path.open("ab", buffering=0)
                self._file.write(f"{stamp} {source}: {line}\n".encode())
            except (OSError, ValueError):
                # A full disk must not end what serves: the line is lost, the lines kept in memory are not.
                return


class Instance:
    """One release, run as a child process; started again when it crashes after it once was ready."""

    def __init__(self, supervisor: Supervisor, request: dict[str, Any]) -> None:
        self.id = str(request["instance"])
        self.release = str(request["release"])
        self.directory = str(request["directory"])
        self.python = str(request["python"])
        self.variables = {str(key): str(value) for key, value in request["variables"].items()}
        self.state = "starting"
        self.port: int | None = None
        self.pid: int | None = None
        self.restarts = 0
        self.exit: str | None = None
        self.error: str | None = None
        self.lines: collections.deque[str] = collections.deque(maxlen=LINES_KEPT)
        self.opened = threading.Event()
        self._supervisor = supervisor
        self._wanted_open = False
        self._leaving = False
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def describe(self) -> dict[str, Any]:
        return {
            "instance": self.id,
            "release": self.release,
            "directory": self.directory,
            "state": self.state,
            "port": self.port,
            "pid": self.pid,
            "started": _start_time(self.pid),
            "restarts": self.restarts,
            "exit": self.exit,
            "error": self.error,
        }

    def open(self, seconds: float) -> bool:
        """Lets it accept on the public address; true once it does."""
        with self._lock:
            self._wanted_open = True
            if self.state == "ready":
                self._send({"op": "open"})
        return self.opened.wait(seconds)

    def leave(self, seconds: float) -> None:
        """Lets it finish what is under way, and end."""
        with self._lock:
            self._leaving = True
            self._wanted_open = False
            if self.state in ("ready", "open"):
                self.state = "draining"
                self._send({"op": "drain", "seconds": seconds})
            elif self.state == "starting" and self._process is not None:
                self._process.terminate()
        self._wake.set()
        threading.Thread(target=self._insist, args=(seconds + STOP_SECONDS,), daemon=True).start()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def kill(self) -> None:
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def _insist(self, seconds: float) -> None:
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.kill()

    def _send(self, command: dict[str, Any]) -> None:
        try:
            if self._control is not None:
                self._control.sendall(json.dumps(command).encode() + b"\n")
        except OSError:
            # It is ending; the thread that waits for it notices.
            return

    def _run(self) -> None:
        wait, was_ready = RESTART_FIRST, False
        while True:
            began = time.monotonic()
            self._once()
            was_ready = was_ready or self.state in ("ready", "open", "draining")
            self.pid, self.port = None, None
            self.opened.clear()
            if self._leaving or not was_ready:
                self.state = "ended" if self._leaving else "dead"
                break
            if time.monotonic() - began > STABLE:
                wait = RESTART_FIRST
            self.state = "restarting"
            self._supervisor.log.write(self.id, f"ended ({self.exit}), starting it again in {wait:.1f} s")
            self._supervisor.save()
            if self._wake.wait(wait):
                self.state = "ended"
                break
            wait = min(wait * 2, RESTART_MOST)
            self.restarts += 1
        self._supervisor.ended(self)

    def _once(self) -> None:
        """Runs the child once, to its end."""
        ours, theirs = socket.socketpair()
        listening = self._supervisor.listening.fileno()
        command = [self.python, "-B", "-m", "haute_serve", "serve", "--release", self.directory]
        command += ["--host", "127.0.0.1", "--port", "0"]
        command += ["--listen-fd", str(listening), "--control-fd", str(theirs.fileno())]
        with ours, theirs:
            try:
                with self._lock:
                    if self._leaving:
                        return
                    self._process = process = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        cwd=self.directory,
                        env=self.variables,
                        pass_fds=(listening, theirs.fileno()),
                    )
                    self._control = ours
                    self.pid, self.state, self.error = process.pid, "starting", None
            except (OSError, ValueError) as error:
                self.exit, self.error = "not started", str(error)
                self.lines.append(str(error))
                return
            theirs.close()
            self._supervisor.save()
            reader = threading.Thread(target=self._read_lines, args=(process,), daemon=True)
            reader.start()
            self._follow(ours)
            code = process.wait()
            reader.join(2)
            with self._lock:
                self._control = None
            self.exit = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def _read_lines(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip()
                self.lines.append(line)
                self._supervisor.log.write(self.id, line)

    def _follow(self, control: socket.socket) -> None:
        """Reads what the child says until it closes the channel, which it does by ending."""
        try:
            with control.makefile("rb") as lines:
                for line in lines:
                    self._heard(json.loads(line))
        except (OSError, ValueError) as error:
            self._supervisor.log.write(self.id, f"cannot be understood any more: {error}")
            self.kill()

    def _heard(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        with self._lock:
            if kind == "ready" and self.state == "starting":
                self.port, self.state = event["port"], "ready"
                if self._wanted_open:
                    self._send({"op": "open"})
            elif kind == "opened" and self.state == "ready":
                self.state = "open"
                self.opened.set()
            elif kind in ("failed", "refused"):
                self.error = str(event.get("error"))
        self._supervisor.save()


class Supervisor:
    """The public address and the instances behind it."""

    def __init__(self, options: argparse.Namespace, listening: socket.socket, control: socket.socket) -> None:
        self.listening = listening
        self.log = Log(options.directory / "supervisor.log")
        self._control = control
        self._options = options
        self._instances: dict[str, Instance] = {}
        self._served: list[dict[str, str]] = _served_before(options.directory)
        self._serving: str | None = None
        self._lock = threading.RLock()
        self._done = threading.Event()

    def save(self) -> None:
        """Writes what there is beside the control socket, for whoever finds no supervisor any more."""
        path = self._options.directory / "state.json"
        with self._lock:
            state = json.dumps({**self.describe(), "served": self._served}, indent=1)
            temporary = path.with_suffix(".new")
            try:
                temporary.write_text(state)
                os.replace(temporary, path)
            except OSError as error:
                # As with the log: what serves goes on serving, and the next change is written when there is room.
                self.log.write("supervisor", f"cannot write {path}: {error}")

    def describe(self) -> dict[str, Any]:
        with self._lock:
            return {
                "protocol": PROTOCOL,
                "pid": os.getpid(),
                "started": _start_time(os.getpid()),
                "socket": self._control.getsockname(),
                "host": self._options.host,
                "port": self._options.port,
                "serving": self._serving,
                "instances": [instance.describe() for instance in self._instances.values()],
            }

    def ended(self, instance: Instance) -> None:
        """Forgets an instance that left when told to; one that died is kept, for its last words."""
        with self._lock:
            if instance.state == "ended":
                self._instances.pop(instance.id, None)
            if self._serving == instance.id:
                self._serving = None
        self.log.write(instance.id, f"{instance.state} ({instance.exit})")
        self.save()

    def serve(self, announce: int) -> None:
        """Answers until told to stop. Writes one line to the descriptor `announce` once it does."""
        signal.signal(signal.SIGTERM, lambda *_: self._stop(STOP_SECONDS))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.save()
        threading.Thread(target=self._accept, daemon=True).start()
        os.write(announce, json.dumps(self.describe()).encode() + b"\n")
        os.close(announce)
        # In pieces, so that signals are handled in between.
        while not self._done.wait(0.5):
            pass
        self.save()

    def _accept(self) -> None:
        while True:
            connection, _ = self._control.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as lines:
            try:
                for line in lines:
                    try:
                        request = json.loads(line)
                        reply = getattr(self, f"_do_{request['op']}")(request)
                    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
                        reply = {"error": f"{type(error).__name__}: {error}"}
                    lines.write(json.dumps(reply).encode() + b"\n")
                    lines.flush()
            except OSError:
                # The caller went away; there is nobody to tell.
                return

    def _find(self, request: dict[str, Any]) -> Instance | None:
        with self._lock:
            return self._instances.get(str(request["instance"]))

    def _do_status(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.describe()

    def _do_start(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            known = self._find(request)
            if known is not None and known.state not in ("dead", "ended"):
                return {"instance": known.describe()}
            for name, other in list(self._instances.items()):
                if other.state == "dead":
                    del self._instances[name]
            instance = Instance(self, request)
            self._instances[instance.id] = instance
        self.log.write(instance.id, f"started for release {instance.release}")
        return {"instance": instance.describe()}

    def _do_open(self, request: dict[str, Any]) -> dict[str, Any]:
        instance = self._find(request)
        if instance is None or not instance.open(float(request["seconds"])):
            return {"error": "it does not accept on the public address"}
        with self._lock:
            self._serving = instance.id
            entry = {"release": instance.release, "directory": instance.directory}
            self._served = [one for one in self._served if one["release"] != instance.release][-19:] + [entry]
        self.log.write(instance.id, "serves")
        self.save()
        return {"instance": instance.describe()}

    def _do_drain(self, request: dict[str, Any]) -> dict[str, Any]:
        for name in request["instances"]:
            instance = self._find({"instance": name})
            if instance is None:
                continue
            if instance.state == "dead":
                with self._lock:
                    self._instances.pop(instance.id, None)
                self.save()
            else:
                instance.leave(float(request["seconds"]))
        return self.describe()

    def _do_logs(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            wanted = [
                instance
                for instance in self._instances.values()
                if request.get("instance") in (None, instance.id)
            ]
        lines = [line for instance in wanted for line in list(instance.lines)]
        return {"lines": lines[-int(request["lines"]) :]}

    def _do_shutdown(self, request: dict[str, Any]) -> dict[str, Any]:
        self._stop(float(request["seconds"]))
        return {"pid": os.getpid()}

    def _stop(self, seconds: float) -> None:
        threading.Thread(target=self._leave, args=(seconds,), daemon=True).start()

    def _leave(self, seconds: float) -> None:
        # Closed first: no new caller may wait in a queue nobody will serve. Children hold copies until they drain.
        self.listening.close()
        with self._lock:
            instances = list(self._instances.values())
        for instance in instances:
            instance.leave(seconds)
        for instance in instances:
            instance.wait(seconds + STOP_SECONDS)
            instance.kill()
            instance.wait(STOP_SECONDS)
        with self._lock:
            self._serving = None
            self._instances.clear()
        self._remove_socket()
        self.log.write("supervisor", "ended")
        self._done.set()

    def _remove_socket(self) -> None:
        path = Path(self._control.getsockname())
        path.unlink(missing_ok=True)
        if path.parent != self._options.directory:
            path.parent.rmdir()


def _start_time(pid: int | None) -> str | None:
    """When a process began, as the kernel counts: with the pid it names one process for good. Linux only."""
    if pid is None:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _served_before(directory: Path) -> list[dict[str, str]]:
    try:
        served = json.loads((directory / "state.json").read_text())["served"]
        return [{"release": str(one["release"]), "directory": str(one["directory"])} for one in served]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(2048)
    return listening


def _control(directory: Path) -> socket.socket:
    """The Unix socket commands come over: in the state directory, or, where that path is too long for a socket, elsewhere."""
    path = directory / "control.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_MOST:
        path = Path(tempfile.mkdtemp(prefix="haute-")) / "control.sock"
    path.unlink(missing_ok=True)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        control.bind(str(path))
    finally:
        os.umask(mask)
    control.listen(16)
    return control


def _detach(directory: Path) -> None:
    """Leaves the session and the descriptors of whoever started this."""
    os.setsid()
    os.chdir(directory)
    null = os.open(os.devnull, os.O_RDWR)
    errors = os.open(directory / "supervisor.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(errors, 2)
    os.close(null)
    os.close(errors)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        listening = _listen(options.host, options.port)
        control = _control(options.directory)
    except OSError as error:
        print(json.dumps({"error": str(error), "errno": errno.errorcode.get(error.errno or 0)}), flush=True)
        return 1
    heard, announce = os.pipe()
    if os.fork():
        os.close(announce)
        with os.fdopen(heard) as lines:
            line = lines.readline()
        print(line or json.dumps({"error": "the supervisor ended at once"}), flush=True)
        return 0 if line else 1
    os.close(heard)
    _detach(options.directory)
    Supervisor(options, listening, control).serve(announce)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Threads that wait for children or callers must not keep the process.
    os._exit(status)
