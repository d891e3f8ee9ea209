"""Looks in the pipeline's code for what makes one row's price depend on the rows beside it.

Scoring quotes together and apart finds most dependence, but not a rank over a group that no two test quotes share. So anything that
can reach across rows, on the way from the live input to the answer, makes the release score each quote alone.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import haute

from .manifest import Release

#: Polars methods whose result for one row can depend on another.
_ACROSS_ROWS = frozenset(
    [
        "over",
        "rolling",
        "group_by",
        "group_by_dynamic",
        "group_by_stable",
        "upsample",
        "pivot",
        "unpivot",
        "transpose",
        "mean",
        "median",
        "sum",
        "product",
        "std",
        "var",
        "min",
        "max",
        "mode",
        "quantile",
        "skew",
        "kurtosis",
        "entropy",
        "count",
        "len",
        "n_unique",
        "approx_n_unique",
        "first",
        "last",
        "head",
        "tail",
        "limit",
        "slice",
        "gather",
        "gather_every",
        "get",
        "item",
        "sample",
        "shuffle",
        "top_k",
        "bottom_k",
        "arg_max",
        "arg_min",
        "arg_sort",
        "arg_unique",
        "rank",
        "rle",
        "rle_id",
        "shift",
        "diff",
        "pct_change",
        "cum_sum",
        "cum_prod",
        "cum_max",
        "cum_min",
        "cum_count",
        "cumulative_eval",
        "ewm_mean",
        "ewm_std",
        "ewm_var",
        "rolling_mean",
        "rolling_sum",
        "rolling_max",
        "rolling_min",
        "rolling_std",
        "rolling_var",
        "rolling_median",
        "rolling_quantile",
        "rolling_map",
        "forward_fill",
        "backward_fill",
        "interpolate",
        "interpolate_by",
        "unique",
        "unique_counts",
        "value_counts",
        "is_duplicated",
        "is_unique",
        "is_first_distinct",
        "is_last_distinct",
        "peak_max",
        "peak_min",
        "set_sorted",
        "qcut",
        "hist",
        "reverse",
        "with_row_index",
        "with_row_count",
        "int_range",
        "join_asof",
        "search_sorted",
        "implode",
        "explode_all",
        "map_batches",
        "map_groups",
        "apply",
        "pipe_with_schema",
        "merge_sorted",
        "dot",
        "corr",
        "cov",
    ]
)
#: The same names work within one row's list, text, date or struct, or across columns of one row.
_WITHIN_A_ROW = frozenset({"list", "arr", "str", "dt", "struct", "bin", "cat"})
_WITHIN_A_ROW_ROOTS = frozenset({"math", "np", "numpy", "re", "json", "datetime"})


def row_suspects(release: Release, pipeline: haute.Pipeline) -> list[str]:
    """Sentences naming what may reach across rows; empty when nothing does."""
    found: list[str] = []
    downstream = _downstream(pipeline, str(release.manifest["input"]["node"]))
    for node in pipeline.nodes:
        if node.name not in downstream:
            continue
        if getattr(getattr(node, "node_type", None), "value", None) == "optimiserApply":
            found.append(f"node {node.name!r} applies an optimiser's result")
        found += _function_suspects(node.fn, node.name, release.root, set())
    for registration in getattr(pipeline, "submodel_registrations", []):
        path = release.root / release.manifest["pipeline"]["directory"] / registration.file
        found += _source_suspects(path.read_text(encoding="utf-8"), registration.file)
    return list(dict.fromkeys(found))


def _downstream(pipeline: haute.Pipeline, start: str) -> set[str]:
    reached = {start}
    while True:
        more = {target for source, target in pipeline.edges if source in reached} - reached
        if not more:
            return reached
        reached |= more


def _function_suspects(fn: Any, where: str, root: Path, seen: set[int]) -> list[str]:
    if not isinstance(fn, types.FunctionType) or id(fn.__code__) in seen:
        return []
    seen.add(id(fn.__code__))
    try:
        source = textwrap.dedent(inspect.getsource(fn))
    except (OSError, TypeError):
        return [f"the source of {where!r} cannot be read"]
    found = _source_suspects(source, where, fn.__globals__)
    for name in fn.__code__.co_names:
        found += _reached(fn.__globals__.get(name), root, seen)
    return found


def _reached(value: Any, root: Path, seen: set[int]) -> list[str]:
    if isinstance(value, types.FunctionType) and _inside(value.__code__.co_filename, root):
        return _function_suspects(value, value.__name__, root, seen)
    if isinstance(value, types.ModuleType) and _inside(getattr(value, "__file__", None), root):
        found: list[str] = []
        for member in vars(value).values():
            if isinstance(member, types.FunctionType) and member.__module__ == value.__name__:
                found += _function_suspects(member, member.__name__, root, seen)
        return found
    return []


def _inside(file: str | None, root: Path) -> bool:
    return file is not None and Path(file).is_relative_to(root / "project")


def _source_suspects(source: str, where: str, names: dict[str, Any] | None = None) -> list[str]:
    tree = ast.parse(source)
    found = [f"{where!r} uses {name!r}" for name in _across_rows(tree)]
    found += [f"{where!r} divides by the literal {text}" for text in _literal_divisors(tree, names or {})]
    return found


def _across_rows(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in _ACROSS_ROWS:
            continue
        inner = node.value
        if isinstance(inner, ast.Attribute) and inner.attr in _WITHIN_A_ROW:
            continue
        if isinstance(inner, ast.Name) and inner.id in _WITHIN_A_ROW_ROOTS:
            continue
        yield node.attr


def _literal_divisors(tree: ast.AST, names: dict[str, Any]) -> Iterator[str]:
    """Divisions of what may be a column by what is a plain number.

    Polars 1.44 divides a frame of one row by a literal, and multiplies a longer one by its reciprocal: another last digit for about one
    value in two hundred.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
            left, right = node.left, node.right
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
            left, right = node.target, node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in ("truediv", "floordiv", "mod") or not node.args:
                continue
            left, right = node.func.value, node.args[0]
        else:
            continue
        if _is_number(right, names) and not _is_number(left, names) and not _is_text(left):
            yield ast.unparse(right)


def _is_number(node: ast.expr, names: dict[str, Any]) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.Name):
        return isinstance(names.get(node.id), int | float)
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand, names)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left, names) and _is_number(node.right, names)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "global_constants"
    if isinstance(node, ast.Call):
        literal = ast.unparse(node.func) in ("pl.lit", "float", "int", "len")
        return literal and bool(node.args)
    return False


def _is_text(node: ast.expr) -> bool:
    # `"%d" % n` is text, not arithmetic.
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
