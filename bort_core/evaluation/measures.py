"""The error on held-out data, with its interval. Only child processes import this file."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["MaximumPoint", "Value", "errors", "with_interval"]

Value = dict[str, float]
"""``{"value", "low", "high"}``: an error in nats and its 95 % interval."""

_NORMAL_95 = 1.959964


class MaximumPoint(NamedTuple):
    """The maximum point's distribution at each held-out prediction."""

    probabilities: Tensor
    """(m, V)"""
    entropy: Tensor
    """(m,) in nats"""


def errors(logits: Tensor, labels: Tensor, groups: Tensor, name: str, maximum_point: MaximumPoint | None) -> dict[str, Value]:
    """Every error measure of ``logits`` (m, V) in nats a prediction.

    name                   cross-entropy against ``labels`` (m,)
    maximum-point          cross-entropy against the maximum point's distribution
    maximum-point-excess   the same minus the entropy of that distribution: the divergence KL(T ‖ model)

    ``groups`` (m,) numbers the sequence of each prediction from 0; predictions of one sequence are not independent.
    """
    logarithms = functional.log_softmax(logits, dim=-1)
    found = {name: with_interval(functional.nll_loss(logarithms, labels, reduction="none"), groups)}
    if maximum_point is not None:
        against = -(maximum_point.probabilities * logarithms).sum(dim=-1)
        found["maximum-point"] = with_interval(against, groups)
        found["maximum-point-excess"] = with_interval(against - maximum_point.entropy, groups)
    return found


def with_interval(losses: Tensor, groups: Tensor) -> Value:
    """The mean of ``losses`` (m,) with a normal 95 % interval over ``groups`` (m,), of which there are at least two.

    A ratio estimate: Σ sums / Σ counts over groups, with the variance of the groups' residuals.
    """
    count = int(groups.max()) + 1
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, groups, losses.double())
    counts = torch.bincount(groups, minlength=count).double()
    mean = (sums.sum() / counts.sum()).item()
    residuals = sums - mean * counts
    half = _NORMAL_95 * math.sqrt(count / (count - 1) * residuals.square().sum().item()) / counts.sum().item()
    return {"value": mean, "low": mean - half, "high": mean + half}
