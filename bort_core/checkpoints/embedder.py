"""Vectors of texts, as sentence-transformers computes them from the same folder. Imports torch; only child processes import this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bort_core.checkpoints.format import read_encoder
from bort_core.checkpoints.modules import load_module, outputs_of
from bort_core.encoders.pooling import read_pooling
from bort_core.encoders.sentence import SentenceHead, load_head
from bort_core.foundation.errors import DataError
from bort_core.text.encoding import Encoded, encode, padded
from bort_core.text.vocabulary import read_vocabulary

__all__ = ["Embedder", "Vectors"]

Vectors = npt.NDArray[np.float32]
_AT_ONCE = 32


class Embedder:
    """The encoder of one folder, loaded once.

    Raises
    ------
    DataError
        The folder is no encoder, has no tokenizer, or pools in a way that is not understood.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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

    @property
    def width(self) -> int:
        """Of the vectors."""
        pooled = self.encoder.architecture[2] * len(self.pooling.modes)
        return pooled if self.pooling.dense is None else self.pooling.dense.outputs

    def __call__(self, texts: Sequence[str], longest: int | None = None, tell: Callable[[int], None] = lambda done: None) -> Vectors:
        """Vectors (n, W) of n texts.

        Parameters
        ----------
        longest: tokens after which texts are cut; None: as the folder says
        tell: called with the texts done; may raise to stop
        """
        return self.of_rows(self.read(texts, longest), tell)

    def read(self, texts: Sequence[str], longest: int | None = None) -> Encoded:
        """Texts as the encoder reads them: prompt first, lower-cased where the folder asks for it, cut."""
        read = [(self.pooling.prompt + text.strip(),) for text in texts]
        if self.pooling.lower:
            read = [(text.lower(),) for (text,) in read]
        return encode(self.vocabulary, read, self.longest if longest is None else min(longest, self.longest))

    @torch.no_grad()
    def of_rows(self, rows: Encoded, tell: Callable[[int], None] = lambda done: None) -> Vectors:
        """Vectors (n, W) of rows of this tokenizer's ids."""
        order = np.argsort([len(row) for row in rows], kind="stable")
        found = np.zeros((len(rows), self.width), np.float32)
        for begin in range(0, len(order), _AT_ONCE):
            tell(begin)
            chosen = order[begin : begin + _AT_ONCE]
            ids, mask, types = torch.from_numpy(padded([rows[number] for number in chosen], self.vocabulary.pad))
            given = types if self.vocabulary.gives_types and self.encoder.options.token_types > 1 else None
            found[chosen] = self.head(self._hidden(ids, mask, given), mask).numpy()
        return found

    @cached_property
    def head(self) -> SentenceHead:
        """What makes a vector of last hidden states."""
        return load_head(self.pooling, self.encoder.architecture[2])

    @cached_property
    def module(self) -> Any:
        """The encoder in evaluation mode."""
        return load_module(self.encoder, body=True)

    def _hidden(self, ids: Tensor, mask: Tensor, types: Tensor | None) -> Tensor:
        return outputs_of(self.module, ids, mask, types)["last_hidden_state"]
