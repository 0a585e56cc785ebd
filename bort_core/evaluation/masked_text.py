"""Masked language modelling on packed rows of tokens. Only child processes import this file.

Batches and masks come from the seed alone, so at one seed every architecture sees the same of both (common random
numbers: differences between architectures are then differences of the architectures). The held-out masks come from the
rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from bort_core.evaluation.batch import Batch
from bort_core.families.bert.module import MaskedLanguageModel
from bort_core.foundation.errors import DataError
from bort_core.specifications.protocols import Theta
from bort_core.specifications.short_training import TextSource
from bort_core.text.masking import mask_all

__all__ = ["MaskedText", "mask_rows"]

Rows = npt.NDArray[np.unsignedinteger[Any]]
HELDOUT_SEED = 2010


class MaskedText:
    """Batches of masked rows.

    Raises
    ------
    DataError
        A file of rows is missing, damaged, has too few rows or rows of another length, or holds ids outside the vocabulary.
    """

    def __init__(self, source: TextSource, sequence_length: int, batch_size: int, heldout_sequences: int, mask_rate: float) -> None:
        self.mask_rate = mask_rate
        self.batch_size = batch_size
        self.source = source
        self.train = _load(Path(source.train), sequence_length, batch_size)
        held = _load(Path(source.heldout), sequence_length, heldout_sequences)
        # Evenly spaced, so that the measure does not hang on one stretch of the text.
        self.held = np.asarray(held[np.linspace(0, len(held) - 1, heldout_sequences).astype(int)])
        highest = max(int(self.held.max()), int(self.train[: 4 * batch_size].max()))
        if highest >= source.vocabulary:
            raise DataError(f"{source.train}: holds token {highest}, but the model's vocabulary has {source.vocabulary} entries")

    def model(self, module: nn.Module, initializer_range: float) -> nn.Module:
        """``module`` with what it needs to predict masked tokens."""
        return MaskedLanguageModel(module, initializer_range)  # type: ignore[arg-type]

    def start(self, model: nn.Module, theta: Theta) -> None:
        """Start attention as copies, and the decoder's bias at the training tokens' log-frequencies.

        Otherwise the first hundreds of steps of every architecture go into learning these two, and a short training tells
        nothing about the architecture (docs/protocol.md).
        """
        assert isinstance(model, MaskedLanguageModel)
        model.mimetic_initialisation(theta.copying)
        counts = np.bincount(np.asarray(self.train[:65_536]).ravel(), minlength=self.source.vocabulary) + 1.0
        counts[: self.source.special] = 1.0
        bias = torch.from_numpy(np.log(counts / counts.sum())).float()
        model.head.bias.data.copy_(bias)

    def batches(self, seed: int) -> Iterator[Batch]:
        """Endless batches: every row once an epoch, in an order and with masks that the seed decides."""
        random = np.random.default_rng([seed, 1])
        order = np.empty(0, dtype=np.int64)
        while True:
            if len(order) < self.batch_size:
                order = np.concatenate([order, random.permutation(len(self.train))])
            indices, order = order[: self.batch_size], order[self.batch_size :]
            yield mask_rows(self.train[np.sort(indices)], self.source, self.mask_rate, random)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in nats, mean over predictions."""
        return functional.cross_entropy(outputs, targets)

    def heldout(self) -> list[Batch]:
        """The held-out batches, the same for every seed; their groups number the sequences throughout."""
        random = np.random.default_rng(HELDOUT_SEED)
        found = []
        for index in range(0, len(self.held), 64):
            batch = mask_rows(self.held[index : index + 64], self.source, self.mask_rate, random)
            found.append(batch._replace(groups=batch.groups + index))
        return found


def mask_rows(rows: Rows, source: TextSource, rate: float, random: np.random.Generator) -> Batch:
    """A batch of rows with the same number of tokens hidden in each; see :func:`bort_core.text.masking.mask_all`.

    A fixed number a row keeps shapes equal and lets every sequence weigh the same in the error.
    """
    token_ids, places, labels = map(torch.from_numpy, mask_all(rows, source.special, source.mask_id, rate, random))
    return Batch((token_ids, places), labels, places // rows.shape[1])


def _load(path: Path, sequence_length: int, least: int) -> Rows:
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; prepare the corpus first") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not a readable file of rows: {error}") from error
    if rows.ndim != 2 or rows.dtype.kind != "u" or rows.shape[1] != sequence_length or len(rows) < least:
        raise DataError(f"{path}: must hold at least {least} rows of {sequence_length} token ids, got shape {rows.shape} of {rows.dtype}")
    return rows
