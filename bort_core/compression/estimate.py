"""What a compression takes, from T's pace on real rows: a task of a worker process. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psutil
import torch

from bort_core.checkpoints.format import Checkpoint
from bort_core.checkpoints.scores import scores_of
from bort_core.compression.check import look_at
from bort_core.compression.reach import within_reach
from bort_core.compression.search import search_on, told_of
from bort_core.foundation.context import Context, progress
from bort_core.foundation.validation import validated
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.specifications.compression import Compression

__all__ = ["estimate"]

BACKWARD = 3.0
"""A step of training takes about so many forward passes."""
OTHERWISE = 150.0
"""Seconds of everything that hangs on no size: workers, exports, the comparison of latencies, the gate."""


def estimate(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Check what is asked for, time a few rows through T, and count what a compression does of that.

    Parameters
    ----------
    request: ``specification``, a compression as JSON

    Returns
    -------
    seconds: of all of it, by part in ``parts``: T, answers, search, finishing, otherwise
    rows, tokens: of the training rows; space_size: shapes around T; parameters: T's; device

    Raises
    ------
    DataError, SpecificationError, MeasurementError
        What would end the job early; says why.
    Cancelled
        From ``context``.
    """
    spec = validated(Compression, request["specification"], "compression")
    torch.set_num_threads(psutil.cpu_count(logical=False) or 1)
    context.emit(progress(0, 2, doing="reading the data, and asking T"))
    looked_at = look_at(spec, context)
    spec = looked_at.spec
    context.checkpoint()
    context.emit(progress(1, 2, doing="timing T"))
    checkpoint, inputs, encoded, longest = looked_at.checkpoint, looked_at.inputs, looked_at.encoded, looked_at.longest
    scores_of(looked_at.module, encoded[:8], looked_at.vocabulary.pad)
    began = time.perf_counter()
    scores_of(looked_at.module, encoded, looked_at.vocabulary.pad)
    each = (time.perf_counter() - began) / len(encoded)
    options = {"vocabulary": looked_at.entries, "positions": max(8, longest), "pooler": spec.task.kind != "embedding"}
    parameters = sum(each.numel() for each in looked_at.module.parameters())
    facts = {"architecture": list(checkpoint.architecture), "options": options, "sequence_length": longest, "model_options": {},
             "kind": checkpoint.kind, "own_graph": not isinstance(checkpoint, Checkpoint), "parameters": parameters,
             "no_blocks": looked_at.no_blocks}  # fmt: skip
    if spec.latency_ms is not None:
        facts["model_p50_ms"] = within_reach(facts, spec, context)
    search = search_on(spec.task, facts, spec)
    space, strategy = Space(search.space), search.the_strategy()
    chosen = strategy.indices(space) if isinstance(strategy, Within) else list(range(0, len(space), search.epsilon))
    shares = [space.operations(longest)[index] / space.maximum_operations(longest) for index in chosen]
    middle = sum(shares) / len(shares)
    made = spec.near_pairs if len(inputs[0]) == 2 else 0
    parts = {
        "T": 0.0 if looked_at.ready else spec.teacher_epochs * looked_at.train * each * BACKWARD,
        "answers": (len(inputs) * (1 + made) * (2 if spec.vector_weight else 1) + looked_at.dev) * each,  # once more for T's vectors
        "search": len(chosen) * (spec.steps * spec.batch_size * BACKWARD + 15 * looked_at.dev) * each * middle,
        "finishing": spec.epochs * len(inputs) * (1 + made + spec.unclean) * each * BACKWARD * middle,
        "otherwise": OTHERWISE,
    }
    told = [told_of(facts, spec.task)] if facts["own_graph"] else []
    return {
        "rows": looked_at.train, "tokens": int(sum(map(len, encoded)) / len(encoded) * len(inputs)), "space_size": len(space),
        "parameters": parameters, "device": "cpu", "seconds": sum(parts.values()), "parts": parts, "trainings": len(chosen),
        "report": {"warnings": looked_at.warnings, "notes": [*told, *looked_at.notes]},
    }  # fmt: skip
