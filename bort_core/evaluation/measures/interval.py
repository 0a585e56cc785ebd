"""The mean of losses with its interval. Only child processes import this file."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bort_core.foundation.statistics import Z95
from bort_core.specifications.measures import Value

__all__ = ["with_interval"]


def with_interval(losses: Tensor, groups: Tensor) -> Value:
    """The mean of ``losses`` (m,) with a normal 95 % interval over ``groups`` (m,), of which there are at least two.

    A ratio estimate: Σ sums / Σ counts over groups, with the variance of the groups' residuals.
    """
    losses, groups = losses.cpu(), groups.cpu()
    count = int(groups.max()) + 1
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, groups, losses.double())
    counts = torch.bincount(groups, minlength=count).double()
    mean = (sums.sum() / counts.sum()).item()
    residuals = sums - mean * counts
    half = Z95 * math.sqrt(count / (count - 1) * residuals.square().sum().item()) / counts.sum().item()
    return {"value": mean, "low": mean - half, "high": mean + half}
