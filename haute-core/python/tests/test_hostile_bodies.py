"""Every hostile body is answered with a 4xx, a stable code, and nothing of the inside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from projects import TARIFF_QUOTE
from service import Service


def changed(**fields: Any) -> bytes:
    return json.dumps({**TARIFF_QUOTE, **fields}).encode()


def without(*names: str) -> bytes:
    return json.dumps({key: value for key, value in TARIFF_QUOTE.items() if key not in names}).encode()


def raw(field: str, text: str) -> bytes:
    """The quote with `field`'s value written as `text`."""
    rest = {key: value for key, value in TARIFF_QUOTE.items() if key != field}
    return f'{{"{field}": {text}, {json.dumps(rest)[1:]}'.encode()


GOOD = json.dumps(TARIFF_QUOTE).encode()

#: body, status, error_code, field
BODIES: dict[str, tuple[bytes, int, str, str | None]] = {
    # Not JSON
    "empty": (b"", 422, "invalid_json", None),
    "blank": (b" \r\n\t ", 422, "invalid_json", None),
    "truncated object": (GOOD[:-1], 422, "invalid_json", None),
    "truncated text": (b'{"id": "x', 422, "invalid_json", None),
    "trailing text": (GOOD + b"x", 422, "invalid_json", None),
    "two documents": (GOOD + GOOD, 422, "invalid_json", None),
    "single quotes": (b"{'id': 1}", 422, "invalid_json", None),
    "trailing comma": (b'{"id": 1,}', 422, "invalid_json", None),
    "comment": (b'{"id": 1 /* one */}', 422, "invalid_json", None),
    "form": (b"id=1&age=40", 422, "invalid_json", None),
    "xml": (b"<quote><id>1</id></quote>", 422, "invalid_json", None),
    "leading zero": (raw("age", "040"), 422, "invalid_json", None),
    "plus sign": (raw("age", "+40"), 422, "invalid_json", None),
    "hexadecimal": (raw("age", "0x28"), 422, "invalid_json", None),
    "bare word": (raw("area", "A"), 422, "invalid_json", None),
    "python true": (raw("protected", "True"), 422, "invalid_json", None),
    "control character in text": (raw("area", '"A\n"'), 422, "invalid_json", None),
    "lone surrogate": (raw("area", '"\\ud800"'), 422, "invalid_json", None),
    "bad escape": (raw("area", '"\\x41"'), 422, "invalid_json", None),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, 422, "invalid_json", None),
    "nul byte": (GOOD + b"\x00", 422, "invalid_json", None),
    "latin-1": (raw("area", '"\u00c4"').decode().encode("latin-1"), 422, "invalid_utf8", None),
    "utf-16": (GOOD.decode().encode("utf-16"), 422, "invalid_utf8", None),
    "overlong utf-8": (b'{"area": "\xc0\x80"}', 422, "invalid_utf8", None),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", 422, "invalid_utf8", None),
    "NaN": (raw("value", "NaN"), 422, "number_not_finite", None),
    "Infinity": (raw("value", "Infinity"), 422, "number_not_finite", None),
    "minus Infinity": (raw("value", "-Infinity"), 422, "number_not_finite", None),
    "1e400": (raw("value", "1e400"), 422, "number_not_finite", None),
    "-1e400": (raw("value", "-1e400"), 422, "number_not_finite", None),
    "1e400 for an int": (raw("age", "1e400"), 422, "number_not_finite", None),
    # JSON, but no quotes
    "null": (b"null", 400, "not_an_object", None),
    "number": (b"42", 400, "not_an_object", None),
    "text": (b'"quote"', 400, "not_an_object", None),
    "true": (b"true", 400, "not_an_object", None),
    "empty array": (b"[]", 422, "no_quotes", None),
    "array of numbers": (b"[1, 2]", 422, "not_an_object", None),
    "array of null": (b"[null]", 422, "not_an_object", None),
    "array of arrays": (b"[[" + GOOD + b"]]", 422, "not_an_object", None),
    "second row is text": (b"[" + GOOD + b', "x"]', 422, "not_an_object", None),
    "deep arrays": (b"[" * 500 + b"]" * 500, 422, "too_deep", None),
    "very deep arrays": (b"[" * 100_000 + b"]" * 100_000, 422, "too_deep", None),
    "deep objects": (b'{"a":' * 400 + b"1" + b"}" * 400, 422, "too_deep", None),
    "very deep objects": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, 422, "too_deep", None),
    "deep in an unknown field": (raw("extra", "[" * 20 + "]" * 20), 422, "too_deep", None),
    "unclosed arrays": (b"[" * 900, 422, "invalid_json", None),
    "duplicate key": (b'{"age": 20, ' + GOOD[1:], 422, "duplicate_key", "age"),
    "duplicate key, same value": (b'{"age": 40, ' + GOOD[1:], 422, "duplicate_key", "age"),
    "duplicate key, escaped": (b'{"\\u0061ge": 20, ' + GOOD[1:], 422, "duplicate_key", "age"),
    "duplicate nested key": (raw("address", '{"town": "a", "town": "b"}'), 422, "duplicate_key", "town"),
    "duplicate unknown key": (raw("x", '1, "x": 2'), 422, "duplicate_key", "x"),
    # Quotes with fields missing, null or of another type
    "empty object": (b"{}", 422, "missing_field", "id"),
    "other fields only": (b'{"a": 1}', 422, "missing_field", "id"),
    "missing int": (without("age"), 422, "missing_field", "age"),
    "missing float": (without("value"), 422, "missing_field", "value"),
    "missing bool": (without("protected"), 422, "missing_field", "protected"),
    "missing date": (without("start"), 422, "missing_field", "start"),
    "missing object": (without("address"), 422, "missing_field", "address.town"),
    "empty nested object": (changed(address={}), 422, "missing_field", "address.town"),
    "wrong case": (raw("Age", "1").replace(b'"age": 40, ', b""), 422, "missing_field", "age"),
    "null int": (changed(age=None), 422, "null_field", "age"),
    "null text": (changed(area=None), 422, "null_field", "area"),
    "null date": (changed(start=None), 422, "null_field", "start"),
    "null object": (changed(address=None), 422, "missing_field", "address.town"),
    "object is text": (changed(address="Leeds"), 422, "missing_field", "address.town"),
    "object is array": (changed(address=[{"town": "Leeds"}]), 422, "missing_field", "address.town"),
    "fraction for an int": (changed(age=42.5), 422, "wrong_type", "age"),
    "whole fraction for an int": (changed(age=42.0), 422, "wrong_type", "age"),
    "exponent for an int": (raw("age", "4e1"), 422, "wrong_type", "age"),
    "text for an int": (changed(age="42"), 422, "wrong_type", "age"),
    "true for an int": (changed(age=True), 422, "wrong_type", "age"),
    "array for an int": (changed(age=[42]), 422, "wrong_type", "age"),
    "object for an int": (changed(age={"years": 42}), 422, "wrong_type", "age"),
    "2**63": (raw("age", str(2**63)), 422, "number_out_of_range", "age"),
    "2**70": (raw("age", str(2**70)), 422, "number_out_of_range", "age"),
    "-2**70": (raw("age", str(-(2**70))), 422, "number_out_of_range", "age"),
    "5000 digits": (raw("age", "9" * 5000), 422, "number_not_finite", None),
    "text for a float": (changed(value="20000"), 422, "wrong_type", "value"),
    "true for a float": (changed(value=True), 422, "wrong_type", "value"),
    "int a float cannot hold": (raw("value", str(2**53 + 1)), 422, "number_not_exact", "value"),
    "number for text": (changed(area=1), 422, "wrong_type", "area"),
    "true for text": (changed(area=True), 422, "wrong_type", "area"),
    "array for text": (changed(area=["A"]), 422, "wrong_type", "area"),
    "number for a bool": (changed(protected=1), 422, "wrong_type", "protected"),
    "text for a bool": (changed(protected="true"), 422, "wrong_type", "protected"),
    "number for a date": (changed(start=20260301), 422, "wrong_type", "start"),
    "date and time": (changed(start="2026-03-01T00:00:00"), 422, "invalid_date", "start"),
    "day first": (changed(start="01/03/2026"), 422, "invalid_date", "start"),
    "no such day": (changed(start="2026-02-30"), 422, "invalid_date", "start"),
    "week date": (changed(start="2026-W09-7"), 422, "invalid_date", "start"),
    "date without hyphens": (changed(start="20260301"), 422, "invalid_date", "start"),
    "year 0": (changed(start="0000-01-01"), 422, "invalid_date", "start"),
    "empty date": (changed(start=""), 422, "invalid_date", "start"),
    "number for a nullable text": (changed(nickname=7), 422, "wrong_type", "nickname"),
    # Quotes the pipeline has no price for
    "unknown area": (changed(area="Z"), 422, "not_priced", None),
    "empty area": (changed(area=""), 422, "not_priced", None),
    "area with a nul": (changed(area="A\u0000"), 422, "not_priced", None),
    "null price": (changed(age=0), 422, "price_not_finite", "premium"),
    "NaN price": (changed(age=3), 422, "price_not_finite", "premium"),
    "infinite price": (changed(value=1e308), 422, "price_not_finite", "premium"),
    "no answer": (changed(age=130), 422, "no_answer", None),
    # Batches
    "one bad row": (b"[" + GOOD + b"," + changed(age="x") + b"]", 422, "wrong_type", "age"),
    "one unpriced row": (b"[" + GOOD + b"," + changed(area="Z") + b"]", 422, "not_priced", None),
    "one row without fields": (b"[" + GOOD + b",{}]", 422, "missing_field", "id"),
    "too many rows": (b"[" + b",".join([b"{}"] * 2001) + b"]", 413, "too_many_rows", None),
    "too large": (raw("extra", '"' + "x" * 300_000 + '"'), 413, "request_body_too_large", None),
}

#: Nothing a caller should see: traces, code, libraries, paths.
SECRETS = ("Traceback", "polars", "haute", 'File "', ".py", "/tmp", "LazyFrame")


def test_there_are_enough() -> None:
    assert len(BODIES) >= 60


@pytest.mark.parametrize("name", BODIES)
def test_hostile_body(tariff_service: Service, name: str) -> None:
    body, status, code, field = BODIES[name]
    answer = tariff_service.call("POST", "/quote", body, {"content-type": "application/json"})
    assert (answer.status, answer.json.get("error_code"), answer.json.get("field")) == (
        status,
        code,
        field,
    ), answer.body
    assert answer.json["error"]
    assert not any(secret in answer.body.decode() for secret in SECRETS), answer.body


def test_the_service_still_prices_after_all_of_them(tariff_service: Service) -> None:
    for body, *_ in BODIES.values():
        tariff_service.call("POST", "/quote", body)
    assert tariff_service.call("POST", "/quote", GOOD).status == 200
    assert tariff_service.call("GET", "/health").json["status"] == "ok"
