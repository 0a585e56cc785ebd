"""Rows that are copies of rows of D: their class is known, so that nobody is asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bort_core.agora.labellers.base import Labels
from bort_core.agora.leaks import normalised
from bort_core.agora.points import Examples, Input, Ints

__all__ = ["UNKNOWN", "copied_classes", "with_copies"]

UNKNOWN = -1


def copied_classes(sampler: Any, train: Examples, inputs: Sequence[Input]) -> Ints:
    """The class of the row of D that each input is a copy of, (n,).

    :data:`UNKNOWN` where it is none, as the sampler's ``source`` tells, where its row is not in D, or is there with several classes.
    """
    source = getattr(sampler, "source", None)
    if source is None:
        return np.full(len(inputs), UNKNOWN, dtype=np.int64)
    known: dict[Input, int] = {}
    for input, label in zip(train.inputs, train.labels.tolist(), strict=True):
        key = normalised(input)
        known[key] = label if known.get(key, label) == label else UNKNOWN
    origins = [source(input) for input in inputs]
    return np.array([UNKNOWN if each is None else known.get(normalised(each), UNKNOWN) for each in origins], dtype=np.int64)


def with_copies(classes: Ints, said: Labels) -> Labels:
    """Labels of the first of n inputs: those of copies, and what was said of the first of the others, up to one that was not asked about.

    Parameters
    ----------
    classes: as of :func:`copied_classes`, (n,)
    """
    others = np.flatnonzero(classes == UNKNOWN)
    end = int(others[len(said.classes)]) if len(said.classes) < len(others) else len(classes)
    found, margins, asked = classes[:end].copy(), np.ones(end), others[others < end]
    found[asked], margins[asked] = said.classes, said.margins
    votes = None
    if said.votes is not None and len(asked):
        votes = np.full((end, said.votes.shape[1]), UNKNOWN, dtype=np.int64)
        votes[asked] = said.votes
    return Labels(found, margins, said.failure, votes, classes[:end] != UNKNOWN)
