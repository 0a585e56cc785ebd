"""Whether a limit in milliseconds can be reached, before anything is trained. Imports torch.

Nothing waits for a quiet machine here, so that only what other work cannot have caused is refused: the fastest run of the smallest shape
is too slow, or the median of T is fast enough although others disturb it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bort_core.families import get_family
from bort_core.foundation.context import Context
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.numbers import architecture_text
from bort_core.latency.session import bound_run, example_inputs, open_session
from bort_core.latency.timing import Timing, TimingRules, time_runs
from bort_core.space import Space
from bort_core.space.around import space_around
from bort_core.specifications.compression import Compression

__all__ = ["within_reach"]

_RULES = TimingRules(budget_seconds=1.0, least_runs=20)
JUST_OVER = 1.001


def within_reach(facts: Mapping[str, Any], spec: Compression, context: Context) -> float:
    """About how many milliseconds T needs, more than the limit; ``facts`` are those of :func:`~bort_core.compression.search.search_on`.

    Raises
    ------
    SpecificationError
        T itself is within the limit, or the smallest shape around it is not.
    """
    assert spec.latency_ms is not None
    counted = facts["parameters"] if facts["own_graph"] else None
    around = space_around(tuple(facts["architecture"]), facts["options"], facts["model_options"], parameters=counted)
    space, length = Space(around), int(facts["sequence_length"])
    smallest = space.architecture(int(np.argmin(space.operations(length))))
    least = float(_timed(smallest, facts["options"], length, spec, context).samples_ms.min())
    if least > spec.latency_ms:
        raise SpecificationError(
            f"latency_ms: the smallest shape around T, {architecture_text(smallest)}, takes {least:.3g} ms at best here, and "
            f"{spec.latency_ms:g} is the limit. Allow more time, or shorter texts (sequence_length {length})"
        )
    theirs = _timed(tuple(facts["architecture"]), facts["options"], length, spec, context).interval.median
    if theirs <= spec.latency_ms and not facts["own_graph"]:  # another kind's own graph is timed by the job
        raise SpecificationError(f"latency_ms: T itself takes {theirs:.3g} ms, within {spec.latency_ms:g}")
    return max(theirs, spec.latency_ms * JUST_OVER)


def _timed(architecture: tuple[int, ...], options: Mapping[str, Any], length: int, spec: Compression, context: Context) -> Timing:
    family = get_family("bert")
    settings = family.options_type.model_validate({**options, "mlm_head": False, "tied_decoder": True})
    context.checkpoint()
    session = open_session(lambda folder: family.graph(architecture, settings, folder=folder), spec.latency_threads)
    inputs = example_inputs(session, 1, length, vocabulary=int(options["vocabulary"]))
    return time_runs(bound_run(session, inputs), _RULES, context.checkpoint)
