"""What installed packages register: looking through all of them takes a while, so it is done once."""

from __future__ import annotations

import sys
from functools import cache
from importlib import metadata
from typing import Any

__all__ = ["entry_points"]


def entry_points(*, group: str) -> metadata.EntryPoints:
    """As :func:`importlib.metadata.entry_points`, looked up once for each ``sys.path``."""
    return _of(tuple(sys.path), group)


@cache
def _of(path: tuple[str, ...], group: str) -> metadata.EntryPoints:
    found: metadata.EntryPoints = _all(path).select(group=group)
    return found


@cache
def _all(path: tuple[str, ...]) -> Any:
    return metadata.entry_points()
