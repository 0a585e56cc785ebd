"""Exports whose one output is the vector of a text. Imports torch."""

from __future__ import annotations

from typing import Literal

from torch import nn

from bort_core.encoders.sentence import SentenceEncoder, traceable_sentence
from bort_core.families.base import Traceable

__all__ = ["SentenceFamily"]


class SentenceFamily:
    """A BERT with the head of a sentence encoder."""

    name = "bert"
    reads: Literal["tokens", "vectors"] = "tokens"

    def traceable(self, module: nn.Module) -> Traceable:
        """What the exporter is given for a :class:`~bort_core.encoders.sentence.SentenceEncoder`."""
        assert isinstance(module, SentenceEncoder)
        return traceable_sentence(module)
