"""Writes a valid Haute 0.6 project of many nodes: `python generate.py DIRECTORY [--nodes 1000]`.

Transforms, bandings and rating steps with sidecars of realistic size, all on the scoring path, in chains that meet in
joins of columns. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

CHAINS = 10
AREAS = [f"area {number:02}" for number in range(40)]
BANDS = {"21": "18-21", "25": "22-25", "35": "26-35", "50": "36-50", "65": "51-65", "": "66+"}


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def banding(directory: Path, name: str) -> None:
    factor = {
        "banding": "breakpoints",
        "column": "age",
        "outputColumn": f"{name}_band",
        "rules": BANDS,
        "default": "26-35",
    }
    write_json(directory / f"config/banding/{name}.json", {"factors": [factor]})


def rating_step(directory: Path, name: str, number: int) -> None:
    entries = [{"area": area, "value": round(0.8 + (index * 7 + number) % 50 / 100, 2)} for index, area in enumerate(AREAS)]
    table = {"factors": ["area"], "outputColumn": f"{name}_factor", "defaultValue": 1.0, "entries": entries}
    write_json(directory / f"config/rating_step/{name}.json", {"tables": [table]})


def transform(name: str, inputs: list[str]) -> str:
    return (
        f"@pipeline.polars\ndef {name}({', '.join(f'{item}: pl.LazyFrame' for item in inputs)}) -> pl.LazyFrame:\n"
        f'    """Scales the price of step {name}."""\n'
        f"    df = {inputs[0]}.with_columns(\n"
        f'        {name}_value=pl.when(pl.col("age") < 25).then(pl.col("base") * 1.07).otherwise(pl.col("base")),\n'
        "    )\n"
        f'    df = df.with_columns(base=pl.col("{name}_value").clip(lower_bound=10.0))\n'
        "    return df\n"
    )


def generate(root: Path, nodes: int) -> None:
    directory = root / "rating"
    columns = [
        {"name": name, "path": f"$[:].{name}", "type": kind, "status": "Confirmed", "selected": True, "levels": None}
        for name, kind in [("id", "int"), ("age", "int"), ("area", "str"), ("base", "float")]
    ]
    table = {"path": "$[:]", "label": "policy", "emit": True, "row_id_column": "id", "columns": columns}
    write_json(directory / "config/quote_input/quote.json", {"path": "data/sample.json", "tables": [table]})
    write_json(directory / "data/sample.json", [{"id": 1, "age": 40, "area": AREAS[0], "base": 100.0}])
    mapping = {"source_port": "total", "source_column": "base", "output_path": "$[:].premium", "enabled": True}
    write_json(directory / "config/quote_response/price.json", {"outputMapping": [mapping]})
    functions = ['@pipeline.api_input(config="config/quote_input/quote.json")\ndef quote(): ...\n']
    connects: list[str] = []
    ends = ["policy"] * CHAINS
    for number in range(nodes - 3):
        name, chain = f"step_{number:04}", number % CHAINS
        previous = ends[chain]
        if previous == "policy":
            connects.append(f'pipeline.connect("quote", "{name}", source_port="policy")')
        kind = number // CHAINS % 3
        if kind == 0:
            functions.append(transform(name, [previous]))
        elif kind == 1:
            banding(directory, name)
            functions.append(f'@pipeline.banding(config="config/banding/{name}.json")\ndef {name}({previous}): ...\n')
        else:
            rating_step(directory, name, number)
            functions.append(f'@pipeline.rating_step(config="config/rating_step/{name}.json")\ndef {name}({previous}): ...\n')
        ends[chain] = name
    functions.append(transform("total", ends))
    functions.append('@pipeline.output(config="config/quote_response/price.json")\ndef price(total): ...\n')
    head = 'import polars as pl\n\nimport haute\n\npipeline = haute.Pipeline("generated")\n'
    source = "\n\n".join([head, *functions]) + "\n\n" + "\n".join(connects) + "\n"
    (directory / "main.py").write_text(source, encoding="utf-8")
    (root / "haute.toml").write_text('[project]\nname = "generated"\npipeline = "rating/main.py"\n', encoding="utf-8")
    (root / ".git").write_text("", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--nodes", type=int, default=1000)
    arguments = parser.parse_args()
    generate(arguments.directory, arguments.nodes)


if __name__ == "__main__":
    main()
