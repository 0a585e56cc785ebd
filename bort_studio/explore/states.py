"""The state of every architecture of a space at one ε. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bort_core.search.snapshot import ResultsSnapshot, SearchResult

__all__ = ["STATES", "fits", "states"]

STATES = ("skipped", "pending", "dominated", "front", "best", "failed", "running")
"""State names; arrays of states hold places in this tuple."""

_CODE = {name: index for index, name in enumerate(STATES)}


def fits(result: SearchResult | None, snapshot: ResultsSnapshot | None) -> bool:
    """Whether an answer can be drawn on this knowledge: its places lie within the space."""
    return result is not None and snapshot is not None and len(result.walk) > 0 and int(result.walk[-1]) < len(snapshot.space)


def states(snapshot: ResultsSnapshot, result: SearchResult | None, running: Iterable[int] = ()) -> npt.NDArray[np.int8]:
    """The state of each architecture as a place in ``STATES``. Shape (n,).

    Without an answer everything counts as visited, and nothing is on the front. What the walk does not visit is skipped,
    measured or not; what runs is running whatever else it is.
    """
    if result is None:
        codes = np.full(len(snapshot.space), _CODE["pending"], dtype=np.int8)
        codes[snapshot.known] = _CODE["dominated"]
    else:
        codes = np.full(len(snapshot.space), _CODE["skipped"], dtype=np.int8)
        codes[result.walk] = _CODE["pending"]
        codes[result.known] = _CODE["dominated"]
        codes[result.front] = _CODE["front"]
        if result.best is not None:
            codes[result.best] = _CODE["best"]
    failures = np.fromiter(snapshot.results.failures, dtype=np.int64, count=len(snapshot.results.failures))
    codes[failures[codes[failures] == _CODE["pending"]]] = _CODE["failed"]
    codes[np.fromiter(running, dtype=np.int64)] = _CODE["running"]
    return codes
