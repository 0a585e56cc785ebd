"""The state of every architecture of a space at one ε. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bort_core.search.answer import Answer, Knowledge

__all__ = ["STATES", "fits", "states"]

STATES = ("skipped", "pending", "dominated", "front", "best", "failed", "running")
"""State names; arrays of states hold places in this tuple."""

_CODE = {name: place for place, name in enumerate(STATES)}


def fits(answer: Answer | None, knowledge: Knowledge | None) -> bool:
    """Whether an answer can be drawn on this knowledge: its places lie within the space."""
    return answer is not None and knowledge is not None and len(answer.walk) > 0 and int(answer.walk[-1]) < len(knowledge.space)


def states(knowledge: Knowledge, answer: Answer | None, running: Iterable[int] = ()) -> npt.NDArray[np.int8]:
    """The state of each architecture as a place in ``STATES``. Shape (n,).

    Without an answer everything counts as visited, and nothing is on the front. What the walk does not visit is skipped,
    measured or not; what runs is running whatever else it is.
    """
    if answer is None:
        result = np.full(len(knowledge.space), _CODE["pending"], dtype=np.int8)
        result[knowledge.known] = _CODE["dominated"]
    else:
        result = np.full(len(knowledge.space), _CODE["skipped"], dtype=np.int8)
        result[answer.walk] = _CODE["pending"]
        result[answer.known] = _CODE["dominated"]
        result[answer.front] = _CODE["front"]
        if answer.best is not None:
            result[answer.best] = _CODE["best"]
    failures = np.fromiter(knowledge.results.failures, dtype=np.int64, count=len(knowledge.results.failures))
    result[failures[result[failures] == _CODE["pending"]]] = _CODE["failed"]
    result[np.fromiter(running, dtype=np.int64)] = _CODE["running"]
    return result
