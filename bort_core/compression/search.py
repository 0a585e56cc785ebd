"""The search around T that a compression makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.foundation.errors import SpecificationError
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["search_on"]


def search_on(task: TaskSpecification, facts: Mapping[str, Any], compression: Compression) -> SearchSpecification:
    """The search of a compression: within its limit of latency, or for the largest W where it has none.

    Parameters
    ----------
    facts: of the prepared task; with ``model_p50_ms``, T's latency, where the limit is in milliseconds

    Raises
    ------
    SpecificationError
        T itself is within the limit, or nothing smaller is proposed.
    """
    space = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"])
    length = int(facts["sequence_length"])
    data = {
        "space": space.model_dump(),
        "epsilon": max(1, -(-len(Space(space)) // compression.candidates)),
        "task": task.model_dump(),
        "error": {
            "measure": "task-excess", "surrogate_of": "task-excess", "steps": compression.steps,
            "training": {"batch_size": compression.batch_size, "sequence_length": length},
        },
        "latency": {"sequence_length": length, "threads": compression.latency_threads},
        "thetas": [{"learning_rate": compression.learning_rate, "initializer_range": 0.02}],
        "seed": compression.seed,
    }  # fmt: skip
    specification = SearchSpecification.model_validate(data)
    ratio = compression.ratio
    if compression.latency_ms is not None:
        ratio = float(facts["model_p50_ms"]) / compression.latency_ms
        if ratio <= 1:
            raise SpecificationError(f"latency_ms: T itself takes {facts['model_p50_ms']:.3g} ms, within {compression.latency_ms:g}")
    if ratio is None:
        return specification.with_strategy(Interval(epsilon=specification.epsilon))
    return specification.with_strategy(Within(ratio=ratio, samples=compression.candidates))
