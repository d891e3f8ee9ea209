"""Scores quotes through a lowered project: `python score.py <request.json>`; answers as JSON on stdout."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

DTYPES = {"int": pl.Int64, "float": pl.Float64, "str": pl.String, "bool": pl.Boolean, "date": pl.Date}


def levels(path: str) -> list[list[str]]:
    """`$[:].drivers[:].born` as the keys between each `[:]`."""
    return [[key for key in part.split(".") if key and key != "$"] for part in path.split("[:]")]


def dig(value: Any, keys: list[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def contexts(quotes: list[Any], table: str) -> list[list[Any]]:
    """One list of enclosing objects per row of the table, the row itself last."""
    rows = [[quote] for quote in quotes]
    for keys in levels(table)[1:-1]:
        rows = [row + [item] for row in rows for item in (dig(row[-1], keys) or [])]
    return rows


def frame(quotes: list[Any], table: dict[str, Any]) -> pl.LazyFrame:
    rows = contexts(quotes, table["path"])
    columns, schema = {}, {}
    for column in table["columns"]:
        if not column.get("selected", False):
            continue
        steps = levels(column["path"])[1:]
        values = [dig(row[len(steps) - 1], steps[-1]) for row in rows]
        kind = column["type"]
        if kind == "float":
            values = [None if value is None else float(value) for value in values]
        if kind == "date":
            values = [None if value is None else date.fromisoformat(value) for value in values]
        columns[column["name"]] = values
        schema[column["name"]] = DTYPES[kind]
    return pl.LazyFrame(columns, schema=schema)


def plain(value: Any) -> Any:
    """Dates as text; what is null or empty left out, as a served answer leaves it out."""
    if isinstance(value, dict):
        pairs = ((key, plain(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item not in (None, [], {})}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    root = Path(request["root"])
    sys.path[:0] = [str(root / request["directory"]), str(root / "project")]
    os.chdir(root / "project")
    spec = importlib.util.spec_from_file_location("lowered_pipeline", root / request["pipeline_file"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["lowered_pipeline"] = module
    spec.loader.exec_module(module)
    contract = request["input"]

    def score(quotes: list[Any]) -> list[Any]:
        if contract["mode"] == "tables":
            tables = {table["label"]: table for table in contract["tables"]}
            frames = {port: frame(quotes, tables[port]) for port in contract["ports"]}
            seed = frames if len(frames) > 1 else next(iter(frames.values()))
        else:
            seed = pl.LazyFrame(quotes)
        result = module.pipeline.score(seed)
        return (result.collect() if isinstance(result, pl.LazyFrame) else result).to_dicts()

    answers = [plain(score([quote])) for quote in request["quotes"]]
    print(json.dumps(answers))


main()
