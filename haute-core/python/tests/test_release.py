"""A release that is not the one that was built is not served."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from building import run, seal
from service import Service


def corrupt(relative: str, text: str) -> Callable[[Path], None]:
    def change(release: Path) -> None:
        (release / relative).write_text(text)

    return change


def remove(relative: str) -> Callable[[Path], None]:
    def change(release: Path) -> None:
        (release / relative).unlink()

    return change


def byte_code(release: Path) -> None:
    cache = release / "project" / "rating" / "__pycache__"
    cache.mkdir()
    (cache / "main.cpython-311.pyc").write_bytes(b"")


def manifest(**keys: object) -> Callable[[Path], None]:
    def change(release: Path) -> None:
        found = json.loads((release / "manifest.json").read_text())
        seal(release, {**found, **keys})

    return change


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipeline edited": (corrupt("project/rating/main.py", "pipeline = None"), "file_changed"),
    "factor edited": (corrupt("project/rating/config/rating_step/area_factor.json", "{}"), "file_changed"),
    "quotes edited": (corrupt("quotes.json", "[]"), "file_changed"),
    "module added": (corrupt("project/rating/json.py", ""), "file_unlisted"),
    "runtime module added": (corrupt("runtime/numpy.py", ""), "file_unlisted"),
    "byte code added": (byte_code, "file_unlisted"),
    "sidecar removed": (remove("project/rating/config/quote_response/price.json"), "file_missing"),
    "manifest removed": (remove("manifest.json"), "manifest_unreadable"),
    "manifest cut": (corrupt("manifest.json", '{"schema":'), "manifest_invalid"),
    "manifest is a list": (corrupt("manifest.json", "[]"), "manifest_invalid"),
    "schema of the future": (manifest(schema="haute.release/2"), "manifest_unsupported"),
    "a draft": (manifest(scoring=None), "manifest_invalid"),
    "another haute": (manifest(haute="0.5.2"), "haute_differs"),
    "another python": (manifest(python="3.10"), "python_differs"),
    "a path that leaves": (
        lambda release: (release / "manifest.json").write_text(
            (release / "manifest.json").read_text().replace('"path":"app.py"', '"path":"../app.py"')
        ),
        "file_outside",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_release_is_refused(tariff_release: Path, tmp_path: Path, name: str) -> None:
    change, code = CHANGES[name]
    release = tmp_path / "release"
    shutil.copytree(tariff_release, release)
    change(release)
    result = run(release, "serve", "--release", str(release), "--port", "0")
    assert result.returncode == 1, result.stderr
    event = json.loads(result.stdout)
    assert (event["event"], event["error_code"]) == ("failed", code)
    assert "Traceback" not in result.stderr


def test_a_link_is_not_the_file(tariff_release: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(tariff_release, release)
    original = release / "project" / "rating" / "main.py"
    elsewhere = tmp_path / "main.py"
    shutil.move(original, elsewhere)
    original.symlink_to(elsewhere)
    result = run(release, "serve", "--release", str(release), "--port", "0")
    assert json.loads(result.stdout)["error_code"] == "file_missing"


def test_the_digest_is_that_of_the_manifest(tariff_release: Path, tariff_service: Service) -> None:
    digest = hashlib.sha256((tariff_release / "manifest.json").read_bytes()).hexdigest()
    assert tariff_service.call("GET", "/health").json["digest"] == f"sha256:{digest}"


def test_serving_writes_nothing_into_the_release(tariff_release: Path, tariff_service: Service) -> None:
    tariff_service.quote({})
    listed = {entry["path"] for entry in json.loads((tariff_release / "manifest.json").read_text())["files"]}
    present = {
        path.relative_to(tariff_release).as_posix() for path in tariff_release.rglob("*") if path.is_file()
    }
    assert present == listed | {"manifest.json"}
