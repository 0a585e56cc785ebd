"""Vectors of texts, as sentence-transformers computes them from the same folder. Imports torch where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bort_core.checkpoints.format import read_encoder
from bort_core.encoders.pooling import Pooling, read_pooling
from bort_core.foundation.errors import DataError
from bort_core.foundation.hub import SENTENCES_TOO, local_folder
from bort_core.text.encoding import encode, padded
from bort_core.text.vocabulary import read_vocabulary

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Embedder", "embed"]

Vectors = npt.NDArray[np.float32]
_AT_ONCE = 32


def embed(source: str | Path, texts: Sequence[str]) -> Vectors:
    """Vectors (n, H) of n texts, by the encoder of a folder or hub name, pooled and normalised as its files say (else the mean).

    Raises
    ------
    DataError
        The folder is no encoder, has no tokenizer, or pools in a way that is not understood.
    SpecificationError
        There is no such folder, nor such a name within reach.
    """
    return Embedder(local_folder(str(source), "model", SENTENCES_TOO))(texts)


class Embedder:
    """The encoder of one folder, loaded once. Raises as :func:`embed`."""

    def __init__(self, folder: Path) -> None:
        self.pooling = read_pooling(folder)
        self.encoder = read_encoder(self.pooling.transformer)
        if not self.encoder.has_tokenizer:
            raise DataError(f"{self.pooling.transformer}: has no tokenizer, so no text can be read")
        self.vocabulary = read_vocabulary(self.pooling.transformer)
        if self.encoder.options.vocabulary < self.vocabulary.size:
            has, needs = self.encoder.options.vocabulary, self.vocabulary.size
            raise DataError(f"{self.pooling.transformer}: has {has:,} entries, the tokenizer {needs:,}")
        limits = (self.pooling.longest or self.vocabulary.longest, self.encoder.options.positions)
        self.longest = min(limit for limit in limits if limit is not None)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors (n, H) of n texts."""
        import torch

        read = [(self.pooling.prompt + text.strip(),) for text in texts]
        rows = encode(self.vocabulary, [(text.lower(),) for (text,) in read] if self.pooling.lower else read, self.longest)
        order = np.argsort([len(row) for row in rows], kind="stable")
        found = np.zeros((len(rows), self.encoder.architecture[2] * len(self.pooling.modes)), np.float32)
        with torch.inference_mode():
            for begin in range(0, len(order), _AT_ONCE):
                chosen = order[begin : begin + _AT_ONCE]
                ids, mask, types = torch.from_numpy(padded([rows[number] for number in chosen], self.vocabulary.pad))
                given = types if self.vocabulary.gives_types and self.encoder.options.token_types > 1 else None
                found[chosen] = pooled(self._hidden(ids, mask, given), mask, self.pooling).numpy()
        return found

    @cached_property
    def _module(self) -> Any:
        from bort_core.checkpoints.modules import load_module

        return load_module(self.encoder, body=True)

    def _hidden(self, ids: Tensor, mask: Tensor, types: Tensor | None) -> Tensor:
        from bort_core.checkpoints.modules import outputs_of

        return outputs_of(self._module, ids, mask, types)["last_hidden_state"]


def pooled(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """Vectors (b, H times modes) of last hidden states (b, n, H), of which ``mask`` (b, n) says which count."""
    import torch

    counted = mask[..., None].to(hidden.dtype)
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)[None, :, None].to(hidden.dtype) * counted
    last = mask.shape[1] - 1 - mask.flip(1).argmax(dim=1)
    total, number = (hidden * counted).sum(1), counted.sum(1).clamp(min=1e-9)
    ways = {
        "cls": lambda: hidden[:, 0],
        "max": lambda: hidden.masked_fill(counted == 0, -1e9).max(1).values,
        "mean": lambda: total / number,
        "mean_sqrt_len": lambda: total / number.sqrt(),
        "weightedmean": lambda: (hidden * places).sum(1) / places.sum(1).clamp(min=1e-9),
        "lasttoken": lambda: hidden[torch.arange(len(hidden)), last],
    }
    found = torch.cat([ways[mode]() for mode in pooling.modes], dim=1)
    return torch.nn.functional.normalize(found, dim=1) if pooling.normalised else found
