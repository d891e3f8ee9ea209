"""The three ways to an image in the registry: Haute's own, and ours with either builder."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from machine import Command, Engine, Registry
from versions import Project, Version

#: Ours: the release and its proof are there, so this is all that is left of a deploy to the target `container`.
OURS = ["{haute_cli}", "--project", "{project}", "--env", "{side}", "--yes", "deploy"]
OURS += ["--release", "{release}", "--proof", "{proof}"]

#: How each side makes an image and pushes it, one program after the other. Only these are timed. The engine has no bridge, so Haute's build
#: shares the host's network.
COMMANDS = {
    "haute": [
        ["docker", "build", "--network", "host", "-t", "{tag}", "."],
        ["docker", "push", "{tag}"],
    ],
    "direct": [OURS],
    "engine": [OURS],
}


@dataclass
class Side:
    """One way, with a registry, an engine and caches that no other way shares."""

    name: str
    folder: Path
    registry: Registry
    base: Path
    project: Project
    haute_cli: Path | None
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.engine = Engine(self.folder / "engine")

    def forget_everything(self) -> None:
        """Nothing cached anywhere: the registry holds the base image alone, and this is a fresh runner."""
        self.registry.stop()
        storage = self.folder / "registry"
        shutil.rmtree(storage, ignore_errors=True)
        shutil.copytree(self.base, storage)
        self.registry.serve(storage)
        self.forget_runner()

    def forget_runner(self) -> None:
        """A fresh runner: an engine that holds nothing and empty caches. The registry stays as it is."""
        if self.name == "direct":
            self.engine.stop()
        else:
            self.engine.forget()
        shutil.rmtree(self.folder / "cache", ignore_errors=True)

    def stop(self) -> None:
        self.engine.stop()
        self.registry.stop()

    def commands(self, version: Version) -> list[Command]:
        values = {
            "side": self.name,
            "tag": f"{self.registry.host}/{self.project.name}:{version.commit}",
            "release": version.release,
            "proof": version.proof,
            "project": self.project.folder,
            "haute_cli": self.haute_cli,
        }
        folder = version.build_directory if self.name == "haute" else None
        return [
            Command(
                [word.format(**values) for word in words], folder or self.project.folder, self.environment()
            )
            for words in COMMANDS[self.name]
        ]

    def environment(self) -> dict[str, str]:
        """Caches of this side's own. The direct builder is shown no engine at all."""
        cache = self.folder / "cache"
        environment = {
            **self.engine.environment,
            "CI": "true",
            "HAUTE_CLI_CACHE": str(cache / "haute-cli"),
            "UV_CACHE_DIR": str(cache / "uv"),
            "PIP_CACHE_DIR": str(cache / "pip"),
            "XDG_CACHE_HOME": str(cache),
        }
        if self.name == "direct":
            environment["DOCKER_HOST"] = f"unix://{self.folder / 'no-engine.sock'}"
        return environment

    def cached_bytes(self) -> int:
        """What this side has left in its caches: wheels it fetched, for one."""
        cache = self.folder / "cache"
        return (
            sum(path.lstat().st_size for path in cache.rglob("*") if path.is_file()) if cache.is_dir() else 0
        )


def haute_cli_or_exit(text: str) -> Path:
    path = Path(text)
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise SystemExit(f"{path} is no program: cargo build --release -p haute-cli")
    return path.resolve()
