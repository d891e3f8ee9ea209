"""What the proof finds, and that it finds it: each project here is one way for a price to go wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from building import PROJECTS, build_release, observed, proved, run, seal, write_json
from projects import (
    PRICE,
    REQUEST,
    answer,
    column,
    table,
    write_project,
)
from service import Service

CONNECT = """
pipeline.connect("request", "priced", source_port="quote")
pipeline.connect("priced", "price")
"""

COLUMNS = [column("id", "int"), column("area", "str"), column("value", "float")]
QUOTES = [
    {"input": {"id": number, "area": "ABC"[number % 3], "value": 1000.0 + 37.5 * number}}
    for number in range(6)
]


def priced(expression: str) -> str:
    return f"""
@pipeline.polars
def priced(request: pl.LazyFrame) -> pl.LazyFrame:
    df = {expression}
    return df

"""


def flat(root: Path, expression: str, quotes: list[dict[str, Any]] | None = None, **more: Any) -> Path:
    return write_project(
        root,
        REQUEST + priced(expression) + PRICE + CONNECT,
        tables=[table("quote", COLUMNS)],
        mapping=answer("priced", {"id": "id", "premium": "premium"}),
        quotes=quotes or QUOTES,
        **more,
    )


def scoring(release: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release / "manifest.json").read_text())["scoring"]
    return found


def failed(proof: dict[str, Any]) -> set[str]:
    return {check["name"] for check in proof["checks"] if check["passed"] is False} | {
        check["name"] for quote in proof["quotes"] for check in quote["checks"] if check["passed"] is False
    }


#: Expressions that make a row's price depend on its neighbours, and a word of the reason.
DEPENDENT = {
    "mean": ('request.with_columns(premium=pl.col("value") - pl.col("value").mean())', "mean"),
    "rank": ('request.with_columns(premium=pl.col("value").rank())', "rank"),
    "over": ('request.with_columns(premium=pl.len().over("area").cast(pl.Float64))', "over"),
    "shift": ('request.with_columns(premium=pl.col("value").shift(1, fill_value=0.0))', "shift"),
    "cumulative": ('request.with_columns(premium=pl.col("value").cum_sum())', "cum_sum"),
    "group": (
        'request.group_by("id").agg(pl.col("value").sum().alias("premium"))',
        "group_by",
    ),
    "division by a literal": ('request.with_columns(premium=pl.col("value") / 7.3)', "literal"),
    "in a helper": ("spread(request)", "max"),
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_rows_that_depend_on_each_other_are_scored_alone(tmp_path: Path, name: str) -> None:
    expression, word = DEPENDENT[name]
    helper = (
        "import polars as pl\n\n\ndef spread(df):\n"
        '    return df.with_columns(premium=pl.col("value") * 2.0 - pl.col("value").max())\n'
    )
    project = flat(
        tmp_path / "dependent",
        expression,
        files={"rating/utility/__init__.py": helper},
        imports="from utility import spread\n",
    )
    release = build_release(project, tmp_path / "release")
    assert scoring(release)["rows"] == "dependent"
    assert word in scoring(release)["reason"]
    proof = proved(release)
    assert proof["passed"], failed(proof)
    inputs = [quote["input"] for quote in QUOTES]
    with Service(release) as service:
        batch = service.quote(inputs).json["rows"]
        assert batch == [service.quote(one).json["rows"][0] for one in inputs]
    assert batch == [quote["outputs"][0] for quote in proof["quotes"]]


def test_dependence_that_no_word_gives_away_is_found_by_scoring(tmp_path: Path) -> None:
    hidden = 'request.with_columns(premium=getattr(pl.col("value"), "ra" + "nk")().cast(pl.Float64))'
    release = build_release(flat(tmp_path / "hidden", hidden), tmp_path / "release")
    assert scoring(release)["rows"] == "dependent"
    assert "equal" in scoring(release)["reason"]


def test_a_pipeline_that_drops_unknown_columns_still_knows_its_quotes(tmp_path: Path) -> None:
    selects = 'request.select("id", premium=pl.col("value") * 0.1)'
    release = build_release(flat(tmp_path / "selects", selects), tmp_path / "release")
    assert scoring(release)["rows"] == "dependent"
    assert scoring(release)["strategy"] == "plan"
    with Service(release) as service:
        rows = service.quote([quote["input"] for quote in QUOTES[::-1]]).json["rows"]
    assert [row["id"] for row in rows] == [5, 4, 3, 2, 1, 0]


def test_a_manifest_that_claims_independence_wrongly_fails_the_proof(tmp_path: Path) -> None:
    mean = 'request.with_columns(premium=pl.col("value") - pl.col("value").mean())'
    release = build_release(flat(tmp_path / "mean", mean), tmp_path / "release")
    manifest = json.loads((release / "manifest.json").read_text())
    manifest["scoring"] |= {"rows": "independent", "reason": None}
    seal(release, manifest)
    proof = proved(release)
    assert not proof["passed"]
    assert {"batch_equals_single", "small_batches_equal_single"} <= failed(proof)


def test_expected_prices_are_compared_with_hautes_tolerance(tmp_path: Path) -> None:
    expression = 'request.with_columns(premium=pl.col("value") * 0.1)'
    expected = [
        ({"premium": 100.0}, 0.0, True),
        ({"premium": 100.5}, 0.0, False),
        ({"premium": 100.5}, 0.005, True),
        ({"premium": 99.0}, 0.01, False),
        ({"id": True}, 0.0, False),
        ({"surcharge": 1.0}, 0.0, False),
    ]
    quotes = [
        {"input": {"id": 1, "area": "A", "value": 1000.0}, "expected": wanted, "tolerance_pct": tolerance}
        for wanted, tolerance, _ in expected
    ]
    release = build_release(flat(tmp_path / "golden", expression, quotes), tmp_path / "release")
    proof = proved(release)
    assert [quote["passed"] for quote in proof["quotes"]] == [passes for *_, passes in expected]
    assert not proof["passed"]
    reason = next(c["reason"] for c in proof["quotes"][1]["checks"] if c["name"] == "expected")
    assert reason == "premium: 100.0, expected 100.5"


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ('pl.when(pl.col("id") > 0).then(pl.col("value"))', "null"),
        ('pl.col("id").cast(pl.Float64).log() * 0.0', "NaN"),
        ('1.0 / pl.col("id").cast(pl.Float64)', "infinite"),
    ],
)
def test_a_price_that_is_none_fails_the_proof(tmp_path: Path, expression: str, word: str) -> None:
    project = flat(tmp_path / "none", f"request.with_columns(premium={expression})")
    proof = proved(build_release(project, tmp_path / "release"))
    assert not proof["passed"]
    served = next(c for c in proof["quotes"][0]["checks"] if c["name"] == "served")
    assert served["passed"] is False
    assert word in served["reason"]
    assert "'premium'" in served["reason"]


def test_a_golden_row_may_expect_no_price(tmp_path: Path) -> None:
    expression = 'request.with_columns(premium=pl.when(pl.col("id") > 0).then(pl.col("value")))'
    quotes = [{**QUOTES[0], "expected": {"premium": None}}, *QUOTES[1:]]
    release = build_release(flat(tmp_path / "null", expression, quotes), tmp_path / "release")
    assert scoring(release)["null_prices"] == ["premium"]
    assert proved(release)["passed"]
    with Service(release) as service:
        assert service.quote(QUOTES[0]["input"]).json["rows"] == [{"id": 0}]


def test_answers_that_are_equal_are_not_merged(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "equal",
        REQUEST + priced("request.with_columns(premium=pl.lit(250.0))") + PRICE + CONNECT,
        tables=[table("quote", COLUMNS)],
        mapping=answer("priced", {"premium": "premium"}),
        quotes=QUOTES,
    )
    release = build_release(project, tmp_path / "release")
    with Service(release) as service:
        assert service.quote([quote["input"] for quote in QUOTES]).json["rows"] == [{"premium": 250.0}] * 6


def test_a_quote_with_several_answers_keeps_them_in_order(tmp_path: Path) -> None:
    body = (
        REQUEST
        + """
@pipeline.scenario_expander(config="config/expander/grid.json")
def grid(request):
    ...


@pipeline.polars
def priced(grid: pl.LazyFrame) -> pl.LazyFrame:
    df = grid.with_columns(premium=pl.col("value") * pl.col("factor").cast(pl.Float64))
    return df

"""
        + PRICE
        + """
pipeline.connect("request", "grid", source_port="quote")
pipeline.connect("grid", "priced")
pipeline.connect("priced", "price")
"""
    )
    project = write_project(
        tmp_path / "grid",
        body,
        tables=[table("quote", COLUMNS)],
        mapping=answer("priced", {"id": "id", "step": "step", "premium": "premium"}),
        quotes=QUOTES,
        sidecars={
            "config/expander/grid.json": {
                "column_name": "factor",
                "min_value": 0.5,
                "max_value": 1.5,
                "stepCount": 3,
                "step_column": "step",
            }
        },
    )
    release = build_release(project, tmp_path / "release")
    assert scoring(release)["answers"] == "many"
    proof = proved(release)
    assert proof["passed"], failed(proof)
    with Service(release) as service:
        rows = service.quote([QUOTES[2]["input"], QUOTES[1]["input"]]).json["rows"]
    assert [(row["id"], row["step"]) for row in rows] == [(2, 0), (2, 1), (2, 2), (1, 0), (1, 1), (1, 2)]


def nested_project(root: Path) -> Path:
    """A policy with drivers: two tables, renamed columns, dates, an ancestor's column, a nested answer."""
    body = (
        REQUEST
        + """
@pipeline.polars
def drivers_priced(driver: pl.LazyFrame) -> pl.LazyFrame:
    df = driver.with_columns(load=pl.when(pl.col("born") > pl.date(2000, 1, 1)).then(1.5).otherwise(1.0))
    return df


@pipeline.polars
def priced(policy: pl.LazyFrame) -> pl.LazyFrame:
    df = policy.with_columns(premium=pl.col("amount") * 0.03)
    return df


@pipeline.output(config="config/quote_response/price.json")
def price(priced, drivers_priced):
    ...

pipeline.connect("request", "drivers_priced", source_port="driver")
pipeline.connect("request", "priced", source_port="policy")
pipeline.connect("priced", "price")
pipeline.connect("drivers_priced", "price")
"""
    )
    quote = {
        "ref": "P1",
        "cover": {"sum": 5000},
        "drivers": [
            {"name": "Ada", "profile": {"born": "1990-05-01"}},
            {"name": "Bob", "profile": {"born": "2004-12-31"}},
        ],
    }
    return write_project(
        root,
        body,
        tables=[
            table("policy", [column("ref", "str"), column("amount", "float", "$[:].cover.sum")]),
            table(
                "driver",
                [
                    column("ref", "str", "$[:].ref"),
                    column("driver_name", "str", "$[:].drivers[:].name"),
                    column("born", "date", "$[:].drivers[:].profile.born"),
                ],
                "$[:].drivers[:]",
            ),
        ],
        mapping=[
            *answer("priced", {"ref": "ref", "cover.premium": "premium"}),
            *answer(
                "drivers_priced",
                {"ref": "ref", "drivers[:].name": "driver_name", "drivers[:].load": "load"},
            ),
        ],
        quotes=[
            {"input": quote},
            {"input": {**quote, "ref": "P2", "cover": {"sum": 123.25}, "drivers": quote["drivers"][1:]}},
        ],
    )


def test_nested_quotes_are_read_as_haute_run_reads_them_and_answered_nested(tmp_path: Path) -> None:
    release = build_release(nested_project(tmp_path / "nested"), tmp_path / "release")
    proof = proved(release)
    assert proof["passed"], failed(proof)
    assert proof["quotes"][0]["outputs"] == [
        {
            "ref": "P1",
            "cover": {"premium": 150.0},
            "drivers": [{"name": "Ada", "load": 1.0}, {"name": "Bob", "load": 1.5}],
        }
    ]
    quotes = json.loads((release / "quotes.json").read_text())
    first = quotes[0]["input"]
    with Service(release) as service:
        # Two callers with the same reference get each their own drivers.
        both = service.quote([first, {**first, "drivers": first["drivers"][:1]}]).json["rows"]
        assert [len(row["drivers"]) for row in both] == [2, 1]
        bad = service.quote([first, {**first, "drivers": [{"name": "Ada", "profile": {"born": 1990}}]}])
        assert (bad.status, bad.json["field"], bad.json["row"]) == (422, "drivers[0].profile.born", 1)
        for drivers, code in ((None, "null_field"), ("Ada", "wrong_type"), ([7], "wrong_type")):
            answer_ = service.quote({**first, "drivers": drivers})
            assert (answer_.status, answer_.json["error_code"]) == (422, code)
        assert service.quote({**first, "drivers": []}).json["rows"] == [
            {"ref": "P1", "cover": {"premium": 150.0}}
        ]
        schema = service.call("GET", "/openapi.json").json["components"]["schemas"]["Quote"]
        assert schema["properties"]["drivers"]["items"]["required"] == ["name", "profile"]


def test_global_constants_and_externals_are_those_of_the_live_source(tmp_path: Path) -> None:
    project = flat(
        tmp_path / "constants",
        'request.with_columns(premium=pl.col("value") * global_constants.rate)',
        constants=True,
        sidecars={
            "config/global_constants.json": {
                "constants": [{"name": "rate", "type": "float", "by_source": {"live": 0.25, "batch": 9.0}}]
            }
        },
    )
    release = build_release(project, tmp_path / "release")
    assert scoring(release)["strategy"] == "plan"
    proof = proved(release)
    assert proof["passed"], failed(proof)
    assert proof["quotes"][0]["outputs"][0]["premium"] == 250.0


def test_a_pipeline_that_collects_while_it_is_built_is_called_each_time(tmp_path: Path) -> None:
    collects = 'request.collect().with_columns(premium=pl.col("value") * 0.5).lazy()'
    release = build_release(flat(tmp_path / "eager", collects), tmp_path / "release")
    assert scoring(release)["rows"] == "independent"
    with Service(release) as service:
        for value in (10.0, 20.0, 30.0):
            quote = {**QUOTES[0]["input"], "value": value}
            assert service.quote(quote).json["rows"] == [{"id": 0, "premium": value / 2}]


def test_observe_reports_what_the_quotes_show(tmp_path: Path) -> None:
    quotes = [
        {"input": {"id": 1, "area": 7, "value": 10.0}},
        {"input": {"id": 2, "area": "B", "value": None}},
        {"input": {"id": 3, "area": "C"}},
        {"input": {"id": "x", "area": "C", "value": 1.0}},
    ]
    project = flat(tmp_path / "loose", 'request.with_columns(premium=pl.col("id") * 2.0)', quotes)
    release = build_release(project, tmp_path / "release", observe=False)
    found = observed(release)
    assert found["input_nullable"] == [{"table": "quote", "column": "value"}]
    assert found["input_widened"] == [{"table": "quote", "column": "area"}]
    assert found["quotes"][3]["error_code"] == "wrong_type"
    assert found["quotes"][0]["outputs"] == [{"id": 1, "premium": 2.0}]


def test_observing_twice_finds_the_same(tmp_path: Path) -> None:
    release = build_release(
        flat(tmp_path / "twice", 'request.with_columns(premium=pl.col("value") * 0.1)'),
        tmp_path / "release",
        observe=False,
    )
    assert observed(release) == observed(release)


def test_output_fields_keep_some_columns_in_their_order(tmp_path: Path) -> None:
    project = flat(tmp_path / "fields", 'request.with_columns(premium=pl.col("value") * 0.1)')
    release = build_release(project, tmp_path / "release", observe=False)
    manifest = json.loads((release / "manifest.json").read_text())
    manifest["pipeline"]["output_fields"] = ["premium"]
    write_json(release / "manifest.json", manifest)
    manifest["scoring"] = observed(release)["scoring"]
    seal(release, manifest)
    assert proved(release)["passed"]
    with Service(release) as service:
        assert service.quote(QUOTES[0]["input"]).json["rows"] == [{"premium": 100.0}]


def test_a_release_that_cannot_run_says_why(tmp_path: Path) -> None:
    project = flat(
        tmp_path / "broken",
        'request.with_columns(premium=pl.col("value"))',
        imports="import nothing_of_this_name\n",
    )
    release = build_release(project, tmp_path / "release", observe=False)
    result = run(release, "observe", "--release", str(release))
    assert result.returncode == 1
    error = json.loads(result.stdout)
    assert error["error_code"] == "pipeline_import_failed"
    assert "nothing_of_this_name" in error["error"]


@pytest.mark.parametrize("name", ["motor-pricing", "home-contents"])
def test_the_example_projects_prove(tmp_path: Path, name: str) -> None:
    if not (PROJECTS / name).is_dir():
        pytest.skip(f"examples/projects/{name} is not there")
    release = build_release(PROJECTS / name, tmp_path / "release")
    proof = proved(release)
    assert proof["passed"], failed(proof)
    inputs = [quote["input"] for quote in json.loads((release / "quotes.json").read_text())]
    with Service(release) as service:
        assert service.quote(inputs).json["rows"] == [quote["outputs"][0] for quote in proof["quotes"]]


def test_a_plain_pipeline_without_an_output_node_is_served(tmp_path: Path) -> None:
    """The form in which pipelines of the first Haute versions are lowered: functions only, a flat input, the last node answers."""
    main = """
import polars as pl
import haute

pipeline = haute.Pipeline("plain")


@pipeline.api_input
def policies() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1], "power": [6], "young": [False]})


@pipeline.polars
def office_price(policies: pl.LazyFrame) -> pl.LazyFrame:
    return policies.with_columns(
        premium=(161.37 * (1.0 + 0.0371 * (pl.col("power") - 6))).round(2),
        note=pl.when(pl.col("young")).then(pl.lit("young")),
    )


pipeline.connect("policies", "office_price")
"""
    project = flat(tmp_path / "plain", "request")
    release = build_release(project, tmp_path / "release", observe=False)
    (release / "project" / "rating" / "main.py").write_text(main)
    quotes = [
        {
            "id": f"q#{n}",
            "input": {"id": n, "power": n, "young": n > 2},
            "expected": None,
            "tolerance_pct": 0.0,
        }
        for n in range(1, 5)
    ]
    write_json(release / "quotes.json", quotes)
    manifest = json.loads((release / "manifest.json").read_text())
    manifest["pipeline"]["output_node"] = "office_price"
    manifest["output"] = {"mapping": None}
    manifest["input"] = {
        "node": "policies",
        "mode": "flat",
        "columns": [
            {"name": "id", "type": "int"},
            {"name": "power", "type": "int", "dtype": "Int32"},
            {"name": "young", "type": "bool"},
        ],
        "ports": [],
    }
    write_json(release / "manifest.json", manifest)
    manifest["scoring"] = observed(release)["scoring"]
    seal(release, manifest)
    assert (scoring(release)["rows"], scoring(release)["strategy"]) == ("independent", "plan")
    assert scoring(release)["price_columns"] == ["premium"]
    proof = proved(release)
    assert proof["passed"], failed(proof)
    with Service(release) as service:
        rows = service.quote([{"id": 3, "power": 8, "young": True}, {"id": 1, "power": 6, "young": False}])
        assert rows.json["rows"] == [
            {"id": 3, "power": 8, "young": True, "premium": 173.34, "note": "young"},
            {"id": 1, "power": 6, "young": False, "premium": 161.37},
        ]


def test_hautes_own_smoke_and_impact_work_against_the_service(tmp_path: Path) -> None:
    """The commands as they are, on a project whose staging and production addresses are the service."""
    project = flat(tmp_path / "called", 'request.with_columns(premium=pl.col("value") * 0.1)')
    release = build_release(project, tmp_path / "release")
    frame = pl.DataFrame([quote["input"] for quote in QUOTES * 250])
    frame.write_parquet(project / "portfolio.parquet")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    haute = str(Path(sys.executable).parent / "haute")
    with Service(release) as service:
        url = f"http://127.0.0.1:{service.port}"
        settings = (project / "haute.toml").read_text()
        (project / "haute.toml").write_text(
            settings
            + '\n[deploy]\ntarget = "container"\nmodel_name = "called"\n'
            + '\n[deploy.container]\nbase_image = "python:3.11.9-slim"\n'
            + '\n[safety]\nimpact_dataset = "portfolio.parquet"\n'
            + f'\n[ci.staging]\nendpoint_url = "{url}"\n\n[ci.production]\nendpoint_url = "{url}"\n'
        )
        smoke = subprocess.run(
            [haute, "smoke"], cwd=project, capture_output=True, text=True, timeout=300, check=False
        )
        assert smoke.returncode == 0, smoke.stdout + smoke.stderr
        assert "6 predictions returned" in smoke.stdout
        impact = subprocess.run(
            [haute, "impact"], cwd=project, capture_output=True, text=True, timeout=300, check=False
        )
        assert impact.returncode == 0, impact.stdout + impact.stderr
    report = (project / "impact_report.md").read_text()
    # Compared with itself, a service changes nothing: its answers come in the order of the questions.
    assert "## Output: `premium`" in report
    assert "| Rows changed | 0 / 1,500 (0.0%) |" in report
