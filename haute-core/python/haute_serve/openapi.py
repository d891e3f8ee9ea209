"""Describes the service in OpenAPI, with the release's own fields and an example from its test quotes."""

from __future__ import annotations

from typing import Any

from .columns import Column, Table
from .manifest import Release

_TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "double"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}
_ERROR = {
    "type": "object",
    "required": ["error", "error_code"],
    "properties": {
        "error": {"type": "string"},
        "error_code": {"type": "string"},
        "field": {"type": "string"},
        "row": {"type": "integer"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_REFUSALS = {
    "400": "Neither an object nor an array",
    "413": "Body or batch too large",
    "422": "Not JSON, a field missing or of the wrong type, or no finite price",
    "503": "Too many quotes waiting",
    "504": "Not priced in time",
}


def document(
    release: Release, tables: tuple[Table, ...], answer: list[dict[str, Any]] | None
) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a release; `answer` is what its first test quote came to."""
    example = release.quotes[0].input if release.quotes else {}
    quote = _quote_schema(tables)
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    rows: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
    envelope: dict[str, Any] = {
        "type": "object",
        "required": ["rows", "row_count", "returned_rows", "truncated", "limit"],
        "properties": {
            "rows": rows,
            "row_count": {"type": "integer"},
            "returned_rows": {"type": "integer"},
            "truncated": {"type": "boolean"},
            "limit": {"type": "integer"},
            "execution_metrics": {"type": "object"},
        },
    }
    if answer is not None:
        envelope["example"] = {
            "rows": answer,
            "row_count": len(answer),
            "returned_rows": len(answer),
            "truncated": False,
            "limit": release.limits.rows,
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": release.name,
            "version": release.digest,
            "description": "Prices quotes. One object is one quote; an array is a batch, answered in its order.",
        },
        "paths": {
            "/quote": {
                "post": {
                    "summary": "Price one quote or a batch",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "oneOf": [
                                        {"$ref": "#/components/schemas/Quote"},
                                        {
                                            "type": "array",
                                            "items": {"$ref": "#/components/schemas/Quote"},
                                            "minItems": 1,
                                            "maxItems": release.limits.rows,
                                        },
                                    ]
                                },
                                "example": example,
                            }
                        },
                    },
                    "responses": {
                        "200": {
                            "description": "The prices",
                            "content": {
                                "application/json": {"schema": envelope},
                                "application/x-ndjson": {"schema": {"type": "string"}},
                            },
                        },
                        **{
                            code: {"description": words, "content": error}
                            for code, words in _REFUSALS.items()
                        },
                    },
                }
            },
            "/health": {
                "get": {
                    "summary": "Whether the service prices quotes, and which release",
                    "responses": {
                        "200": {
                            "description": "It does",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        },
                        "503": {"description": "It is starting or stopping"},
                    },
                }
            },
        },
        "components": {"schemas": {"Quote": quote, "Error": _ERROR}},
    }


def _quote_schema(tables: tuple[Table, ...]) -> dict[str, Any]:
    root: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for table in tables:
        for column in table.columns:
            element = _element(root, table, column.depth)
            _place(element, column)
    return root


def _element(root: dict[str, Any], table: Table, depth: int) -> dict[str, Any]:
    element = root
    for keys in table.arrays[:depth]:
        for key in keys[:-1]:
            element = _object(element, key)
        array = element["properties"].setdefault(
            keys[-1],
            {"type": "array", "items": {"type": "object", "properties": {}, "required": []}},
        )
        if not table.optional and keys[-1] not in element["required"]:
            element["required"].append(keys[-1])
        element = array["items"]
    return element


def _object(element: dict[str, Any], key: str) -> dict[str, Any]:
    inner: dict[str, Any] = element["properties"].setdefault(
        key, {"type": "object", "properties": {}, "required": []}
    )
    if key not in element["required"]:
        element["required"].append(key)
    return inner


def _place(element: dict[str, Any], column: Column) -> None:
    kind = dict(_TYPES[column.kind])
    if column.nullable:
        kind["type"] = [kind["type"], "null"]
    if not column.keys:
        element.clear()
        element.update(kind)
        return
    for key in column.keys[:-1]:
        element = _object(element, key)
    element["properties"][column.keys[-1]] = kind
    if not column.nullable and column.keys[-1] not in element["required"]:
        element["required"].append(column.keys[-1])
