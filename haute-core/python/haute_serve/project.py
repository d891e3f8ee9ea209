"""Imports the release's pipeline and runs it the public way."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import haute
import polars as pl

from .errors import ReleaseError
from .manifest import Release

_numbers = itertools.count()
_import_lock = threading.Lock()


def load_pipeline(release: Release) -> haute.Pipeline:
    """The `pipeline` of the release's pipeline file.

    Changes the process: the pipeline's folder and the project go first on the import path and the project becomes the working
    directory, as under `haute run`, and no byte code is written beside the sources.
    """
    directory = release.root / release.manifest["pipeline"]["directory"]
    project = release.root / "project"
    sys.dont_write_bytecode = True
    for folder in (project, directory):
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        sys.path.insert(0, str(folder))
    os.chdir(project)
    _remember_sources()
    _quiet()
    return import_pipeline(release, haute.Pipeline)


def import_pipeline(release: Release, pipeline_class: type[haute.Pipeline]) -> haute.Pipeline:
    """Imports the pipeline file anew, as a module of its own, with `pipeline_class` as `haute.Pipeline`."""
    file = release.manifest["pipeline"]["file"]
    with _import_lock:
        name = f"haute_serve_project_{next(_numbers)}"
        spec = importlib.util.spec_from_file_location(name, release.root / file)
        if spec is None or spec.loader is None:
            raise ReleaseError("pipeline_unreadable", f"{file} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        original = haute.Pipeline
        haute.Pipeline = pipeline_class  # type: ignore[misc]
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise ReleaseError(
                "pipeline_import_failed", f"{file}: {type(error).__name__}: {error}"
            ) from error
        finally:
            haute.Pipeline = original  # type: ignore[misc]
    pipeline = getattr(module, "pipeline", None)
    if not isinstance(pipeline, haute.Pipeline):
        raise ReleaseError("pipeline_missing", f"{file} defines no haute.Pipeline")
    return pipeline


def _quiet() -> None:
    # Haute writes several lines per quote to stdout; warnings and errors are kept, on stderr.
    try:
        import structlog
    except ImportError:
        # Older versions of Haute log in other ways.
        return
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _remember_sources() -> None:
    # Haute reads and tokenises a function's source on every call. A release's sources never change.
    if not hasattr(inspect.getsource, "cache_info"):
        inspect.getsource = lru_cache(maxsize=4096)(inspect.getsource)  # type: ignore[assignment]


def seed_of(frames: dict[str, pl.DataFrame]) -> Any:
    """What `Pipeline.score` takes: a lazy frame, or one per port."""
    if len(frames) == 1:
        return next(iter(frames.values())).lazy()
    return {label: frame.lazy() for label, frame in frames.items()}


def reference_score(pipeline: haute.Pipeline) -> Callable[[dict[str, pl.DataFrame]], pl.DataFrame]:
    """`Pipeline.score` itself: what every faster way is compared with."""

    def score(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
        result = pipeline.score(seed_of(frames))
        if isinstance(result, pl.LazyFrame):
            return result.collect(engine="in-memory")
        collected: pl.DataFrame = result
        return collected

    return score


def source_files(release: Release) -> list[Path]:
    """The Python files of the project."""
    return sorted((release.root / "project").rglob("*.py"))
