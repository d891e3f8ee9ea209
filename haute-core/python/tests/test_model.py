"""Prices data frames the way MLflow hands them over, with the real process behind."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest


def load(release: Path) -> ModuleType:
    """`model.py` by its path, as a model of MLflow loads it."""
    path = release / "runtime" / "haute_serve" / "model.py"
    spec = importlib.util.spec_from_file_location(f"model_{os.urandom(4).hex()}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runtime(motor_release: Path) -> ModuleType:
    return load(motor_release)


@pytest.fixture(scope="module")
def model(motor_release: Path, runtime: ModuleType) -> Iterator[Any]:
    model = runtime.Model(motor_release)
    yield model
    model.close()


@pytest.fixture(scope="module")
def quotes(motor_release: Path) -> list[dict[str, Any]]:
    return [quote["input"] for quote in json.loads((motor_release / "quotes.json").read_text())]


def refused(runtime: ModuleType, model: Any, rows: Any) -> Any:
    with pytest.raises(runtime.Refused) as caught:
        model.predict(rows)
    return caught.value


def test_frames_lists_and_single_quotes_have_the_same_answers(model: Any, quotes: list[dict[str, Any]]) -> None:
    listed = model.predict(quotes)
    assert len(listed) == len(quotes)
    assert model.predict(pd.DataFrame(quotes)) == listed
    assert [model.predict(pd.DataFrame([quote]))[0] for quote in quotes] == listed
    assert model.predict(quotes[0]) == listed[:1]


def test_the_release_is_told(motor_release: Path, model: Any) -> None:
    ready = model.load()
    assert ready["event"] == "ready"
    assert ready["release"].startswith("sha256:")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (30.5, "wrong_type"),
        (30.0, "wrong_type"),
        (True, "wrong_type"),
        ("30", "wrong_type"),
        (None, "null_field"),
        (math.nan, "number_not_finite"),
        (math.inf, "number_not_finite"),
        (2**63, "number_out_of_range"),
        (1e308, "number_out_of_range"),
        (pd.Timestamp("2026-01-01"), "wrong_type"),
    ],
)
def test_a_value_that_would_be_changed_is_refused(
    runtime: ModuleType, model: Any, quotes: list[dict[str, Any]], value: Any, code: str
) -> None:
    refusal = refused(runtime, model, pd.DataFrame([{**quotes[0], "DrivAge": value}]))
    assert refusal.code == code
    assert str(refusal).startswith(code)


def test_whole_numbers_that_a_frame_made_floats_are_whole_again(
    runtime: ModuleType, model: Any, quotes: list[dict[str, Any]]
) -> None:
    # One quote without the field: pandas makes floats of the others.
    frame = pd.DataFrame([quotes[0], {key: value for key, value in quotes[1].items() if key != "DrivAge"}])
    assert frame["DrivAge"].dtype.kind == "f"
    refusal = refused(runtime, model, frame)
    assert (refusal.code, refusal.field, refusal.row) == ("null_field", "DrivAge", 1)
    floats = pd.DataFrame(quotes).astype({"DrivAge": "float64"})
    assert model.predict(floats) == model.predict(quotes)


def test_numbers_that_may_have_been_rounded_are_refused_in_company_only(runtime: ModuleType) -> None:
    exact = 2**53 + 1
    with pytest.raises(runtime.Refused) as caught:
        runtime.rows_of(pd.DataFrame([{"a": exact}, {"a": None}]))
    assert caught.value.code == "number_not_exact"
    assert runtime.rows_of(pd.DataFrame([{"a": exact}])) == [{"a": exact}]
    assert runtime.rows_of(pd.DataFrame([{"a": 1.5}, {"a": None}, {"a": -0.0}])) == [{"a": 1.5}, {"a": None}, {"a": -0.0}]


def test_a_number_taken_as_text_is_refused_where_its_spelling_is_lost(runtime: ModuleType) -> None:
    widened = frozenset({"code"})
    assert runtime.rows_of(pd.DataFrame([{"code": 30}]), widened) == [{"code": 30}]
    with pytest.raises(runtime.Refused):
        runtime.rows_of(pd.DataFrame([{"code": 30}, {"code": None}]), widened)


def test_nested_values_and_texts_are_left_alone(runtime: ModuleType) -> None:
    rows = [{"a": {"k": [1, None, 2.0]}, "b": "x"}, {"a": None, "b": None}]
    assert runtime.rows_of(pd.DataFrame(rows)) == rows
    with pytest.raises(runtime.Refused):
        runtime.encode([{"a": [math.nan]}])


def test_two_columns_of_one_name_are_refused(runtime: ModuleType) -> None:
    with pytest.raises(runtime.Refused) as caught:
        runtime.rows_of(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert caught.value.code == "duplicate_key"


def test_threads_share_a_model(model: Any, quotes: list[dict[str, Any]]) -> None:
    expected = model.predict(quotes)
    wrong: list[Any] = []

    def ask() -> None:
        for index, quote in enumerate(quotes):
            answer = model.predict([quote])
            if answer != expected[index : index + 1]:
                wrong.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_process_that_was_killed_is_started_again(model: Any, quotes: list[dict[str, Any]]) -> None:
    expected = model.predict(quotes)
    model._worker._process.kill()
    model._worker._process.wait()
    assert model.predict(quotes) == expected


def test_the_process_ends_with_its_owner(motor_release: Path, runtime: ModuleType) -> None:
    other = runtime.Model(motor_release)
    other.load()
    process = other._worker._process
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    other.close()


def test_a_changed_release_does_not_load(motor_release: Path, runtime: ModuleType, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "release"
    shutil.copytree(motor_release, copy)
    source = next((copy / "project").rglob("main.py"))
    source.write_text(source.read_text() + "\n")
    with pytest.raises(runtime.Failed, match="file_changed"):
        runtime.Model(copy).load()
