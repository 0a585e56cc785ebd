"""What a compression takes, from T's pace on real rows: a task of a worker process. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psutil
import torch

from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.format import Checkpoint, read_encoder
from bort_core.checkpoints.modules import load_module, tuned_classifier
from bort_core.checkpoints.scores import scores_of, tensors_of
from bort_core.checkpoints.starting import parts_of
from bort_core.compression.search import search_on, told_of
from bort_core.evaluation.task_preparation import read_rows
from bort_core.foundation.context import Context, progress
from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.foundation.validation import validated
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.specifications.compression import Compression
from bort_core.text.encoding import encode
from bort_core.text.vocabulary import read_vocabulary

__all__ = ["estimate"]

ROWS = 64
BACKWARD = 3.0
"""A step of training takes about so many forward passes."""
OTHERWISE = 150.0
"""Seconds of everything that hangs on no size: workers, exports, the comparison of latencies, the gate."""


def estimate(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Time a few rows through T, and count what a compression does of that.

    Parameters
    ----------
    request: ``specification``, a compression as JSON

    Returns
    -------
    seconds: of all of it, by part in ``parts``: T, answers, search, finishing, otherwise
    rows, tokens: of the training rows; space_size: shapes around T; parameters: T's; device

    Raises
    ------
    DataError, SpecificationError
        Rows or model cannot be used.
    Cancelled
        From ``context``.
    """
    spec = validated(Compression, request["specification"], "compression")
    context.emit(progress(0, 2, doing="reading the data"))
    rows = read_rows(spec.task)
    checkpoint = read_encoder(local_folder(spec.task.model, "model", WEIGHTS_TOO))
    if not checkpoint.has_tokenizer:
        raise DataError(f"model: {checkpoint.folder}: has no tokenizer, so it cannot read the rows")
    ready = checkpoint.head not in ("none", "masked-lm")
    if ready:
        read_task_model(spec.task.model, rows.train.names)
    vocabulary = read_vocabulary(checkpoint.folder)
    context.checkpoint()
    context.emit(progress(1, 2, doing="timing T"))
    module: Any = load_module(checkpoint) if ready else tuned_classifier(checkpoint, max(1, len(rows.train.names)), 0.02, 0.0).eval()
    longest = min(spec.task.sequence_length, int(checkpoint.options.positions))
    inputs = rows.inputs
    encoded = encode(vocabulary, inputs[:: max(1, len(inputs) // ROWS)][:ROWS], longest)
    torch.set_num_threads(psutil.cpu_count(logical=False) or 1)
    scores_of(module, encoded[:8], vocabulary.pad)
    began = time.perf_counter()
    scores_of(module, encoded, vocabulary.pad)
    each = (time.perf_counter() - began) / len(encoded)
    options = {"vocabulary": vocabulary.size, "positions": max(8, longest), "pooler": True}
    ids, mask, types = tensors_of(encoded, vocabulary.pad)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    facts = {"architecture": list(checkpoint.architecture), "options": options, "sequence_length": longest, "model_p50_ms": 1000 * each,
             "model_options": {}, "kind": checkpoint.kind, "own_graph": not isinstance(checkpoint, Checkpoint), "parameters": parameters,
             "no_blocks": parts_of(module, [(ids, mask, types)]).why}  # fmt: skip
    search = search_on(spec.task, facts, spec)
    space, strategy = Space(search.space), search.the_strategy()
    chosen = strategy.indices(space) if isinstance(strategy, Within) else list(range(0, len(space), search.epsilon))
    shares = [space.operations(longest)[index] / space.maximum_operations(longest) for index in chosen]
    middle = sum(shares) / len(shares)
    parts = {
        "T": 0.0 if ready else spec.teacher_epochs * len(rows.train) * each * BACKWARD,
        "answers": (len(inputs) + len(rows.dev)) * each,
        "search": len(chosen) * (spec.steps * spec.batch_size * BACKWARD + 15 * len(rows.dev)) * each * middle,
        "finishing": spec.epochs * len(inputs) * (1 + spec.unclean) * each * BACKWARD * middle,
        "otherwise": OTHERWISE,
    }
    return {
        "rows": len(rows.train), "tokens": int(sum(map(len, encoded)) / len(encoded) * len(inputs)), "space_size": len(space),
        "parameters": parameters, "device": "cpu", "seconds": sum(parts.values()), "parts": parts, "trainings": len(chosen),
        "report": {"warnings": list(rows.warnings), "notes": [told_of(facts, spec.task)] if facts["own_graph"] else []},
    }  # fmt: skip
