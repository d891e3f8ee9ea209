"""The proof: the release's own prices for its test quotes, and evidence that it will serve those and no others."""

from __future__ import annotations

import platform
import time
from importlib.metadata import distributions, version
from typing import Any

import polars as pl

from . import left_out
from .compare import meets
from .errors import Fault
from .manifest import Quote, Release
from .quotes import Quotes
from .scorer import Reference, Scorer
from .trials import TOGETHER, VARIANTS, Outcome, crowd, numbered, outcome, together
from .variants import variants

SCHEMA = "haute.proof/1"


def prove(release: Release) -> dict[str, Any]:
    """Scores every test quote through the release and checks the answers. Failed checks are in the result, not raised."""
    started = time.perf_counter()
    scorer = Scorer(release)
    reference = Reference(release, scorer.reader)
    loaded = time.perf_counter()
    entries = [_Entry(quote, scorer, reference) for quote in release.quotes]
    fit = [entry for entry in entries if entry.quotes is not None]
    checks = [*_batch_checks(scorer, fit), *_variant_checks(release, scorer, reference)]
    if release.manifest.get("unused_distributions"):
        checks.append(_check("left_out_not_needed", _needed()))
    quotes = [entry.report() for entry in entries]
    if not entries:
        checks.append(_check("has_test_quotes", "the release has no test quotes: nothing is proved"))
    passed = all(quote["passed"] for quote in quotes) and all(
        check["passed"] is not False for check in checks
    )
    return {
        "schema": SCHEMA,
        "release": release.digest,
        "name": release.name,
        "passed": passed,
        "scoring": release.scoring,
        "environment": environment(),
        "quotes": quotes,
        "checks": checks,
        "seconds": {
            "load": round(loaded - started, 3),
            "total": round(time.perf_counter() - started, 3),
        },
    }


def environment() -> dict[str, Any]:
    """Everything installed that could change a price."""
    installed = {
        str(distribution.metadata["Name"]): distribution.version
        for distribution in distributions()
        if distribution.metadata["Name"]
    }
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
        "haute": version("haute"),
        "polars": pl.__version__,
        "distributions": dict(sorted(installed.items(), key=lambda item: item[0].lower())),
    }


def _check(name: str, failure: str | None) -> dict[str, Any]:
    return {"name": name, "passed": failure is None, "reason": failure}


def _needed() -> str | None:
    """Whether any quote, made-up ones included, asked for what is left out."""
    name = left_out.needed()
    return f"pricing needs {name}, which is left out: add it to {left_out.KEY}" if name is not None else None


def _skipped(name: str, reason: str) -> dict[str, Any]:
    return {"name": name, "passed": None, "reason": reason}


class _Entry:
    """One test quote on its way through the release."""

    def __init__(self, quote: Quote, scorer: Scorer, reference: Reference) -> None:
        self.quote = quote
        self.quotes: Quotes | None = None
        self.checks: list[dict[str, Any]] = []
        self.alone = Outcome(None, "not scored")
        self._scorer = scorer
        read, faults = scorer.reader.read([quote.input])
        self.checks.append(_check("input_accepted", faults[0].message if faults else None))
        if faults:
            return
        self.quotes = read
        expected = outcome(reference, read)
        self.alone = outcome(scorer.engine, read)
        again = outcome(scorer.engine, read)
        self.checks.append(_check("scored", self.alone.error))
        self.checks.append(
            _check(
                "equals_pipeline_score",
                None if self.alone.same_as(expected) else self.alone.difference(expected),
            )
        )
        self.checks.append(
            _check("repeatable", None if again.same_as(self.alone) else again.difference(self.alone))
        )
        served = scorer.score([read])[0]
        self.checks.append(_check("served", served.message if isinstance(served, Fault) else None))
        if quote.expected is not None:
            self.checks.append(_check("expected", self._unexpected(quote.expected)))

    def _unexpected(self, expected: dict[str, Any]) -> str | None:
        documents = self.alone.documents or []
        if len(documents) != 1:
            return f"{len(documents)} answers for one expected answer"
        names = {column["name"] for column in (self._scorer.release.scoring or {})["output_columns"]}
        wrong = []
        for name, value in expected.items():
            if name not in names:
                wrong.append(f"{name}: the answer has no such column")
            elif not meets(documents[0].get(name), value, self.quote.tolerance):
                wrong.append(f"{name}: {documents[0].get(name)!r}, expected {value!r}")
        return "; ".join(wrong) or None

    def report(self) -> dict[str, Any]:
        documents = self.alone.documents or []
        scoring = self._scorer.release.scoring or {}
        return {
            "id": self.quote.id,
            "passed": all(check["passed"] is not False for check in self.checks),
            "outputs": documents,
            "prices": {
                name: documents[0].get(name)
                for name in scoring["price_columns"]
                if len(documents) == 1 and "." not in name and "[]" not in name
            },
            "checks": self.checks,
        }


def _batch_checks(scorer: Scorer, entries: list[_Entry]) -> list[dict[str, Any]]:
    if not scorer.shared:
        reason = "each quote is scored alone: " + str((scorer.release.scoring or {}).get("reason"))
        return [_skipped(name, reason) for name in TOGETHER]
    differences = together(
        scorer.engine,
        [entry.quotes for entry in entries if entry.quotes is not None],
        [entry.alone for entry in entries],
        [entry.quote.id for entry in entries],
    )
    return [_check(name, difference) for name, difference in differences.items()]


def _variant_checks(release: Release, scorer: Scorer, reference: Reference) -> list[dict[str, Any]]:
    """The same comparisons on quotes made from the test quotes; not the ones `observe` saw."""
    made = [
        read
        for values in variants([quote.input for quote in release.quotes], VARIANTS, seed=2)
        for read, faults in [scorer.reader.read([values])]
        if not faults
    ]
    names = numbered(made, "made-up quote ")
    alone = [outcome(scorer.engine, quotes) for quotes in made]
    failure = None
    for name, quotes, found in zip(names, made, alone, strict=True):
        expected = outcome(reference, quotes)
        if not found.same_as(expected):
            failure = f"{name}: {found.difference(expected)}"
            break
    checks = [{**_check("made_up_quotes_equal_pipeline_score", failure), "quotes": len(made)}]
    if scorer.shared:
        inputs = [quote.input for quote in release.quotes]
        many, single = crowd(scorer.engine, scorer.reader, inputs, seed=4)
        names = numbered(many, "made-up quote ")
        for name, difference in together(scorer.engine, many, single, names).items():
            checks.append({**_check(f"made_up_{name}", difference), "quotes": len(many)})
    return checks
