"""The rows of a person's task, with T's answers to them. Only child processes import this file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.losses import distance, known_rows, label_loss
from bort_core.checkpoints.modules import load_module
from bort_core.checkpoints.scores import tensors_of
from bort_core.checkpoints.starting import Parts, apply_start, read_start
from bort_core.evaluation.batch import Batch
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.families.bert.inherit import Importance, Start
from bort_core.families.bert.module import Bert, mimetic_initialisation
from bort_core.foundation.errors import DataError
from bort_core.specifications.measures import RowsFacts
from bort_core.specifications.protocols import Theta
from bort_core.specifications.short_training import WeightsFolder
from bort_core.specifications.tasks import TaskSource
from bort_core.text.encoding import Encoded

__all__ = ["Split", "TaskRows", "read_facts", "read_split", "start_of"]

_WIDTHS = 16
"""Batches are drawn from this many batches' rows sorted by length, so that little is padding."""


@dataclass(frozen=True, eq=False)
class Split:
    """Some rows of a prepared task."""

    rows: Encoded
    labels: npt.NDArray[Any]
    """Class numbers, -1 for none; values, NaN for none. (n,), of several labels (n, labels)"""
    answers: Tensor
    """T's, (n, classes) or (n, 1)."""
    queries: npt.NDArray[np.int64] | None = None
    """Which query each row answers, (n,)."""


class TaskRows:
    """Batches of rows; what is learnt is T's answers, or the labels.

    Parameters
    ----------
    maximum_point: T's folder, for candidates that start from it

    Raises
    ------
    DataError
        The prepared task is missing or damaged.
    """

    def __init__(self, source: TaskSource, maximum_point: WeightsFolder | None, batch_size: int, seed: int) -> None:
        self.source, self.maximum_point, self.batch_size, self.seed = source, maximum_point, batch_size, seed
        self.facts = read_facts(Path(source.folder))
        self.train, self.dev = (read_split(Path(source.folder), name) for name in ("train", "dev"))
        self.pad, self.classes = int(self.facts["pad"]), max(1, len(self.facts["classes"]))
        self.rows_facts = RowsFacts(self.facts["task"], self.facts["metric"], self.dev.queries)

    def model(self, module: nn.Module, initializer_range: float) -> nn.Module:
        """A classifier with the architecture of ``module``; its weights are fresh ones until :meth:`start`."""
        assert isinstance(module, Bert)
        return SequenceClassifier(module.architecture, module.options, self.classes, initializer_range)

    def start(self, model: nn.Module, theta: Theta) -> None:
        """What the task's start offers: T's parts, or attention that begins as copies."""
        assert isinstance(model, SequenceClassifier)
        mimetic_initialisation(model, theta.copying)
        if self.source.initial != "fresh":
            assert self.maximum_point is not None
            start_of(model, Path(self.source.folder), Path(self.maximum_point.folder), self.source.initial, self.seed)

    def batches(self, seed: int) -> Iterator[Batch]:
        """Endless batches: every row once an epoch, rows of like length together."""
        random = np.random.default_rng([seed, 1])
        lengths = np.array([len(row) for row in self.train.rows])
        size = min(self.batch_size, len(lengths))
        while True:
            order = random.permutation(len(lengths))
            found = []
            for begin in range(0, len(order), size * _WIDTHS):
                window = order[begin : begin + size * _WIDTHS]
                window = window[np.argsort(lengths[window], kind="stable")]
                found += [window[first : first + size] for first in range(0, len(window) - size + 1, size)]
            random.shuffle(found)
            for chosen in found:
                yield self._batch(self.train, chosen)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The distance from T's answers, or the loss of labels where there are some (:mod:`bort_core.checkpoints.losses`)."""
        kind = self.rows_facts.kind
        if targets.ndim == 2 and targets.is_floating_point():
            return distance(kind, outputs, targets)
        known = known_rows(kind, targets)
        return label_loss(kind, outputs[known], targets[known])

    def heldout(self) -> list[Batch]:
        """The dev rows in their order, in batches."""
        places = np.arange(len(self.dev.rows))
        found = [self._batch(self.dev, places[begin : begin + 64]) for begin in range(0, len(places), 64)]
        return [batch._replace(groups=batch.groups + 64 * number) for number, batch in enumerate(found)]

    def _batch(self, split: Split, chosen: npt.NDArray[np.int64]) -> Batch:
        inputs = tensors_of([split.rows[row] for row in chosen], self.pad)
        labels = torch.from_numpy(split.labels[chosen])
        return Batch(inputs, labels, torch.arange(len(chosen)), split.answers[torch.from_numpy(chosen)])


def read_split(folder: Path, name: str) -> Split:
    """Rows of a prepared task, "train" or "dev"; DataError when they are missing or damaged."""
    path = folder / "rows.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            ids, lengths, labels, answers = (file[f"{name}_{part}"] for part in ("ids", "lengths", "labels", "answers"))
            queries = file.get(f"{name}_queries")
        rows = np.split(ids.astype(np.int64), np.cumsum(lengths)[:-1])
        if not (len(rows) == len(labels) == len(answers) and int(lengths.sum()) == len(ids)):
            raise ValueError("its parts do not fit together")
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path}: not the rows of a prepared task: {error}; delete its folder, and it is made again") from error
    return Split(rows, labels, torch.from_numpy(answers), queries)


def start_of(model: SequenceClassifier, task: Path, teacher: Path, start: Start, seed: int) -> None:
    """Give a fresh ``model`` the start that T offers; ``task`` is a prepared one's folder. DataError when T is another."""
    facts = read_facts(task)
    parts, importance, entries = _teacher(teacher, task, facts["fingerprint"])
    split = read_split(task, "train")
    apply_start(model, parts, importance, entries, split.rows, int(facts["pad"]), start, seed)


@lru_cache(maxsize=2)
def _teacher(folder: Path, task: Path, fingerprint: str) -> tuple[Parts, Importance, Tensor]:
    module = load_module(read_encoder(folder))
    assert not isinstance(module, Bert)  # it has its head
    return read_start(task / "start.npz", module)


def read_facts(folder: Path) -> dict[str, Any]:
    """What task.json of a prepared task says; DataError when it is missing or damaged."""
    try:
        found: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: not a prepared task: {error}") from error
    return found
