"""The one scoring path: proof, service and batch all price through here."""

from __future__ import annotations

import sys

import polars as pl

from . import left_out
from .answers import Answers, Documents, prune
from .columns import compile_tables
from .errors import Fault, ReleaseError
from .manifest import Release
from .plan import Plan
from .prices import PriceGuard
from .project import load_pipeline, reference_score
from .quotes import QuoteReader, Quotes

#: Rows that are scored as one frame at most when they come from different callers.
SHARED_ROWS = 256


class Engine:
    """Scores quotes one way: `plan` or `score`, with the rows of several quotes in one frame (`keyed`) or not."""

    def __init__(self, release: Release, reader: QuoteReader, *, keyed: bool, sample: Quotes) -> None:
        """Plans the pipeline. Raises what the pipeline raises, or `CannotPlan`."""
        self._reader = reader
        self.keyed = keyed
        self._plan = Plan(release, reader.frames([sample], keyed=keyed))
        self._answers = Answers(
            self._plan.outputs,
            release.mapping,
            release.manifest["pipeline"].get("output_fields"),
            keyed=keyed,
        )

    def documents(self, parts: list[Quotes]) -> list[Documents]:
        """The documents of every quote in `parts`. Not reentrant."""
        count = sum(part.count for part in parts)
        if count > 1 and not self.keyed:
            return [docs for part in parts for one in part.each() for docs in self.documents([one])]
        frames = self._plan.run(self._reader.frames(parts, keyed=self.keyed), self._answers.frames)
        return self._answers.documents(frames, count)


class Reference:
    """`Pipeline.score`, quote by quote: what every engine is compared with."""

    keyed = False

    def __init__(self, release: Release, reader: QuoteReader) -> None:
        self._reader = reader
        self._score = reference_score(load_pipeline(release))
        self._fields = release.manifest["pipeline"].get("output_fields")

    def frame(self, quote: Quotes) -> pl.DataFrame:
        return self._score(self._reader.frames([quote], keyed=False))

    def documents(self, parts: list[Quotes]) -> list[Documents]:
        answers: list[Documents] = []
        for part in parts:
            for one in part.each():
                documents = prune(self.frame(one).to_dicts())
                if self._fields is not None:
                    documents = [
                        {name: doc[name] for name in self._fields if name in doc} for doc in documents
                    ]
                answers.append(documents)
        return answers


class Scorer:
    """Prices quotes as the release's manifest says. One call at a time."""

    def __init__(self, release: Release) -> None:
        scoring = release.scoring
        if scoring is None:
            raise ReleaseError("manifest_invalid", "the manifest has no scoring: it is a draft")
        self.release = release
        self.reader = QuoteReader(compile_tables(release.manifest["input"]))
        self.shared = scoring["rows"] == "independent"
        self._one = scoring.get("answers", "one") == "one"
        self._guard = PriceGuard(
            scoring["price_columns"], scoring.get("null_prices") or [], price_nodes(release)
        )
        reference = Reference(release, self.reader)
        left_out.be_strict()
        self.engine: Engine | Reference = reference
        if scoring["strategy"] == "plan":
            sample = self._sample()
            self.engine = Engine(release, self.reader, keyed=self.shared, sample=sample)

    def _sample(self) -> Quotes:
        for quote in self.release.quotes:
            quotes, faults = self.reader.read([quote.input])
            if not faults:
                return quotes
        raise ReleaseError("quotes_invalid", "no test quote fits the declared input")

    def warm_up(self) -> None:
        """Prices every test quote once, so that the first caller does not wait for models to load."""
        for quote in self.release.quotes:
            quotes, faults = self.reader.read([quote.input])
            if not faults:
                self.score([quotes])

    def score(self, parts: list[Quotes]) -> list[Documents | Fault]:
        """One outcome per quote, in order. A quote that cannot be priced never fails its neighbours."""
        count = sum(part.count for part in parts)
        before = left_out.times_needed()
        try:
            answers = self.engine.documents(parts)
            if left_out.times_needed() != before:
                # The refusal was caught, and something else was done instead.
                raise left_out.NeededLeftOut(left_out.needed() or "")
        except Exception as error:
            if count == 1:
                return [_not_priced(error) if left_out.times_needed() == before else _incomplete(error)]
            singles = [one for part in parts for one in part.each()]
            half = count // 2
            return self.score(singles[:half]) + self.score(singles[half:])
        return [self._checked(documents) for documents in answers]

    def _checked(self, documents: Documents) -> Documents | Fault:
        if not documents:
            return Fault("no_answer", "The pipeline gave no answer for this quote.")
        if self._one and len(documents) > 1:
            return Fault(
                "several_answers",
                f"The pipeline gave {len(documents)} answers for one quote; it was proved to give one.",
            )
        return self._guard.fault(documents) or documents


def price_nodes(release: Release) -> dict[str, str]:
    """For each plain answer column, the node the output node takes it from."""
    return {
        str(entry["output_path"]).removeprefix("$[:]."): str(entry["source_port"])
        for entry in release.mapping or []
        if entry.get("output_path") and entry.get("source_port")
    }


def _not_priced(error: Exception) -> Fault:
    text = " ".join(str(error).split())[:500]
    print(f"haute_serve: not priced: {type(error).__name__}: {text}", file=sys.stderr, flush=True)
    code = getattr(error, "error_code", None)
    reason = f" ({code})" if isinstance(code, str) else ""
    return Fault("not_priced", f"The pipeline refused to price this quote{reason}.")


def _incomplete(error: Exception) -> Fault:
    name = left_out.needed()
    print(f"haute_serve: not priced: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    return Fault(
        "distribution_left_out",
        f"Pricing this quote needs the distribution {name}, which is left out of this release because no test quote needs it; "
        f'add "{name}" to {left_out.KEY}, or a test quote like this one.',
        status=500,
    )
