"""Which of the installed distributions nothing was imported from, once everything a release does has been done."""

from __future__ import annotations

import inspect
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder, distributions
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from .left_out import normalise, root_of

#: Read as data, by Python itself, where the machine has no time zones of its own.
_DATA = frozenset({"tzdata"})
#: A shared library that other code opens, and no module of Python's: by its prefix, its version or its suffix.
_LIBRARY = re.compile(r"^lib.*\.so$|\.so(\.\d+)+$|\.dylib$|\.dll$")


class Asked:
    """Python's own finder, noting every module that was asked for: looking for one can change what code does, too."""

    def __init__(self) -> None:
        self.modules: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        self.modules.add(name)
        return PathFinder.find_spec(name, path, target)

    @staticmethod
    def find_distributions(context: DistributionFinder.Context | None = None) -> Any:
        return PathFinder.find_distributions(context or DistributionFinder.Context())

    @staticmethod
    def invalidate_caches() -> None:
        PathFinder.invalidate_caches()


def note_questions() -> Asked:
    """Notes what is asked for from now on in this process."""
    asked = Asked()
    finders: list[Any] = sys.meta_path
    finders[:] = [asked if finder is PathFinder else finder for finder in finders]
    return asked


@dataclass(frozen=True, slots=True)
class Carried:
    """What can be imported from a distribution, and what it needs."""

    #: Packages and modules that no other of its packages holds, dotted.
    roots: frozenset[str]
    needs: tuple[str, ...]
    #: Whether it works in ways that imports do not show: at the start of Python, as a library, or as data.
    hard_to_see: bool


def imports(asked: set[str]) -> dict[str, dict[str, list[str]]]:
    """By normalised name of each installed distribution: `needs`, the distributions it requires, and `unused`, the roots of what
    it carries if nothing was imported from it.

    `unused` is empty as well when that is in doubt: for a distribution that has no modules, shares one with another, or works
    without imports.
    """
    found = {
        normalise(distribution.metadata["Name"] or ""): carried(distribution)
        for distribution in distributions()
    }
    owners = Counter(root for one in found.values() for root in one.roots)
    roots = {root_of(name, owners) for name in {*sys.modules, *asked}}
    files = _loaded_files()
    return {
        name: {
            "needs": sorted(one.needs),
            "unused": sorted(one.roots)
            if one.roots.isdisjoint(roots)
            and not one.hard_to_see
            and all(owners[root] == 1 for root in one.roots)
            and not _loaded_from(name, files)
            else [],
        }
        for name, one in sorted(found.items())
        if name
    }


def carried(distribution: Distribution) -> Carried:
    """Reads the distribution's own list of files."""
    modules: list[tuple[tuple[str, ...], str]] = []
    hard_to_see = normalise(distribution.metadata["Name"] or "") in _DATA
    for file in distribution.files or []:
        parts = PurePosixPath(file).parts
        if ".." in parts or parts[0].endswith((".dist-info", ".egg-info")):
            continue
        name = inspect.getmodulename(parts[-1])
        if _LIBRARY.search(parts[-1]):
            # What auditwheel and delocate put beside a package serves that package's own modules.
            hard_to_see = hard_to_see or not parts[0].endswith((".libs", ".dylibs"))
        elif len(parts) == 1 and parts[0].endswith(".pth"):
            hard_to_see = True
        elif name is not None and all(part.isidentifier() for part in parts[:-1]):
            modules.append((parts[:-1], name))
    packages = {directory for directory, name in modules if name == "__init__"}
    roots = {_root(directory, name, packages) for directory, name in modules}
    needs = [_required(text) for text in distribution.requires or [] if "extra ==" not in text]
    return Carried(frozenset(roots), tuple(sorted(set(needs))), hard_to_see)


def _root(directory: tuple[str, ...], name: str, packages: set[tuple[str, ...]]) -> str:
    for depth in range(1, len(directory) + 1):
        if directory[:depth] in packages:
            return ".".join(directory[:depth])
    return ".".join((*directory, name))


def _required(text: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", text)
    return normalise(found.group()) if found else ""


def _loaded_files() -> set[Path]:
    """The files of everything imported, under whatever name it was."""
    files = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            files.add(Path(path))
    return files


def _loaded_from(name: str, files: set[Path]) -> bool:
    for distribution in distributions(name=name):
        for file in distribution.files or []:
            if file.suffix in (".py", ".so", ".pyd") and Path(str(file.locate())) in files:
                return True
    return False
