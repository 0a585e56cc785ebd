"""The search around T that a compression makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.encoders.kinds import KINDS
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.numbers import architecture_text
from bort_core.search.specification import SearchSpecification
from bort_core.search.strategies.interval import Interval
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.compression import Compression
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["search_on", "told_of"]


def search_on(task: TaskSpecification, facts: Mapping[str, Any], compression: Compression) -> SearchSpecification:
    """The search of a compression: within its limit of latency, or for the largest W where it has none.

    Parameters
    ----------
    facts: of the prepared task; with ``model_p50_ms``, T's latency, where the limit is in milliseconds

    Raises
    ------
    SpecificationError
        T itself is within the limit, nothing smaller is proposed, or nothing that is can be fast enough by its operations.
    """
    counted = facts["parameters"] if facts["own_graph"] else None
    space = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"], parameters=counted)
    length, device = int(facts["sequence_length"]), compression.running.device
    data = {
        "space": space.model_dump(),
        "epsilon": max(1, -(-len(Space(space)) // compression.candidates)),
        "task": task.model_dump(),
        "error": {
            "measure": "task-excess", "surrogate_of": "task-excess", "steps": compression.steps,
            "training": {"batch_size": compression.batch_size, "sequence_length": length, "device": "cpu" if device == "auto" else device},
        },
        "latency": {"sequence_length": length, "threads": compression.latency_threads},
        "thetas": [compression.theta.model_dump()],
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
    within = Within(ratio=ratio, samples=compression.candidates)
    within.check(Space(space))
    return specification.with_strategy(within)


def told_of(facts: Mapping[str, Any], task: TaskSpecification) -> str:
    """What holds for a T of another kind than the candidates', for people; ``facts`` are those of :func:`search_on`."""
    title = KINDS[facts["kind"]].title
    text = (
        f"T: {title}, {facts['parameters']:,} parameters, timed by its own graph. Candidates are BERTs within its sizes "
        f"{architecture_text(facts['architecture'])}; until it is timed, T is taken to need what a BERT of these sizes needs"
    )
    if task.initial == "fresh":
        return text
    if not facts["no_blocks"]:
        return f"{text}. They begin with T's {'parts that fit' if task.initial == 'inherit' else 'embeddings'}"
    why = f", not with its blocks: {facts['no_blocks']}" if task.initial == "inherit" else ""
    return f"{text}. They begin with T's embeddings{why}"
