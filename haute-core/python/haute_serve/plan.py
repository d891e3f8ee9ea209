"""Plans the pipeline once, so that a request only has to collect.

`Pipeline.score` builds the whole lazy query anew for every call. Here it runs once over the same pipeline file, imported with a
`haute.Pipeline` whose live input is an empty scan and whose output node keeps the frames it receives; the scan is filled with the
quotes of each request. A node that collects while the query is built (a model, an external file's code) cannot be planned: it ends one
stage and starts the next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import haute
import polars as pl

from .lookup import rating_lookup
from .manifest import Release
from .project import import_pipeline, seed_of
from .stages import NodeCall, Scan, Stage, Work, declaration_of

#: Decorators of nodes whose function Haute calls, or whose work it does, on the frames that reach them.
_WORKING = (
    "polars",
    "banding",
    "rating_step",
    "model_score",
    "external_file",
    "live_switch",
    "scenario_expander",
    "optimiser_apply",
    "data_output",
    "explore",
)
#: Decorators of nodes that load what does not depend on a quote.
_LOADING = ("data_input", "constant")


class CannotPlan(Exception):
    """The pipeline does something at build time that a plan cannot repeat; it is scored the slow way."""


class Plan:
    """The pipeline up to its output node, ready to be run any number of times, one at a time."""

    def __init__(self, release: Release, sample: dict[str, pl.DataFrame]) -> None:
        """Plans the release's pipeline for seeds of the sample's shape. Raises `CannotPlan`."""
        output = str(release.manifest["pipeline"]["output_node"])
        walk = _Walk(output)
        pipeline = import_pipeline(release, walk.pipeline_class())
        pipeline.score(seed_of(sample))
        self._seeds = {label: Scan(frame.schema) for label, frame in sample.items()}
        empty: Any = {label: scan.lazy for label, scan in self._seeds.items()}
        walk.start_planning(list(self._seeds.values()))
        pipeline.score(next(iter(empty.values())) if len(empty) == 1 else empty)
        if any(scan.touched for scan in walk.scans):
            raise CannotPlan("a node collects its input where no stage can end")
        if walk.captured is None:
            raise CannotPlan("the output node was not reached")
        #: The frames the output node receives, by the names it knows them by.
        self.outputs: dict[str, pl.LazyFrame] = walk.captured
        self._stages = walk.stages
        self._scans = walk.scans

    def run(self, seeds: dict[str, pl.DataFrame], outputs: list[pl.LazyFrame]) -> list[pl.DataFrame]:
        """Collects `outputs` (made from `self.outputs`) for these seeds. Not reentrant."""
        try:
            for label, scan in self._seeds.items():
                scan.frame = seeds[label]
            for stage in self._stages:
                stage.run()
            return [frame.collect(engine="in-memory") for frame in outputs]
        finally:
            for scan in self._scans:
                scan.frame = None


class _Walk:
    """What the planning pipeline learns while `Pipeline.score` runs over it: first schemas, then the plan."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._planning = False
        self._schemas: dict[int, tuple[pl.Schema, pl.Schema]] = {}
        self._static: dict[int, pl.LazyFrame] = {}
        self.scans: list[Scan] = []
        self.stages: list[Stage] = []
        self.captured: dict[str, pl.LazyFrame] | None = None

    def start_planning(self, seeds: list[Scan]) -> None:
        self._planning = True
        self.scans = list(seeds)
        self._static = {}
        self.captured = None

    def pipeline_class(self) -> type[haute.Pipeline]:
        """A `haute.Pipeline` that registers each node behind a function of ours."""
        walk = self
        real = haute.Pipeline

        class PlanningPipeline(real):  # type: ignore[misc, valid-type]
            pass

        def decorator(kind: str, wrap: Callable[[Any], Callable[..., Any]]) -> Callable[..., Any]:
            original = getattr(real, kind)

            def decorate(self: Any, fn: Any = None, **config: Any) -> Any:
                if fn is None:
                    return lambda function: decorate(self, function, **config)
                if _reads_constants(fn) and fn.__name__ != walk._output:
                    # Haute binds the constants to the very function it was given.
                    return original(self, fn, **config)
                twin = real(self.name)
                named = getattr(twin, kind)(fn, **config)
                real.polars(self, wrap(twin.nodes[-1]))
                return named

            return decorate

        if not hasattr(real, "rating_step"):
            raise CannotPlan("this version of Haute has no configured nodes to plan around")
        for kind in _WORKING:
            setattr(PlanningPipeline, kind, decorator(kind, walk._working))
        for kind in _LOADING:
            setattr(PlanningPipeline, kind, decorator(kind, walk._loading))
        PlanningPipeline.output = decorator("output", walk._capturing)
        return PlanningPipeline

    def _loading(self, node: Any) -> Callable[..., Any]:
        def load() -> Any:
            return self._collect_static(node())

        load.__name__ = node.name
        return load

    def _working(self, node: Any) -> Callable[..., Any]:
        if node.name == self._output:
            return self._capturing(node, answers=True)
        if node.is_source:
            return self._loading(node)
        rating = _configured_rating(node)

        def work(*frames: Any) -> Any:
            if not self._planning:
                if rating is not None:
                    self._learn(rating, rating(frames[0]), frames)
                return self._learn(node, node(*frames), frames)
            if all(id(frame) in self._static for frame in frames):
                return self._collect_static(node(*frames))
            if rating is not None:
                before, after = self._schemas[id(rating)]
                lookup = rating_lookup(rating, before, after)
                if lookup is not None:
                    rated = self._stage(lookup, frames[:1], after)
                    return rated if rating is node else node.fn(rated, *frames[1:])
            return self._plan(node, frames)

        work.__name__ = node.name
        return work

    def _learn(self, node: Any, result: Any, frames: tuple[Any, ...]) -> Any:
        self._schemas[id(node)] = (frames[0].lazy().collect_schema(), result.lazy().collect_schema())
        return result

    def _plan(self, node: Any, frames: tuple[Any, ...]) -> Any:
        try:
            result = node(*frames)
        except Exception:
            if not self._reset_touched():
                raise
        else:
            if not self._reset_touched():
                return result
        _, after = self._schemas[id(node)]
        return self._stage(NodeCall(node), frames, after)

    def _stage(self, work: Work, frames: tuple[Any, ...], schema: pl.Schema) -> pl.LazyFrame:
        result = Scan(schema)
        self.stages.append(Stage(work, [frame.lazy() for frame in frames], result, self.scans))
        self.scans.append(result)
        return result.lazy

    def _reset_touched(self) -> bool:
        touched = any(scan.touched for scan in self.scans)
        for scan in self.scans:
            scan.touched = False
        return touched

    def _capturing(self, node: Any, *, answers: bool = False) -> Callable[..., Any]:
        def capture(*frames: Any) -> pl.DataFrame:
            if answers:
                self.captured = {node.name: node(*frames).lazy()}
            else:
                self.captured = dict(zip(_inputs(node.fn), (f.lazy() for f in frames), strict=False))
                if len(frames) == 1:
                    self.captured = {"": frames[0].lazy()}
            return pl.DataFrame()

        capture.__name__ = node.name
        return capture

    def _collect_static(self, frame: Any) -> Any:
        if not self._planning:
            return frame
        static = frame.lazy().collect(engine="in-memory").lazy()
        self._static[id(static)] = static
        return static


def _configured_rating(node: Any) -> Any:
    """The rating step's own work: the node itself, or a twin of it without its hook."""
    if node.node_type.value != "ratingStep" or not node.config.get("config"):
        return None
    if node.kind == "declaration":
        return node
    twin = haute.Pipeline(node.name)
    twin.rating_step(declaration_of(node.fn), config=node.config["config"])
    return twin.nodes[-1]


def _reads_constants(fn: Any) -> bool:
    return "global_constants" in fn.__code__.co_names


def _inputs(fn: Any) -> list[str]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        parameter.name
        for parameter in inspect.signature(fn).parameters.values()
        if parameter.kind in positional and parameter.name != "self"
    ]
