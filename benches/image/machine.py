"""The benchmark's own registry and Docker engine, and what a run costs. Nothing here touches another engine of the machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: A request in the registry's access log: method, path, status, bytes of the answer.
REQUEST = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3}) (?P<bytes>\d+)')

CONFIGURATION = """version: 0.1
log: {{level: error, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {storage}, maxthreads: 100}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass
class Traffic:
    """What passed between a client and the registry."""

    requests: int = 0
    uploads: int = 0
    bytes_read: int = 0
    #: What is new in the registry: bytes of each blob that is compressed, which layers are, and of each that is a document.
    layers: list[int] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)

    @property
    def bytes_written(self) -> int:
        return sum(self.layers) + sum(self.documents)


@dataclass
class Registry:
    """A Debian `docker-registry` on one port, which serves one storage directory after the other."""

    folder: Path
    port: int = field(default_factory=lambda: free_port())
    storage: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "registry.log"

    def serve(self, storage: Path) -> None:
        self.stop()
        self.storage = storage
        storage.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "registry.yml"
        configuration.write_text(CONFIGURATION.format(storage=storage, port=self.port), encoding="utf-8")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(configuration)], stdout=output, stderr=output
            )
        wait_for(lambda: _answers(f"http://{self.host}/v2/"), self.process, "the registry", self.log)

    def stop(self) -> None:
        end(self.process)
        self.process = None

    def blobs(self) -> dict[str, int]:
        """Bytes of every blob by digest, manifests included."""
        root = self._storage() / "docker" / "registry" / "v2" / "blobs" / "sha256"
        return {f"sha256:{data.parent.name}": data.stat().st_size for data in root.glob("*/*/data")}

    def blob(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        blobs = self._storage() / "docker" / "registry" / "v2" / "blobs"
        return blobs / algorithm / value[:2] / value / "data"

    def manifest_of(self, repository: str, tag: str) -> str:
        """The digest a tag points to."""
        return (self._tags(repository) / tag / "current" / "link").read_text(encoding="utf-8").strip()

    def newest_tag(self, repository: str) -> str:
        """The tag that was pushed last."""
        links = list(self._tags(repository).glob("*/current/link"))
        if not links:
            raise SystemExit(f"{repository} has no tag in the registry")
        return max(links, key=lambda link: link.stat().st_mtime_ns).parent.parent.name

    def traffic_since(self, offset: int, before: dict[str, int]) -> Traffic:
        """What was asked since the access log had `offset` bytes, and the bytes that are new since `before`."""
        found = Traffic()
        for line in REQUEST.finditer(self.log.read_bytes()[offset:].decode(errors="replace")):
            found.requests += 1
            if line["method"] in ("PUT", "PATCH") and line["status"].startswith("2"):
                found.uploads += 1
            if line["method"] == "GET":
                found.bytes_read += int(line["bytes"])
        for digest, size in sorted(self.blobs().items(), key=lambda blob: -blob[1]):
            if digest not in before:
                with self.blob(digest).open("rb") as content:
                    compressed = content.read(2) in (b"\x1f\x8b", b"\x28\xb5")
                (found.layers if compressed else found.documents).append(size)
        return found

    def log_size(self) -> int:
        return self.log.stat().st_size

    def _tags(self, repository: str) -> Path:
        repositories = self._storage() / "docker" / "registry" / "v2" / "repositories"
        return repositories / repository / "_manifests" / "tags"

    def _storage(self) -> Path:
        if self.storage is None:
            raise SystemExit("the registry serves nothing yet")
        return self.storage


@dataclass
class Engine:
    """A `dockerd` of the benchmark's own: no bridge, no firewall rules, its own socket and data."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """For whoever talks to this engine. No configuration of the user's is read."""
        return {
            **os.environ,
            "DOCKER_HOST": f"unix://{self.folder / 'docker.sock'}",
            "DOCKER_CONFIG": str(self.folder / "client"),
            "DOCKER_BUILDKIT": "0",
        }

    def start(self) -> None:
        (self.folder / "client").mkdir(parents=True, exist_ok=True)
        command = ["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"]
        for option, name in {
            "--data-root": "data",
            "--exec-root": "exec",
            "--pidfile": "pid",
        }.items():
            command += [option, str(self.folder / name)]
        command += ["--host", f"unix://{self.folder / 'docker.sock'}"]
        log = self.folder / "dockerd.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_for(lambda: self.run("info", check=False).returncode == 0, self.process, "dockerd", log)

    def stop(self) -> None:
        """Ends the engine, and the mounts it leaves behind: a folder with a mount in it cannot be removed."""
        end(self.process)
        self.process = None
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed(mounts):
            if Path(mount).is_relative_to(self.folder):
                subprocess.run(["umount", mount], check=False)

    def forget(self) -> None:
        """What a fresh runner has: an engine that holds nothing."""
        self.stop()
        for name in ("data", "exec"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.start()

    def run(
        self, *arguments: str, check: bool = True, stdin: bytes | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise SystemExit(
                f"docker {' '.join(arguments)} failed:\n{done.stderr.decode(errors='replace')[-2000:]}"
            )
        return done


@dataclass
class Cost:
    """What one or several processes cost, from their start to their end."""

    seconds: float = 0.0
    machine_cpu_seconds: float = 0.0
    peak_mib: float = 0.0


@dataclass
class Command:
    """A program to run."""

    argv: list[str]
    folder: Path
    environment: dict[str, str]


def cost_of(commands: list[Command], log: Path) -> Cost:
    """Runs the commands one after the other. The processor seconds are the whole machine's: daemons, registry and strangers included."""
    os.sync()
    cost = Cost()
    busy = _machine_cpu()
    for command in commands:
        with log.open("ab") as output:
            output.write(f"\n$ {' '.join(command.argv)}\n".encode())
            output.flush()
            start = time.perf_counter()
            process = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            _, status, usage = os.wait4(process.pid, 0)
            cost.seconds += time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        cost.peak_mib = max(cost.peak_mib, usage.ru_maxrss / 1024)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command.argv)} ended with {process.returncode}:\n{tail(log)}")
    cost.machine_cpu_seconds = _machine_cpu() - busy
    return cost


@contextmanager
def work_folder(parent: Path | None) -> Iterator[Path]:
    """A folder for engines, registries and versions. Short, because a socket's path is."""
    with tempfile.TemporaryDirectory(prefix="image-bench-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    end(process)
    raise SystemExit(f"{name} did not start:\n{tail(log)}")


def end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, size: int = 3000) -> str:
    return log.read_bytes()[-size:].decode(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _machine_cpu() -> float:
    """Processor seconds the machine has spent on anything but idling and waiting for disks."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, interrupt, soft = (int(value) for value in fields[:7])
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")
