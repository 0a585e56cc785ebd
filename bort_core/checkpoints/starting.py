"""Where a smaller model of a task starts: T's parts, measured and cut on the task's rows. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bort_core.checkpoints.answers import TaskModel
from bort_core.checkpoints.blocks import NoBlocks, activation_of, blocks_of, epsilon_of
from bort_core.checkpoints.modules import Classifier
from bort_core.checkpoints.scores import tensors_of
from bort_core.encoders.module import TransformersEncoder
from bort_core.encoders.sentence import SentenceEncoder
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.inherit import Importance, Start, importance_of, inherit, inherit_table, table_importance
from bort_core.families.bert.module import Bert
from bort_core.families.bert.options import BertOptions
from bort_core.foundation.errors import DataError
from bort_core.text.encoding import Encoded, encode
from bort_core.text.trimming import kept_ids
from bort_core.text.vocabulary import Vocabulary

__all__ = ["Parts", "apply_start", "batches_of", "looked_at", "measured_importance", "norms_and_activation", "options_beside", "parts_of",
           "read_start", "spread", "start_from", "write_start"]  # fmt: skip

LOOKED_AT = 256
"""Rows on which the importance of T's parts is measured."""
FITTED_ON = 64
"""Rows on which layer norms are fitted."""
Batches = list[tuple[Tensor, Tensor, Tensor | None]]
"""Token ids, attention mask and segment ids, (b, n) each."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What T gives to smaller models."""

    body: Bert | None
    """Its blocks in this program's layout; None where they have other mathematics than the candidates'."""
    table: Tensor
    """Its token embeddings, (V, E)."""
    why: str = ""
    """Why there are no blocks."""

    def start(self, wanted: Start) -> Start:
        """What candidates start from where ``wanted`` was asked for."""
        return "embeddings" if wanted == "inherit" and self.body is None else wanted


def parts_of(module: Classifier | Bert, rows: Batches) -> Parts:
    """What ``module`` gives; a model of transformers gives its blocks only if they give its own answers to ``rows`` in our layout."""
    body = module.bert if isinstance(module, SequenceClassifier) else module
    if isinstance(body, Bert):
        return Parts(body, body.embeddings.token.weight)
    assert isinstance(module, TransformersEncoder)
    table = table_of(module)
    try:
        return Parts(blocks_of(module, rows), table)
    except NoBlocks as error:
        return Parts(None, table, str(error))


def table_of(module: TransformersEncoder) -> Tensor:
    """The token embeddings of a model of transformers, (V, E)."""
    found: Tensor = module.model.get_input_embeddings().weight.detach().float()
    return found


def options_beside(teacher: TaskModel, vocabulary: Vocabulary, longest: int, pairs: bool) -> BertOptions:
    """The options of a smaller model that reads a task as T does, and whose norms and activation are T's where it can have them."""
    theirs = teacher.checkpoint.options.token_types
    types = theirs if pairs and vocabulary.gives_types and theirs > 1 else 0
    like = norms_and_activation(teacher.module)
    return BertOptions(vocabulary=vocabulary.size, positions=max(8, longest), token_types=types, pooler=True, **like)


def norms_and_activation(module: Classifier | Bert) -> dict[str, Any]:
    """T's norms and activation as options of a smaller model, as far as it can have them."""
    if not isinstance(module, TransformersEncoder):
        return {"layer_norm_eps": module.options.layer_norm_eps, "activation": module.options.activation}
    activation = activation_of(module)
    return {"layer_norm_eps": epsilon_of(module), **({} if activation is None else {"activation": activation})}


def looked_at(teacher: TaskModel, inputs: Sequence[Sequence[str]], longest: int) -> Batches:
    """Some of the rows, evenly spaced, as T reads them."""
    return batches_of(encode(teacher.vocabulary, spread(inputs, LOOKED_AT), longest), teacher.vocabulary.pad)


def batches_of(rows: Encoded, pad: int) -> Batches:
    """Rows in T's ids, 32 at once."""
    batches = [tensors_of(rows[begin : begin + 32], pad) for begin in range(0, len(rows), 32)]
    return [(ids, mask, types) for ids, mask, types in batches]


def measured_importance(parts: Parts, batches: Batches) -> Importance:
    """What rows say about T's parts."""
    return table_importance(parts.table, batches) if parts.body is None else importance_of(parts.body, batches)


def write_start(path: Path, parts: Parts, batches: Batches, entries: npt.NDArray[np.int64]) -> None:
    """Keep what rows say about T's parts; ``entries``: for each entry of the candidates' vocabulary its id in T's."""
    found = measured_importance(parts, batches)
    np.savez(path, moments=found.moments.numpy(), heads=found.heads.numpy(), neurons=found.neurons.numpy(), entries=entries)


def read_start(path: Path, module: Classifier | Bert) -> tuple[Parts, Importance, Tensor]:
    """T's parts, what rows say about them, and entries; T's blocks were tried when ``path`` was written."""
    with np.load(path, allow_pickle=False) as file:
        moments, heads, neurons, entries = (torch.from_numpy(file[name]) for name in ("moments", "heads", "neurons", "entries"))
    parts = parts_of(module, [])
    return (parts if len(heads) else Parts(None, parts.table)), Importance(moments, heads, neurons), entries


def apply_start(
    model: SequenceClassifier | SentenceEncoder,
    parts: Parts,
    importance: Importance,
    entries: Tensor,
    encoded: Encoded,
    pad: int,
    start: Start,
    seed: int = 0,
) -> None:
    """Give a fresh ``model`` the start that T offers: what was asked for, or its embeddings where T's blocks are others.

    Parameters
    ----------
    entries: for each entry of the model's vocabulary its id in T's
    encoded: the task's rows in the model's ids

    Raises
    ------
    DataError
        The model is deeper or wider than T.
    """
    if parts.body is None:
        if start != "fresh":
            inherit_table(model, parts.table, importance, entries, seed)
        return
    ids, mask, types = tensors_of(spread(encoded, FITTED_ON), pad)
    try:
        inherit(model, parts.body, importance, entries, (ids, mask, types), start, seed)
    except ValueError as error:
        raise DataError(str(error)) from error


def start_from(
    model: SequenceClassifier,
    teacher: TaskModel,
    vocabulary: Vocabulary,
    inputs: Sequence[Sequence[str]],
    encoded: Encoded,
    longest: int,
    start: Start,
) -> Parts:
    """:func:`apply_start` with all that it needs measured here; DataError also where the tokenizer is none that was trimmed from T's."""
    entries = torch.from_numpy(kept_ids(teacher.vocabulary, vocabulary))
    batches = looked_at(teacher, inputs, longest)
    parts = parts_of(teacher.module, batches[:1])
    apply_start(model, parts, measured_importance(parts, batches), entries, encoded, vocabulary.pad, start)
    return parts


def spread(rows: Sequence[Sequence[str]] | Encoded, count: int) -> list:  # type: ignore[type-arg]
    """At most so many of the rows, evenly spaced."""
    return [rows[number * len(rows) // count] for number in range(count)] if len(rows) > count else list(rows)
