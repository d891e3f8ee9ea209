"""Small Haute projects written for one test each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEAD = '''"""Pipeline: {name}"""

import polars as pl

import haute
{imports}
pipeline = haute.Pipeline({name!r}{constants})

'''


def column(name: str, kind: str, path: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "path": path or f"$[:].{name}",
        "type": kind,
        "status": "Confirmed",
        "selected": True,
        "levels": None,
    }


def table(label: str, columns: list[dict[str, Any]], path: str = "$[:]") -> dict[str, Any]:
    return {"path": path, "label": label, "emit": True, "row_id_column": None, "columns": columns}


def answer(port: str, paths: dict[str, str]) -> list[dict[str, Any]]:
    """An output mapping: `paths` maps each answer path (after `$[:].`) to its column."""
    return [
        {
            "source_port": port,
            "source_column": source,
            "output_path": f"$[:].{path}",
            "enabled": True,
        }
        for path, source in paths.items()
    ]


def write_project(
    root: Path,
    body: str,
    *,
    tables: list[dict[str, Any]],
    mapping: list[dict[str, Any]],
    quotes: list[dict[str, Any]],
    sidecars: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
    imports: str = "",
    constants: bool = False,
) -> Path:
    """A project called like its folder: `body` is the pipeline's nodes, with `request` and `price` configured as below."""
    name = root.name
    keyword = ', global_constants="config/global_constants.json"' if constants else ""
    settings = "global_constants = pipeline.global_constants\n\n" if constants else ""
    main = HEAD.format(name=name, imports=imports, constants=keyword) + settings + body
    written: dict[str, Any] = {
        "config/quote_input/request.json": {"path": "data/sample.json", "tables": tables},
        "config/quote_response/price.json": {"outputMapping": mapping, "outputFormat": "json"},
        "data/sample.json": [quote["input"] for quote in quotes],
        **(sidecars or {}),
    }
    for path, value in written.items():
        _write(root / "rating" / path, json.dumps(value))
    for path, text in (files or {}).items():
        _write(root / path, text)
    _write(root / "rating" / "main.py", main)
    _write(
        root / "haute.toml",
        f'[project]\nname = "{name}"\npipeline = "rating/main.py"\n\n[test_quotes]\ndir = "tests/quotes"\n',
    )
    _write(root / "tests" / "quotes" / "golden.json", json.dumps(quotes))
    return root


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


REQUEST = """
@pipeline.api_input(config="config/quote_input/request.json")
def request():
    ...

"""

PRICE = """
@pipeline.output(config="config/quote_response/price.json")
def price(priced):
    ...

"""

TARIFF_COLUMNS = [
    column("id", "int"),
    column("age", "int"),
    column("value", "float"),
    column("area", "str"),
    column("protected", "bool"),
    column("start", "date"),
    column("town", "str", "$[:].address.town"),
    column("nickname", "str"),
]

TARIFF_QUOTE = {
    "id": 1,
    "age": 40,
    "value": 20000.0,
    "area": "A",
    "protected": True,
    "start": "2026-03-01",
    "address": {"town": "Leeds"},
    "nickname": "zippy",
}


def tariff(root: Path) -> Path:
    """Every type, a nested object, a nullable field, a table that misses, and ways to a price that is none.

    The premium is null at age 0, NaN below 17, infinite for huge values; age 130 has no answer at all.
    """
    body = (
        REQUEST
        + """
@pipeline.rating_step(config="config/rating_step/area_factor.json")
def area_factor(request):
    ...


@pipeline.polars
def priced(area_factor: pl.LazyFrame) -> pl.LazyFrame:
    df = area_factor.filter(pl.col("age") != 130)
    df = df.with_columns(
        premium=pl.when(pl.col("age") != 0).then(
            pl.col("value") * 1e5 * pl.col("factor") * (pl.col("age") - 17).cast(pl.Float64).sqrt() * 1e-7
            + pl.when(pl.col("protected")).then(10.0).otherwise(0.0)
            + pl.col("start").dt.month().cast(pl.Float64)
        ),
        tier=pl.when(pl.col("age") < 25).then(pl.lit("young")).otherwise(pl.lit("adult")),
    )
    return df

"""
        + PRICE
        + """
pipeline.connect("request", "area_factor", source_port="quote")
pipeline.connect("area_factor", "priced")
pipeline.connect("priced", "price")
"""
    )
    rating = {
        "tables": [
            {
                "factors": ["area"],
                "outputColumn": "factor",
                "onMissing": "error",
                "entries": [{"area": "A", "value": 1.0}, {"area": "B", "value": 1.25}],
            }
        ],
        "combinedOutputs": [],
    }
    quotes = [
        {"input": TARIFF_QUOTE},
        {"input": {**TARIFF_QUOTE, "id": 2, "age": 19, "area": "B", "nickname": None}},
        {"input": {**TARIFF_QUOTE, "id": 3, "protected": False, "start": "2026-11-30"}},
    ]
    return write_project(
        root,
        body,
        tables=[table("quote", TARIFF_COLUMNS)],
        mapping=answer(
            "priced",
            {"id": "id", "premium": "premium", "detail.tier": "tier", "detail.town": "town"},
        ),
        quotes=quotes,
        sidecars={"config/rating_step/area_factor.json": rating},
    )


#: What the builder adds to a manifest's input for `tariff`: its test quotes show `nickname` null.
def with_nullable(release_input: dict[str, Any], name: str) -> dict[str, Any]:
    tables = [
        {
            **spec,
            "columns": [
                {**entry, "nullable": True} if entry["name"] == name else entry for entry in spec["columns"]
            ],
        }
        for spec in release_input["tables"]
    ]
    return {**release_input, "tables": tables}
