"""Finds out, while a release is built, how its pipeline can be scored."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import polars as pl

from .answers import leaves_of
from .columns import compile_tables
from .independence import row_suspects
from .manifest import Release
from .paths import shown
from .project import load_pipeline
from .quotes import QuoteReader, Quotes
from .rehearsal import rehearse
from .relax import marked, relaxed
from .scorer import Engine, Reference
from .trials import VARIANTS, Outcome, crowd, numbered, outcome, together
from .unused import Asked, imports, note_questions
from .variants import variants


def observe(release: Release) -> dict[str, Any]:
    """What the builder writes into the manifest, and what each test quote came to."""
    tables, nullable, widened = relaxed(
        compile_tables(release.manifest["input"]), [quote.input for quote in release.quotes]
    )
    reader = QuoteReader(tables)
    reference = Reference(release, reader)
    asked = note_questions()
    fit: list[tuple[str, Quotes]] = []
    reports: list[dict[str, Any]] = []
    for quote in release.quotes:
        read, faults = reader.read([quote.input])
        if faults:
            reports.append({"id": quote.id, "error": faults[0].message, "error_code": faults[0].code})
        else:
            fit.append((quote.id, read))
            reports.append({"id": quote.id})
    alone = [outcome(reference, quotes) for _, quotes in fit]
    for report in reports:
        if "error" not in report:
            result = alone[[name for name, _ in fit].index(report["id"])]
            report.update(
                {"outputs": result.documents}
                if result.documents is not None
                else {"error": result.error, "error_code": "not_priced"}
            )
    made = [
        read
        for values in variants([quote.input for quote in release.quotes], VARIANTS, seed=1)
        for read, faults in [reader.read([values])]
        if not faults
    ]
    trial = Trial(release, reader, reference, fit, alone, made)
    scoring = trial.scoring()
    source = marked(release.manifest["input"], nullable, widened)
    finished = replace(release, manifest={**release.manifest, "input": source, "scoring": scoring})
    return {
        "scoring": scoring,
        "input_nullable": nullable,
        "input_widened": widened,
        "quotes": reports,
        "imports": _imports(finished, asked),
        "haute": version("haute"),
        "python": platform.python_version(),
    }


def _imports(finished: Release, asked: Asked) -> dict[str, dict[str, list[str]]]:
    """What was imported from and what was not, now that every quote was scored, and once the release has been served as well."""
    try:
        rehearse(finished)
    except Exception as error:
        # What was not seen to serve may need anything. The proof says what is wrong with it.
        print(
            f"haute_serve: nothing is left out: {type(error).__name__}: {error}", file=sys.stderr, flush=True
        )
        return {}
    return imports(asked.modules)


class Trial:
    """Tries the fast ways of scoring against `Pipeline.score`."""

    def __init__(
        self,
        release: Release,
        reader: QuoteReader,
        reference: Reference,
        fit: list[tuple[str, Quotes]],
        alone: list[Outcome],
        made: list[Quotes],
    ) -> None:
        self._release = release
        self._reader = reader
        self._reference = reference
        self._names = [name for name, _ in fit] + numbered(made, "made-up quote ")
        self._quotes = [quotes for _, quotes in fit] + made
        self._alone = alone + [outcome(reference, quotes) for quotes in made]

    def scoring(self) -> dict[str, Any]:
        strategy, strategy_reason, rows, reason = self._strategy()
        counts = {len(result.documents) for result in self._alone if result.documents}
        schema = self._schema()
        return {
            "rows": rows,
            "reason": reason,
            "strategy": strategy,
            "strategy_reason": strategy_reason,
            "answers": "one" if counts <= {1} else "many",
            "price_columns": self._price_columns(schema),
            "null_prices": self._null_prices(),
            "output_columns": [{"name": name, "dtype": str(dtype)} for name, dtype in (schema or {}).items()],
        }

    def _strategy(self) -> tuple[str, str | None, str, str | None]:
        if not any(result.documents is not None for result in self._alone):
            return "score", "no test quote could be scored", "dependent", "nothing to compare"
        suspects = row_suspects(self._release, load_pipeline(self._release))
        dependence = "; ".join(suspects[:3]) or None
        reason: str | None
        if dependence is None:
            reason, dependence = self._try(keyed=True)
            if reason is None and dependence is None:
                return "plan", None, "independent", None
        reason, _ = self._try(keyed=False)
        dependence = dependence or "the rows of several quotes cannot be told apart"
        return (
            ("score", reason, "dependent", dependence) if reason else ("plan", None, "dependent", dependence)
        )

    def _try(self, *, keyed: bool) -> tuple[str | None, str | None]:
        """Why the engine cannot be used at all, and why rows cannot be scored together."""
        sample = next(
            quotes
            for quotes, result in zip(self._quotes, self._alone, strict=True)
            if result.documents is not None
        )
        try:
            engine = Engine(self._release, self._reader, keyed=keyed, sample=sample)
        except Exception as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", None
        for name, quotes, expected in zip(self._names, self._quotes, self._alone, strict=True):
            found = outcome(engine, quotes)
            if not found.same_as(expected):
                return f"{name}: {found.difference(expected)}", None
        if not keyed:
            return None, None
        inputs = [quote.input for quote in self._release.quotes]
        many, alone = crowd(engine, self._reader, inputs, seed=3)
        crowd_names = numbered(many, "made-up quote ")
        for group, results, names in (
            (self._quotes, self._alone, self._names),
            (many, alone, crowd_names),
        ):
            for check, difference in together(engine, group, results, names).items():
                if difference is not None:
                    return None, f"{check}: {difference}"
        return None, None

    def _schema(self) -> dict[str, Any] | None:
        for quotes, result in zip(self._quotes, self._alone, strict=True):
            if result.documents is not None:
                return dict(self._reference.frame(quotes).schema)
        return None

    def _price_columns(self, schema: dict[str, Any] | None) -> list[str]:
        numbers = [name for top, dtype in (schema or {}).items() for name in _numbers(top, dtype)]
        fields = self._release.manifest["pipeline"].get("output_fields")
        if fields is not None:
            numbers = [name for name in numbers if name.split(".")[0].removesuffix("[]") in fields]
        return [name for name in numbers if not self._is_passed_through(name)]

    def _is_passed_through(self, name: str) -> bool:
        """Whether the answer only repeats an input column, in every quote that was scored."""
        column = name
        for leaf in leaves_of(self._release.mapping or []):
            if shown(leaf.segments) == name:
                column = leaf.column
        for table_index, table in enumerate(self._reader.tables):
            names = [declared.name for declared in table.columns]
            if column not in names or "[]" in name or table.arrays:
                continue
            position = names.index(column)
            return all(
                _plain(result.documents[0], name) == quotes.tables[table_index].columns[position][0]
                for quotes, result in zip(self._quotes, self._alone, strict=True)
                if result.documents
            )
        return False

    def _null_prices(self) -> list[str]:
        return sorted(
            {
                name
                for quote in self._release.quotes
                for name, value in (quote.expected or {}).items()
                if value is None
            }
        )


def _numbers(name: str, dtype: Any) -> list[str]:
    if isinstance(dtype, pl.Struct):
        return [inner for field in dtype.fields for inner in _numbers(f"{name}.{field.name}", field.dtype)]
    if isinstance(dtype, pl.List | pl.Array):
        return _numbers(f"{name}[]", dtype.inner)
    return [name] if dtype.is_numeric() else []


def _plain(document: Any, name: str) -> Any:
    for key in name.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document
