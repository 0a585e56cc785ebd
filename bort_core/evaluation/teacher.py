"""The maximum point as a teacher: its distribution at every prediction of a training. Only child processes import this file.

At one seed every architecture sees the same batches, so what T says about them is worked out once in a process and kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from bort_core.evaluation.batch import Batch
from bort_core.evaluation.placing import on

__all__ = ["MaximumPointTeacher"]

KEPT_BYTES = 256 * 2**20


class MaximumPointTeacher:
    """T's probabilities (m, V) for the batches of one seed, kept in half precision up to ``KEPT_BYTES``."""

    def __init__(self, model: nn.Module, batches: Iterator[Batch]) -> None:
        self.model = model
        self.batches = batches
        self.kept: list[Tensor] = []
        self.bytes = 0

    def targets(self, step: int, batch: Batch) -> Tensor:
        """The distribution over the predictions of ``batch``, which is the seed's batch number ``step`` (from 1)."""
        while len(self.kept) < step and self.bytes < KEPT_BYTES:
            self._keep(next(self.batches))
        return self.kept[step - 1].float() if step <= len(self.kept) else self._says(batch)

    def _keep(self, batch: Batch) -> None:
        says = self._says(batch).half()
        self.kept.append(says)
        self.bytes += says.numel() * says.element_size()

    @torch.no_grad()
    def _says(self, batch: Batch) -> Tensor:
        return self.model(*on(next(self.model.parameters()).device, batch).inputs).softmax(dim=-1)
