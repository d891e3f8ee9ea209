"""Starts the two servers of the comparison: ours from a release, Haute's own from what `haute deploy` puts into its image."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Takes the build context Haute hands to `docker build` instead of building it.
FAKE_DOCKER = """#!/bin/sh
case "$1" in build) cp -r . "$BENCH_CAPTURE" ;; esac
exit 0
"""
#: Haute's memory caps fail as root on a host with the old cgroup layout unless /sys/fs/cgroup is read-only, as it is in a container.
READ_ONLY_CGROUPS = """
mount --make-rprivate / || exit 97
for point in $(awk '$5 ~ /^\\/sys\\/fs\\/cgroup/ {print $5}' /proc/self/mountinfo | sort -r); do
    mount -o remount,bind,ro "$point" 2>/dev/null
done
exec "$@"
"""


@dataclass
class Server:
    """A running server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    seconds_to_health: float

    def cpu_seconds(self) -> float:
        """CPU used so far by the server, its children, and its children that have ended."""
        return sum(_cpu(pid) for pid in _family(self.process.pid))

    def memory_mib(self) -> float:
        return sum(_resident(pid) for pid in _family(self.process.pid))


def haute_application(project: Path, work: Path) -> Path:
    """The build context of `haute deploy` for `project`: app.py, manifest and artifacts as its Dockerfile copies them."""
    copy = work / "haute-project"
    ignore = shutil.ignore_patterns(".haute*", "__pycache__", ".git")
    shutil.copytree(project, copy, ignore=ignore)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "bench"]):
        subprocess.run([*git, *arguments], cwd=copy, check=True, capture_output=True)
    tools = work / "bin"
    tools.mkdir()
    docker = tools / "docker"
    docker.write_text(FAKE_DOCKER, encoding="utf-8")
    docker.chmod(0o755)
    captured = work / "haute-app"
    environment = {
        **plain_environment(),
        "CI": "true",
        "BENCH_CAPTURE": str(captured),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }
    command = [str(Path(sys.executable).parent / "haute"), "deploy"]
    result = subprocess.run(
        contained(command),
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if result.returncode != 0 or not (captured / "app.py").is_file():
        raise SystemExit(f"haute deploy failed:\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}")
    return captured


def plain_environment() -> dict[str, str]:
    """This process's environment without the Polars settings that importing our runtime leaves in it."""
    return {key: value for key, value in os.environ.items() if not key.startswith("POLARS_")}


def contained(command: list[str]) -> list[str]:
    """`command` with cgroups read-only where this process may arrange that, else as it is."""
    prefix = ["unshare", "-m", "sh", "-c", READ_ONLY_CGROUPS, "_"]
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return command
    trial = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return [*prefix, *command] if trial.returncode == 0 else command


@contextmanager
def ours(release: Path, log: Path) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, "-m", "haute_serve", "serve", "--release", str(release)]
    environment = {
        **plain_environment(),
        "PYTHONPATH": str(release / "runtime"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with _started("ours", [*command, "--port", str(port)], release, environment, port, log) as server:
        yield server


@contextmanager
def haute(application: Path, log: Path) -> Iterator[Server]:
    port = _free_port()
    command = [str(Path(sys.executable).parent / "uvicorn"), "app:app", "--host", "127.0.0.1"]
    # With Polars' default of one thread per processor, Haute's batches wait for themselves for ever on a machine of two: each rating
    # table that checks for misses collects from within a thread of the pool. Its own app gets enough threads to answer at all.
    environment = {
        **plain_environment(),
        "HAUTE_EXECUTION_MEMORY_POLICY": "strict_server",
        "POLARS_MAX_THREADS": "8",
    }
    with _started(
        "haute", contained([*command, "--port", str(port)]), application, environment, port, log
    ) as server:
        yield server


@contextmanager
def _started(
    name: str,
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    port: int,
    log: Path,
) -> Iterator[Server]:
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for_health(name, process, port, log)
        yield Server(name, port, process, time.perf_counter() - started)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for_health(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            for task in tasks:
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, and those of the children that were waited for.
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
