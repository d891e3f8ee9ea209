"""Loads a release directory: its manifest, its digest, and proof that every file is the one that was built."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from .errors import ReleaseError

SCHEMA = "haute.release/1"
MANIFEST = "manifest.json"

#: Folders whose every file must be listed: what is imported or read while scoring.
_GUARDED = ("project", "runtime")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for. `deadline_seconds` is in seconds, `body_bytes` in bytes."""

    body_bytes: int = 8 * 1024 * 1024
    rows: int = 10_000
    depth: int = 32
    deadline_seconds: float = 30.0
    queue: int = 1024


@dataclass(frozen=True, slots=True)
class Quote:
    """A test quote of the release."""

    id: str
    input: dict[str, Any]
    expected: dict[str, Any] | None
    tolerance: float


@dataclass(frozen=True, slots=True)
class Release:
    """A release directory as its manifest describes it."""

    root: Path
    digest: str
    manifest: dict[str, Any]
    limits: Limits
    quotes: tuple[Quote, ...]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def haute(self) -> str:
        return str(self.manifest["haute"])

    @property
    def mapping(self) -> list[dict[str, Any]] | None:
        mapping: list[dict[str, Any]] | None = self.manifest["output"].get("mapping")
        return mapping

    @property
    def scoring(self) -> dict[str, Any] | None:
        scoring: dict[str, Any] | None = self.manifest.get("scoring")
        return scoring


def load_release(root: Path, *, verify: bool = True) -> Release:
    """Reads and checks a release. `verify=False` is for a draft that is still being built."""
    root = root.resolve()
    try:
        raw = (root / MANIFEST).read_bytes()
    except OSError as error:
        raise ReleaseError("manifest_unreadable", f"{MANIFEST}: {error.strerror}") from None
    try:
        manifest = orjson.loads(raw)
        if manifest["schema"] != SCHEMA:
            raise ReleaseError(
                "manifest_unsupported",
                f"the manifest's schema is {manifest['schema']!r}; this runtime reads {SCHEMA!r}",
            )
        limits = _limits(manifest.get("limits") or {})
        if verify:
            _verify_files(root, manifest["files"])
            _verify_environment(manifest)
            if not manifest.get("scoring"):
                raise ReleaseError("manifest_invalid", "the manifest has no scoring: it is a draft")
        quotes = _load_quotes(root / (manifest.get("quotes") or {}).get("file", "quotes.json"))
    except orjson.JSONDecodeError as error:
        raise ReleaseError("manifest_invalid", f"not JSON: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError("manifest_invalid", f"the manifest lacks or misuses {error}") from None
    digest = "sha256:" + hashlib.sha256(raw).hexdigest()
    return Release(root, digest, manifest, limits, quotes)


def _limits(given: dict[str, Any]) -> Limits:
    default = Limits()
    return Limits(
        body_bytes=int(given.get("body_bytes", default.body_bytes)),
        rows=int(given.get("rows", default.rows)),
        depth=int(given.get("depth", default.depth)),
        deadline_seconds=float(given.get("deadline_seconds", default.deadline_seconds)),
        queue=int(given.get("queue", default.queue)),
    )


def _load_quotes(path: Path) -> tuple[Quote, ...]:
    try:
        rows = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ReleaseError("quotes_unreadable", f"{path.name}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ReleaseError("quotes_invalid", f"{path.name} is not JSON: {error}") from None
    return tuple(
        Quote(
            id=str(row["id"]),
            input=row["input"],
            expected=row.get("expected"),
            tolerance=float(row.get("tolerance_pct") or 0.0),
        )
        for row in rows
    )


def _verify_files(root: Path, files: list[dict[str, Any]]) -> None:
    listed: set[str] = set()
    for entry in files:
        name = str(entry["path"])
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts:
            raise ReleaseError("file_outside", f"{name}: the path leaves the release")
        listed.add(name)
        path = root / name
        if path.is_symlink() or not path.is_file():
            raise ReleaseError("file_missing", f"{name}: the manifest lists it, the release lacks it")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != entry["sha256"]:
            raise ReleaseError("file_changed", f"{name}: its content is not what was built")
    for folder in _GUARDED:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_dir() and not path.is_symlink():
                continue
            if folder == "runtime" and "__pycache__" in path.parts:
                # Python checks it against the source, which is listed.
                continue
            if name not in listed:
                raise ReleaseError("file_unlisted", f"{name}: the manifest does not list it")


def _verify_environment(manifest: dict[str, Any]) -> None:
    running = ".".join(platform.python_version_tuple()[:2])
    if running != manifest["python"]:
        raise ReleaseError(
            "python_differs", f"the release was built for Python {manifest['python']}, not {running}"
        )
    try:
        installed = version("haute")
    except PackageNotFoundError:
        raise ReleaseError("haute_missing", "haute is not installed") from None
    if installed != manifest["haute"]:
        raise ReleaseError(
            "haute_differs", f"the release was proved with haute {manifest['haute']}, not {installed}"
        )
