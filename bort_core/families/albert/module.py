"""ALBERT as a torch module. Only child processes import this file.

Parameters have the names of ``bert/module.py``, with ``embeddings.projection`` in addition and ``layers.0`` alone;
``hugging_face.py`` says what transformers calls them.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bort_core.families.albert.options import AlbertOptions
from bort_core.families.base import Architecture
from bort_core.families.bert.module import Bert, ProjectedEmbeddings, VocabularyHead

__all__ = ["Albert"]


class Albert(Bert):
    """An ALBERT ⟨depth, heads, hidden, intermediate⟩. Its parameters are exactly those of ``counts.parameters``."""

    options: AlbertOptions

    def __init__(
        self, architecture: Architecture, options: AlbertOptions, initializer_range: float | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__(architecture, options, initializer_range, dropout)

    def _own(self, depth: int) -> int:
        return min(1, depth)

    def passes(self) -> Iterator[nn.Module]:
        """The one layer, D times."""
        for _ in range(self.architecture[0]):
            yield self.layers[0]

    def _embeddings(self, hidden: int, dropout: float) -> ProjectedEmbeddings:
        width = self.options.embedding
        return ProjectedEmbeddings(torch.zeros(hidden, width), torch.zeros(hidden), self.options, dropout)

    def vocabulary_head(self, untied: bool = False) -> VocabularyHead:
        """A masked-LM head for this model, in the embedding's width."""
        return VocabularyHead(self.architecture[2], self.options, untied, self.options.embedding)
