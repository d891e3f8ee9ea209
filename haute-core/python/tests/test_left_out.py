"""What scoring never imported is found, hidden, and asked for in vain: by name, never with another price."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from building import PACKAGE, build_release, observed, proved, seal
from projects import PRICE, REQUEST, answer, column, table, write_project
from service import Service

sys.path.insert(0, str(PACKAGE.parent))
from haute_serve.left_out import normalise, root_of
from haute_serve.unused import carried

#: A distribution of Haute's own requirements that no price needs.
SPARE = "tomlkit"

#: Old drivers are priced with the help of it: as it stands, with a fallback for those who lack it, and with one for any failure.
LOADING = f'''"""Loadings by age."""


def loading(age: int) -> float:
    if age == 91:
        import {SPARE}

        return float(len({SPARE}.dumps({{}})) + 1)
    if age == 92:
        try:
            import {SPARE}
        except ImportError:
            return 2.0
        return 3.0
    if age == 93:
        try:
            import {SPARE}
        except Exception:
            return 2.0
        return 3.0
    return 1.0
'''

BODY = (
    REQUEST
    + """
@pipeline.polars
def priced(request: pl.LazyFrame) -> pl.LazyFrame:
    df = request.with_columns(
        premium=pl.col("value") * pl.col("age").map_elements(loading, return_dtype=pl.Float64)
    )
    return df

"""
    + PRICE
    + """
pipeline.connect("request", "priced", source_port="quote")
pipeline.connect("priced", "price")
"""
)


def quote(number: int, age: int) -> dict[str, Any]:
    return {"id": number, "age": age, "value": 100.0}


def project(root: Path, *ages: int) -> Path:
    return write_project(
        root,
        BODY,
        tables=[table("quote", [column("id", "int"), column("age", "int"), column("value", "float")])],
        mapping=answer("priced", {"id": "id", "premium": "premium"}),
        quotes=[{"input": quote(number, age)} for number, age in enumerate(ages)],
        files={"rating/utility/loadings.py": LOADING, "rating/utility/__init__.py": ""},
        imports="from utility.loadings import loading\n",
    )


def leave_out(release: Path) -> Path:
    manifest = json.loads((release / "manifest.json").read_text())
    names = {"unused_distributions": [SPARE], "unused_modules": {SPARE: SPARE}}
    seal(release, {**manifest, **names})
    return release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("elderly")
    return leave_out(build_release(project(root / "elderly", 30, 40, 50), root / "release"))


@pytest.fixture(scope="module")
def service(release: Path) -> Iterator[Service]:
    with Service(release) as service:
        yield service


@pytest.mark.parametrize("age", [91, 92, 93])
def test_a_quote_that_needs_it_is_refused_whatever_the_code_does_about_it(service: Service, age: int) -> None:
    refused = service.quote(quote(1, age))
    assert (refused.status, refused.json["error_code"]) == (500, "distribution_left_out")
    assert SPARE in refused.json["error"] and "keep" in refused.json["error"]
    assert "premium" not in refused.body.decode()


def test_its_neighbours_are_priced_and_a_batch_names_the_row(service: Service) -> None:
    assert service.quote(quote(1, 40)).json["rows"][0]["premium"] == 100.0
    refused = service.quote([quote(1, 40), quote(2, 91), quote(3, 50)])
    assert (refused.status, refused.json["row"], refused.json["error_count"]) == (500, 1, 1)
    assert service.quote(quote(1, 50)).status == 200


def test_the_proof_finds_a_made_up_quote_that_needs_it(release: Path, tmp_path: Path) -> None:
    assert proved(release)["passed"]
    root = tmp_path / "elderly"
    old = leave_out(build_release(project(root, 30, 90), tmp_path / "release"))
    proof = proved(old)
    check = next(check for check in proof["checks"] if check["name"] == "left_out_not_needed")
    assert check["passed"] is False and SPARE in check["reason"]
    assert proof["passed"] is False


def test_what_was_imported_is_told_from_what_was_not(tmp_path: Path) -> None:
    young = build_release(project(tmp_path / "young", 30, 40), tmp_path / "release", observe=False)
    found = observed(young)["imports"]
    assert found[SPARE]["unused"] == [SPARE]
    for name in ("haute", "polars", "fastapi", "uvicorn", "httptools", "orjson"):
        assert found[name]["unused"] == [], name
    assert "starlette" in found["fastapi"]["needs"]
    assert observed(young)["imports"] == found

    old = build_release(project(tmp_path / "old", 30, 91), tmp_path / "second", observe=False)
    assert observed(old)["imports"][SPARE]["unused"] == []


def installed(root: Path, *files: str) -> Distribution:
    info = root / "thing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Name: Thing\nVersion: 1\nRequires-Dist: Other_One>=2; python_version > '3'\n"
    )
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, "thing-1.dist-info/RECORD")))
    return Distribution.at(info)


@pytest.mark.parametrize(
    ("files", "roots", "hard_to_see"),
    [
        (("thing/__init__.py", "thing/deep/part.py"), {"thing"}, False),
        (("space/thing/__init__.py", "space/single.py"), {"space.thing", "space.single"}, False),
        (("_thing.abi3.so", "thing.libs/libssl.so.3", "../../bin/thing"), {"_thing"}, False),
        (("_thing.so",), {"_thing"}, False),
        (("thing/__init__.py", "thing/lib/libnccl.so.2"), {"thing"}, True),
        (("thing/__init__.py", "thing/libthing.so"), {"thing"}, True),
        (("thing.py", "thing.pth"), {"thing"}, True),
        (("thing-stubs/__init__.pyi", "share/thing.txt"), set(), False),
    ],
)
def test_what_a_distribution_carries(
    tmp_path: Path, files: tuple[str, ...], roots: set[str], hard_to_see: bool
) -> None:
    found = carried(installed(tmp_path, *files))
    assert (found.roots, found.hard_to_see, found.needs) == (roots, hard_to_see, ("other-one",))


def test_names_are_compared_as_an_index_does() -> None:
    assert normalise("Scikit_Learn") == "scikit-learn" and normalise("a.-_b") == "a-b"
    assert root_of("mpl_toolkits.mplot3d.axes3d", {"mpl_toolkits.mplot3d"}) == "mpl_toolkits.mplot3d"
    assert root_of("mpl_toolkits", {"mpl_toolkits.mplot3d"}) is None
