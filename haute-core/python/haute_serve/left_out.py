"""What a release is served without: distributions that scoring its test quotes never imported.

They are hidden wherever the release is proved or served, whether they are installed there or not, so that every copy of a release
behaves like the one that was proved. Should a quote need one after all, it is refused by name: code that falls back to something
else when an import fails could otherwise give another price.

Nothing here may import Polars or Haute: both look for optional modules while they are imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from types import ModuleType
from typing import Any

#: The key of the configuration that keeps a distribution.
KEY = "[deploy.container] keep"


class NeededLeftOut(Exception):
    """Scoring asked for a module of a distribution that is left out. No `ImportError`: nobody may carry on without."""

    def __init__(self, distribution: str) -> None:
        super().__init__(
            f"scoring needs the distribution {distribution}, which is left out of this release: add it to {KEY}"
        )


def normalise(name: str) -> str:
    """A distribution's name as an index compares it (PEP 503)."""
    words = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(word for position, word in enumerate(words) if word or position in (0, len(words) - 1))


def root_of(module: str, roots: Any) -> str | None:
    """The one of `roots` that `module` is or lies in."""
    while module:
        if module in roots:
            return module
        module = module.rpartition(".")[0]
    return None


class Hidden:
    """Python's own finder of modules and distributions, without those that are left out."""

    def __init__(self, modules: dict[str, str]) -> None:
        """`modules`: the root modules of what is left out, with the distribution of each."""
        self._modules = modules
        self._distributions = {normalise(name) for name in modules.values()}
        self._places = {
            Path(str(distribution.locate_file("")))
            for name in sorted(self._distributions)
            for distribution in PathFinder.find_distributions(DistributionFinder.Context(name=name))
        }
        self._strict = False
        #: The distribution scoring asked for last, and how often it asked for any.
        self.needed: str | None = None
        self.times = 0

    def be_strict(self) -> None:
        """From now on who asks is told so with an error of its own. Before, optional imports may find nothing there."""
        self._strict = True

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        root = root_of(name, self._modules)
        if root is None or (spec is not None and not self._is_of_a_distribution(spec)):
            return spec
        if not self._strict:
            return None
        self.needed = self._modules[root]
        self.times += 1
        raise NeededLeftOut(self.needed)

    def _is_of_a_distribution(self, spec: ModuleSpec) -> bool:
        """Not a module of the project or of Python itself that happens to have the same name."""
        places = [spec.origin] if spec.has_location and spec.origin else spec.submodule_search_locations or []
        return any(parent in self._places for place in places for parent in Path(place).parents)

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterable[Distribution]:
        context = context or DistributionFinder.Context()
        for distribution in PathFinder.find_distributions(context):
            if normalise(distribution.metadata["Name"] or "") not in self._distributions:
                yield distribution

    @staticmethod
    def invalidate_caches() -> None:
        PathFinder.invalidate_caches()


def hide(root: Path) -> None:
    """Hides what the manifest of the release in `root` leaves out. A manifest that cannot be read is for who loads it to refuse."""
    try:
        modules = json.loads((root / "manifest.json").read_bytes()).get("unused_modules") or {}
        hidden = Hidden({str(module): str(name) for module, name in modules.items()})
    except (OSError, ValueError, AttributeError):
        return
    if modules and _hidden() is None:
        finders: list[Any] = sys.meta_path
        finders[:] = [hidden if finder is PathFinder else finder for finder in finders]


def _hidden() -> Hidden | None:
    return next((finder for finder in sys.meta_path if isinstance(finder, Hidden)), None)


def be_strict() -> None:
    """Scoring begins: see `Hidden.be_strict`."""
    hidden = _hidden()
    if hidden is not None:
        hidden.be_strict()


def times_needed() -> int:
    """How often scoring has asked for something that is left out."""
    hidden = _hidden()
    return 0 if hidden is None else hidden.times


def needed() -> str | None:
    """The distribution scoring asked for last."""
    hidden = _hidden()
    return None if hidden is None else hidden.needed
