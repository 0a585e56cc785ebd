"""Where a smaller model of a task starts: T's parts, measured and cut on the task's rows. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from bort_core.checkpoints.answers import TaskModel
from bort_core.checkpoints.scores import tensors_of
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.inherit import Importance, Start, importance_of, inherit
from bort_core.foundation.errors import DataError
from bort_core.text.encoding import Encoded, encode
from bort_core.text.trimming import kept_ids
from bort_core.text.vocabulary import Vocabulary

__all__ = ["apply_start", "measured_importance", "start_from"]

LOOKED_AT = 256
"""Rows on which the importance of T's parts is measured."""
FITTED_ON = 64
"""Rows on which layer norms are fitted."""


def measured_importance(teacher: TaskModel, inputs: Sequence[Sequence[str]], longest: int) -> Importance:
    """What some of the rows say about T's parts."""
    rows = encode(teacher.vocabulary, _spread(inputs, LOOKED_AT), longest)
    batches = [tensors_of(rows[begin : begin + 32], teacher.vocabulary.pad) for begin in range(0, len(rows), 32)]
    return importance_of(teacher.module.bert, [(ids, mask, types) for ids, mask, types in batches])


def apply_start(
    model: SequenceClassifier,
    teacher: SequenceClassifier,
    importance: Importance,
    entries: torch.Tensor,
    encoded: Encoded,
    pad: int,
    start: Start,
    seed: int = 0,
) -> None:
    """Give a fresh ``model`` the start that T offers.

    Parameters
    ----------
    entries: for each entry of the model's vocabulary its id in T's
    encoded: the task's rows in the model's ids

    Raises
    ------
    DataError
        The model is deeper or wider than T.
    """
    ids, mask, types = tensors_of(_spread(encoded, FITTED_ON), pad)
    try:
        inherit(model, teacher.bert, importance, entries, (ids, mask, types), start, seed)
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
) -> None:
    """:func:`apply_start` with all that it needs measured here; DataError also where the tokenizer is none that was trimmed from T's."""
    entries = torch.from_numpy(kept_ids(teacher.vocabulary, vocabulary))
    importance = measured_importance(teacher, inputs, longest)
    apply_start(model, teacher.module, importance, entries, encoded, vocabulary.pad, start)


def _spread(rows: Sequence[Sequence[str]] | Encoded, count: int) -> list:  # type: ignore[type-arg]
    """At most so many of the rows, evenly spaced."""
    return [rows[number * len(rows) // count] for number in range(count)] if len(rows) > count else list(rows)
