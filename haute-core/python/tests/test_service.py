"""What the service promises its callers."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from building import seal
from projects import TARIFF_QUOTE
from service import Service

ENVELOPE = {"rows", "row_count", "returned_rows", "truncated", "limit", "execution_metrics"}


def test_one_object_is_one_quote_in_hautes_envelope(tariff_service: Service) -> None:
    answer = tariff_service.quote(TARIFF_QUOTE)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == ENVELOPE
    assert answer.json["row_count"] == answer.json["returned_rows"] == 1
    assert answer.json["truncated"] is False
    (row,) = answer.json["rows"]
    assert list(row) == ["id", "premium", "detail"]
    assert row["detail"] == {"tier": "adult", "town": "Leeds"}
    assert isinstance(row["premium"], float)


def test_unknown_fields_are_ignored(tariff_service: Service) -> None:
    plain = tariff_service.quote(TARIFF_QUOTE).json["rows"]
    more = tariff_service.quote({**TARIFF_QUOTE, "colour": "red", "extras": [1, {"a": None}]})
    assert more.json["rows"] == plain


def test_an_optional_field_may_be_null_or_absent(tariff_service: Service) -> None:
    absent = {key: value for key, value in TARIFF_QUOTE.items() if key != "nickname"}
    assert tariff_service.quote(absent).status == 200
    assert tariff_service.quote({**TARIFF_QUOTE, "nickname": None}).status == 200


def test_a_whole_number_is_taken_for_a_float(tariff_service: Service) -> None:
    as_float = tariff_service.quote(TARIFF_QUOTE).json["rows"]
    assert tariff_service.quote({**TARIFF_QUOTE, "value": 20000}).json["rows"] == as_float


def test_a_key_that_looks_like_two_is_no_duplicate(tariff_service: Service) -> None:
    assert tariff_service.quote({**TARIFF_QUOTE, "note": 'the "age": is 40'}).status == 200


def test_a_batch_answers_what_single_quotes_would_in_request_order(tariff_service: Service) -> None:
    quotes = [
        {**TARIFF_QUOTE, "id": number, "age": 18 + number * 7 % 60, "area": "AB"[number % 2]}
        for number in range(500, 0, -1)
    ]
    batch = tariff_service.quote(quotes).json
    assert [row["id"] for row in batch["rows"]] == list(range(500, 0, -1))
    for quote, row in list(zip(quotes, batch["rows"], strict=True))[::25]:
        assert tariff_service.quote(quote).json["rows"] == [row]


def test_equal_quotes_get_one_answer_each(tariff_service: Service) -> None:
    batch = tariff_service.quote([TARIFF_QUOTE] * 5).json
    assert batch["row_count"] == 5
    assert batch["rows"] == tariff_service.quote(TARIFF_QUOTE).json["rows"] * 5


def test_more_than_a_thousand_rows_are_all_answered(tariff_service: Service) -> None:
    batch = tariff_service.quote([{**TARIFF_QUOTE, "id": number} for number in range(1500)]).json
    assert batch["truncated"] is False
    assert batch["row_count"] == batch["returned_rows"] == len(batch["rows"]) == 1500
    assert batch["limit"] >= 1500
    assert [row["id"] for row in batch["rows"]] == list(range(1500))


def test_ndjson_is_one_row_a_line_without_an_envelope(tariff_service: Service) -> None:
    quotes = [{**TARIFF_QUOTE, "id": number} for number in range(3)]
    answer = tariff_service.quote(quotes, {"accept": "application/x-ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert lines == tariff_service.quote(quotes).json["rows"]


def test_a_batch_with_bad_rows_names_every_one(tariff_service: Service) -> None:
    bad = tariff_service.quote(
        [TARIFF_QUOTE, {**TARIFF_QUOTE, "age": "x"}, TARIFF_QUOTE, {**TARIFF_QUOTE, "value": None}]
    )
    assert bad.status == 422
    assert "rows" not in bad.json
    assert [(e["row"], e["field"], e["error_code"]) for e in bad.json["errors"]] == [
        (1, "age", "wrong_type"),
        (3, "value", "null_field"),
    ]
    unpriced = tariff_service.quote(
        [TARIFF_QUOTE, {**TARIFF_QUOTE, "area": "Z"}, {**TARIFF_QUOTE, "age": 0}, TARIFF_QUOTE]
    )
    assert unpriced.status == 422
    assert [(e["row"], e["error_code"]) for e in unpriced.json["errors"]] == [
        (1, "not_priced"),
        (2, "price_not_finite"),
    ]


def test_one_bad_caller_never_fails_another(tariff_service: Service) -> None:
    expected = tariff_service.quote(TARIFF_QUOTE).json["rows"]

    def call(number: int) -> tuple[int, int]:
        bad = number % 3 == 0
        quote = {**TARIFF_QUOTE, "area": "Z"} if bad else TARIFF_QUOTE
        answer = tariff_service.quote(quote)
        if not bad:
            assert answer.json["rows"] == expected
        return (422 if bad else 200), answer.status

    with ThreadPoolExecutor(16) as pool:
        assert all(wanted == got for wanted, got in pool.map(call, range(150)))


def test_health_names_the_release(tariff_service: Service) -> None:
    health = tariff_service.call("GET", "/health")
    assert health.status == 200
    assert health.json["status"] == "ok"
    assert health.json["model"] == "tariff"
    assert health.json["release"].startswith("sha256:")
    assert health.json["input_schema"]["start"] == "date"


def test_other_methods_and_addresses(tariff_service: Service) -> None:
    wrong = tariff_service.call("GET", "/quote")
    assert (wrong.status, wrong.json["error_code"], wrong.headers["allow"]) == (
        405,
        "method_not_allowed",
        "POST",
    )
    assert tariff_service.call("DELETE", "/health").status == 405
    missing = tariff_service.call("GET", "/nothing")
    assert (missing.status, missing.json["error_code"]) == (404, "not_found")


def test_compressed_bodies_are_refused(tariff_service: Service) -> None:
    answer = tariff_service.call("POST", "/quote", b"{}", {"content-encoding": "gzip"})
    assert (answer.status, answer.json["error_code"]) == (415, "unsupported_content_encoding")


def test_a_body_too_large_is_refused_before_it_is_sent(tariff_service: Service) -> None:
    with socket.create_connection(("127.0.0.1", tariff_service.port), timeout=10) as raw:
        raw.sendall(b"POST /quote HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n{")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"request_body_too_large" in answer


def test_a_chunked_body_too_large_is_refused(tariff_service: Service) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", tariff_service.port, timeout=10)
    pieces = iter([b"x" * 65536] * 5)
    connection.request(
        "POST", "/quote", pieces, encode_chunked=True, headers={"transfer-encoding": "chunked"}
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_a_caller_that_leaves_half_way_harms_nobody(tariff_service: Service) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", tariff_service.port), timeout=10) as raw:
            raw.sendall(b"POST /quote HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{")
    assert tariff_service.quote(TARIFF_QUOTE).status == 200


def test_docs_show_the_release_fields_and_an_example(tariff_service: Service) -> None:
    document = tariff_service.call("GET", "/openapi.json").json
    fields = document["components"]["schemas"]["Quote"]
    assert fields["properties"]["start"] == {"type": "string", "format": "date"}
    assert fields["properties"]["address"]["properties"]["town"] == {"type": "string"}
    assert fields["properties"]["nickname"]["type"] == ["string", "null"]
    assert "nickname" not in fields["required"]
    content = document["paths"]["/quote"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"] == TARIFF_QUOTE
    assert tariff_service.call("GET", "/docs").status == 200


def test_limits_docs_and_queue_come_from_the_manifest(tariff_release: Path, tmp_path: Path) -> None:
    release = _changed(
        tariff_release,
        tmp_path / "release",
        docs=False,
        limits={"deadline_seconds": 0.0, "queue": 1},
    )
    with Service(release, HAUTE_SERVE_COMMIT="abc123") as service:
        assert service.call("GET", "/docs").status == 404
        assert service.call("GET", "/openapi.json").status == 404
        assert service.call("GET", "/health").json["commit"] == "abc123"
        late = service.quote([TARIFF_QUOTE] * 2000)
        # With no time allowed at all, either the body or the price comes too late.
        assert (late.status, late.json["error_code"]) in (
            (408, "request_timeout"),
            (504, "deadline_exceeded"),
        )


def test_a_full_queue_asks_the_caller_to_come_again(tariff_release: Path, tmp_path: Path) -> None:
    release = _changed(tariff_release, tmp_path / "release", limits={"queue": 2, "rows": 20_000})
    with Service(release) as service:
        statuses: list[tuple[int, str | None]] = []
        start = threading.Barrier(24)

        def call(_: int) -> None:
            start.wait()
            answer = service.quote([TARIFF_QUOTE] * 4000)
            statuses.append((answer.status, answer.headers.get("retry-after")))

        with ThreadPoolExecutor(24) as pool:
            list(pool.map(call, range(24)))
        assert {status for status, _ in statuses} == {200, 503}
        assert all(after == "1" for status, after in statuses if status == 503)
        assert service.quote(TARIFF_QUOTE).status == 200


def _changed(release: Path, target: Path, **changes: object) -> Path:
    shutil.copytree(release, target, ignore=shutil.ignore_patterns("__pycache__"))
    manifest = json.loads((target / "manifest.json").read_text())
    seal(target, {**manifest, **changes})
    return target
