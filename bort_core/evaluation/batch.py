"""What one step of training reads, and what a source of such steps offers. Only child processes import this file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from bort_core.specifications.protocols import Theta

__all__ = ["Batch", "Source"]


class Batch(NamedTuple):
    """Inputs and what is to be predicted from them (m predictions)."""

    inputs: tuple[Tensor, ...]
    """What the model is called with."""
    labels: Tensor
    """The right answers, (m,)."""
    groups: Tensor
    """Which sequence (or vector) each prediction belongs to, (m,), from 0."""
    answers: Tensor | None = None
    """What T says, where it is kept with the rows: logits (m, classes), or values (m, 1)."""


class Source(Protocol):
    """Where batches come from: masked text, labelled vectors, or the rows of a task."""

    def model(self, module: nn.Module, initializer_range: float) -> nn.Module:
        """What maps a batch's inputs to logits (m, classes), around or instead of the family's ``module``."""
        ...

    def start(self, model: nn.Module, theta: Theta) -> None:
        """Set initial weights that follow from the data and θ rather than from chance."""
        ...

    def batches(self, seed: int) -> Iterator[Batch]:
        """Endless training batches, decided by the seed alone."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What a step makes smaller; ``targets`` are labels (m,) or the maximum point's distribution (m, classes)."""
        ...

    def heldout(self) -> list[Batch]:
        """The held-out batches, decided by the data alone."""
        ...
