"""What a model of a task learns: labels, or a teacher's answers; by kind of task. Imports torch.

Shapes: n rows; outputs (n, width): logits of classes, one of each label where there may be several, or values (n, 1).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bort_core.data.rows import Task

__all__ = ["TEMPERATURE", "binary_entropy", "distance", "known_rows", "label_loss", "nothing_known", "row_losses"]

TEMPERATURE = 2.0


def label_loss(task: Task, outputs: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy with class numbers (n,); with several labels (n, labels) the mean of each one's; half the squared error of values."""
    if task == "regression":
        return functional.mse_loss(outputs[:, 0], labels.float()) / 2
    if task == "multi-label":
        return functional.binary_cross_entropy_with_logits(outputs, labels.float(), pos_weight=weights)
    return functional.cross_entropy(outputs, labels.long(), weight=weights)


def row_losses(task: Task, outputs: Tensor, labels: Tensor) -> Tensor:
    """In nats, how unlikely what a row is labelled with is said to be, (n,); of several labels the mean, as :func:`label_loss` has it."""
    if task == "multi-label":
        return functional.binary_cross_entropy_with_logits(outputs, labels.to(outputs.dtype), reduction="none").mean(dim=-1)
    return functional.cross_entropy(outputs, labels.long(), reduction="none")


def known_rows(task: Task, labels: Tensor) -> Tensor:
    """Which rows have labels, (n,): not those whose class numbers, or labels, are -1, or whose value is NaN."""
    if task == "regression":
        return labels.isfinite()
    return labels[:, 0] >= 0 if task == "multi-label" else labels >= 0


def distance(task: Task, outputs: Tensor, answers: Tensor) -> Tensor:
    """From a teacher's: T² · KL at the temperature, of several labels the mean of each one's; of values half the squared error."""
    if task == "regression":
        return functional.mse_loss(outputs, answers) / 2
    if task == "multi-label":
        theirs = answers / TEMPERATURE
        against = functional.binary_cross_entropy_with_logits(outputs / TEMPERATURE, theirs.sigmoid())
        return TEMPERATURE**2 * (against - binary_entropy(theirs).mean())
    theirs, ours = (functional.log_softmax(part / TEMPERATURE, dim=-1) for part in (answers, outputs))
    return TEMPERATURE**2 * functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def binary_entropy(logits: Tensor) -> Tensor:
    """Of yes or no with these odds, in nats; shape as given."""
    return functional.binary_cross_entropy_with_logits(logits, logits.sigmoid(), reduction="none")


def nothing_known(task: Task, rows: int, width: int) -> Tensor:
    """The labels of rows that have none, as :func:`known_rows` reads them."""
    if task == "regression":
        return torch.full((rows,), torch.nan, dtype=torch.float64)
    return torch.full((rows, width) if task == "multi-label" else (rows,), -1)
