"""The path language of Haute's sidecars: `$[:]`, `.name` and `name[:]`, nothing else."""

from __future__ import annotations

import re

from .errors import ReleaseError

ROOT = "$[:]"
#: The element of a scalar array itself.
ELEMENT = "$value"

_SEGMENT = re.compile(r"\.(\$value|[A-Za-z_][A-Za-z0-9_]*)(\[:\])?")

#: One step of a path: a key, and whether its value is an array that is walked element by element.
Segment = tuple[str, bool]


def parse_path(path: str) -> tuple[Segment, ...]:
    """The segments after the root; empty for the root itself."""
    if not path.startswith(ROOT):
        raise ReleaseError("manifest_invalid", f"path {path!r} does not start with {ROOT!r}")
    segments: list[Segment] = []
    position = len(ROOT)
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if match is None:
            raise ReleaseError("manifest_invalid", f"path {path!r} cannot be read")
        segments.append((match.group(1), match.group(2) is not None))
        position = match.end()
    return tuple(segments)


def array_level(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The leading segments up to and with the deepest array."""
    last = max((index for index, (_, is_array) in enumerate(segments) if is_array), default=-1)
    return segments[: last + 1]


def shown(segments: tuple[Segment, ...]) -> str:
    """The path as callers see it: `drivers[].premium`."""
    return ".".join(name + ("[]" if is_array else "") for name, is_array in segments)
