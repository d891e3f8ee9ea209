from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import PROJECTS, build_release, observed, seal, write_json
from projects import tariff, with_nullable
from service import Service


@pytest.fixture(scope="session")
def tariff_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tariff")
    release = build_release(
        tariff(root / "tariff"),
        root / "release",
        observe=False,
        limits={"body_bytes": 300_000, "rows": 2_000, "depth": 16},
    )
    manifest = json.loads((release / "manifest.json").read_text())
    manifest["input"] = with_nullable(manifest["input"], "nickname")
    write_json(release / "manifest.json", manifest)
    manifest["scoring"] = observed(release)["scoring"]
    seal(release, manifest)
    return release


@pytest.fixture(scope="session")
def tariff_service(tariff_release: Path) -> Iterator[Service]:
    with Service(tariff_release) as service:
        yield service


@pytest.fixture(scope="session")
def motor_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("motor")
    return build_release(PROJECTS / "motor-pricing", root / "release")
