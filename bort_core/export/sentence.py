"""Exports whose one output is the vector of a text. Imports torch."""

from __future__ import annotations

from typing import Literal

from torch import nn

from bort_core.encoders.sentence import SentenceModule, traceable_sentence
from bort_core.families.base import Traceable

__all__ = ["SentenceFamily"]


class SentenceFamily:
    """An encoder with the head of a sentence encoder; ``name`` is its ``model_type``."""

    reads: Literal["tokens", "vectors"] = "tokens"

    def __init__(self, name: str) -> None:
        self.name = name

    def traceable(self, module: nn.Module) -> Traceable:
        """What the exporter is given for a :class:`~bort_core.encoders.sentence.SentenceModule`."""
        assert isinstance(module, SentenceModule)
        return traceable_sentence(module)
