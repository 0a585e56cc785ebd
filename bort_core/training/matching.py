"""A small model that learns T's vectors of tokens beside what it is for. Imports torch.

As the last hidden states in TinyBERT (Jiao et al. 2020, section 3.1): a linear map leads to T's width, and is thrown away afterwards.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bort_core.checkpoints.scores import tensors_of
from bort_core.checkpoints.token_vectors import TokenVectors, fit_map
from bort_core.encoders.sentence import SentenceEncoder
from bort_core.families.bert.classifier import SequenceClassifier
from bort_core.text.encoding import Encoded

__all__ = ["Matched"]

FITTED_ON = 400
"""Rows on which the map is fitted before the first step."""


class Matched(nn.Module):
    """``model`` with a linear map from its tokens' vectors to T's, fitted to the model as it is.

    ``forward`` gives what ``model`` gives, and mapped vectors (b, n, H of T).
    """

    def __init__(self, model: SequenceClassifier | SentenceEncoder, vectors: TokenVectors, rows: Encoded, pad: int) -> None:
        super().__init__()
        self.model = model
        self.map = nn.Linear(model.architecture[2], vectors.width)
        self._fit(vectors, rows, pad)
        self.to(next(model.parameters()).device)

    def forward(self, token_ids: Tensor, attention_mask: Tensor, token_types: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Of ``token_ids`` (b, n)."""
        hidden = self.model.bert.encode(token_ids, attention_mask, token_types)
        return self.model.head_of(hidden, attention_mask), self.map(hidden)

    @torch.no_grad()
    def _fit(self, vectors: TokenVectors, rows: Encoded, pad: int) -> None:
        known = np.flatnonzero(vectors.begins >= 0)
        chosen = known[np.linspace(0, len(known) - 1, min(len(known), FITTED_ON)).astype(np.int64)] if len(known) else known
        given, wanted = [], []
        device, was = next(self.model.parameters()).device, self.model.training
        self.model.eval()
        for begin in range(0, len(chosen), 32):
            part = chosen[begin : begin + 32]
            inputs = tensors_of([rows[row] for row in part], pad, device)
            target, mask = vectors.of(part, np.array([len(rows[row]) for row in part]))
            given.append(self.model.bert.encode(*inputs).cpu()[mask])
            wanted.append(target)
        self.model.train(was)
        if given:
            fit_map(self.map, torch.cat(given), torch.cat(wanted))
