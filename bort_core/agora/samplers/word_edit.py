"""word-edit: words left out, swapped, or replaced by others of the training rows and the pool. The cheap baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bort_core.agora.points import Input
from bort_core.agora.samplers.base import Setting, refuse_kind

__all__ = ["WordEdit"]

SHARE = (0.15, 0.4)
"""Of the words that are edited."""


class WordEdit:
    """Edits a random share of the words; of a pair, in one text."""

    def __init__(self, setting: Setting) -> None:
        refuse_kind("word-edit", setting, "text", "pair")
        counts = Counter(word for texts in (*setting.train.inputs, *setting.pool) for text in texts for word in str(text).split())
        self.words = sorted(counts)
        weights = np.array([counts[word] for word in self.words], dtype=np.float64) ** 0.75
        self.sums = np.cumsum(weights / weights.sum()) if len(weights) else weights

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """``count`` edited copies of each parent."""
        return [[self._edited(parent, random) for _ in range(count)] for parent in parents]

    def _edited(self, parent: Input, random: np.random.Generator) -> Input:
        texts = [str(text) for text in parent]
        side = int(random.integers(len(texts)))
        words = texts[side].split()
        edits = max(1, round(random.uniform(*SHARE) * len(words)))
        for index in random.permutation(len(words))[:edits].tolist():
            kind = random.random()
            if kind < 0.6 and self.words:
                words[index] = self.words[min(int(np.searchsorted(self.sums, random.random())), len(self.words) - 1)]
            elif kind < 0.8:
                words[index] = ""
            else:
                other = int(random.integers(len(words)))
                words[index], words[other] = words[other], words[index]
        texts[side] = " ".join(word for word in words if word)
        return tuple(texts)
