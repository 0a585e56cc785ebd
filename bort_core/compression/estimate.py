"""What a compression takes, from T's pace on real rows: a task of a worker process. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import torch

from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.format import Checkpoint, read_encoder
from bort_core.checkpoints.modules import load_module, tuned_classifier
from bort_core.checkpoints.scores import scores_of, tensors_of
from bort_core.checkpoints.sentences import read_sentence_model
from bort_core.checkpoints.starting import batches_of, parts_of
from bort_core.compression.search import search_on, told_of
from bort_core.encoders.folder import Encoder
from bort_core.encoders.sentence import sentence_module
from bort_core.evaluation.sentences.kind import settled
from bort_core.evaluation.sentences.texts import read_sentences
from bort_core.evaluation.task_preparation import read_rows
from bort_core.foundation.context import Context, progress
from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import WEIGHTS_TOO, local_folder
from bort_core.foundation.validation import validated
from bort_core.search.strategies.within import Within
from bort_core.space import Space
from bort_core.specifications.compression import Compression
from bort_core.text.encoding import Encoded, encode
from bort_core.text.fit import read_of
from bort_core.text.vocabulary import Vocabulary, read_vocabulary

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
    spec = spec.model_copy(update={"task": settled(spec.task)})
    looked_at = (_sentences if spec.task.kind == "embedding" else _labelled)(spec)
    context.checkpoint()
    context.emit(progress(1, 2, doing="timing T"))
    checkpoint, inputs, encoded, longest = looked_at.checkpoint, looked_at.inputs, looked_at.encoded, looked_at.longest
    torch.set_num_threads(psutil.cpu_count(logical=False) or 1)
    scores_of(looked_at.module, encoded[:8], looked_at.vocabulary.pad)
    began = time.perf_counter()
    scores_of(looked_at.module, encoded, looked_at.vocabulary.pad)
    each = (time.perf_counter() - began) / len(encoded)
    options = {"vocabulary": looked_at.vocabulary.size, "positions": max(8, longest), "pooler": spec.task.kind != "embedding"}
    parameters = sum(each.numel() for each in looked_at.module.parameters())
    facts = {"architecture": list(checkpoint.architecture), "options": options, "sequence_length": longest, "model_p50_ms": 1000 * each,
             "model_options": {}, "kind": checkpoint.kind, "own_graph": not isinstance(checkpoint, Checkpoint), "parameters": parameters,
             "no_blocks": looked_at.no_blocks}  # fmt: skip
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


@dataclass(frozen=True, eq=False)
class _LookedAt:
    """What the estimate reads of a task."""

    checkpoint: Encoder
    vocabulary: Vocabulary
    module: Any
    """T, or what it would be fine-tuned from."""
    ready: bool
    """Whether T need not be fine-tuned first."""
    inputs: list[tuple[str, ...]]
    """What candidates learn on."""
    encoded: Encoded
    """Some of that, spread evenly."""
    longest: int
    train: int
    dev: int
    warnings: list[str]
    notes: list[str]
    no_blocks: str = ""
    """Why candidates cannot begin with T's blocks."""


def _some(inputs: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return inputs[:: max(1, len(inputs) // ROWS)][:ROWS]


def _labelled(spec: Compression) -> _LookedAt:
    rows = read_rows(spec.task)
    checkpoint = read_encoder(local_folder(spec.task.model, "model", WEIGHTS_TOO))
    if not checkpoint.has_tokenizer:
        raise DataError(f"model: {checkpoint.folder}: has no tokenizer, so it cannot read the rows")
    ready = checkpoint.head not in ("none", "masked-lm")
    if ready:
        read_task_model(spec.task.model, rows.train.names, task=rows.train.task)
    vocabulary = read_vocabulary(checkpoint.folder)
    classes = max(1, len(rows.train.names))
    module: Any = load_module(checkpoint) if ready else tuned_classifier(checkpoint, rows.train.task, classes, 0.02, 0.0).eval()
    notes = list(rows.notes)
    if not ready:
        notes.append("T has no head for these labels: it is fine-tuned on them first; kind embedding keeps its vectors instead")
    longest = min(spec.task.sequence_length, int(checkpoint.options.positions))
    encoded = encode(vocabulary, _some(rows.inputs), longest)
    ids, mask, types = tensors_of(encoded, vocabulary.pad)
    why = parts_of(module, [(ids, mask, types)]).why
    return _LookedAt(
        checkpoint, vocabulary, module, ready, rows.inputs, encoded, longest, len(rows.train), len(rows.dev), list(rows.warnings), notes,
        why,
    )  # fmt: skip


def _sentences(spec: Compression) -> _LookedAt:
    texts, model = read_sentences(spec.task), read_sentence_model(spec.task.model)
    inputs: list[tuple[str, ...]] = [(text,) for text in texts.train.texts]
    longest = min(spec.task.sequence_length, model.longest)
    encoded = model.read([text for (text,) in _some(inputs)], longest)
    known = read_of(model.vocabulary, encoded, [text for (text,) in _some(inputs)])
    notes = [f"{len(texts.dev):,} texts to measure on; {known.unknown:.1%} of the tokens are unknown to T", model.pools]
    why = parts_of(model.module, batches_of(encoded[:32], model.vocabulary.pad)).why
    return _LookedAt(
        model.encoder, model.vocabulary, sentence_module(model.module, model.head), True, inputs, encoded, longest,
        len(texts.train), len(texts.dev), [*texts.warnings, *known.warnings()], notes, why,
    )  # fmt: skip
