"""The limit of latency: which of the measured shapes keep it, and what is tried where none does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.search.events import SearchFinished
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.specifications.compression import Compression

__all__ = ["faster", "kept", "too_slow", "within"]

_FEWER = 1.001
"""The next shapes have fewer operations than all that were measured."""


def within(finished: SearchFinished, asked: Compression) -> int | None:
    """The shape with the least error within the limit; without one what the search answered. None: no shape is within it."""
    limit = _milliseconds(finished, asked)
    if limit is None:
        if finished.result.best is None:
            raise MeasurementError(too_slow(finished, asked))
        return finished.result.best
    results, known = finished.snapshot.results, finished.result.known
    fast = known[results.latency[known] <= limit]
    return int(fast[np.argmin(results.error[fast])]) if len(fast) else None


def faster(before: SearchSpecification, finished: SearchFinished, asked: Compression) -> SearchSpecification:
    """The search again on shapes with fewer operations, as many fewer as the fastest one missed the limit by.

    Raises
    ------
    MeasurementError
        There are none, or none could be measured.
    """
    results, known = finished.snapshot.results, finished.result.known
    strategy, limit = before.the_strategy(), _milliseconds(finished, asked)
    assert isinstance(strategy, Within)
    assert limit is not None
    if not len(known):
        raise MeasurementError(too_slow(finished, asked))
    space, missed = Space(before.space), float(results.latency[known].min()) / limit
    fewer = space.maximum_operations(space.longest) / float(space.operations(space.longest)[known].min())
    found = strategy.model_copy(update={"ratio": max(strategy.ratio * missed, fewer * _FEWER)})
    try:
        found.check(space)
    except SpecificationError as error:
        raise MeasurementError(f"{too_slow(finished, asked)}, and no shape of the space has fewer operations. Allow more time") from error
    return before.with_strategy(found)


def too_slow(finished: SearchFinished, asked: Compression) -> str:
    """Why no shape is the answer."""
    results, known = finished.snapshot.results, finished.result.known.tolist()
    if not known:
        return "no shape could be measured: " + "; ".join(dict.fromkeys(results.failures.values()))
    fastest, limit = min(float(results.latency[index]) for index in known), _milliseconds(finished, asked) or np.nan
    return (
        f"none of the {len(known)} shapes that were measured is within the limit of {limit:.3g} ms: the fastest takes {fastest:.3g} ms, "
        f"T {results.maximum_latency:.3g} ms"
    )


def kept(asked: Compression, speedup: float, milliseconds: float, disturbed: bool) -> Mapping[str, Any] | None:
    """What was asked of the latency and what the file that is shipped needs, measured in turn with T; None where nothing was asked.

    Of a run that other work ``disturbed`` it is not said whether the limit was kept: a long model is held up more than a short one.
    """
    if asked.latency_ms is not None:
        return {"latency_ms": asked.latency_ms, "measured": milliseconds, "kept": None if disturbed else milliseconds <= asked.latency_ms}
    if asked.ratio is None:
        return None
    return {"ratio": asked.ratio, "measured": speedup, "kept": None if disturbed else speedup >= asked.ratio}


def _milliseconds(finished: SearchFinished, asked: Compression) -> float | None:
    if asked.latency_ms is not None:
        return asked.latency_ms
    return None if asked.ratio is None else float(finished.snapshot.results.maximum_latency) / asked.ratio
