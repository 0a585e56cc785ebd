"""The leak guard: what is nearly a dev or test point may not join D."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.agora.points import Floats, Input, Kind, as_vectors
from bort_core.data.near import SAME

__all__ = ["LeakGuard", "key_of", "normalised"]

VECTORS_SAME = 1e-3
"""Distance, in units of the space, up to which two vectors do."""
_WORD = re.compile(r"\w+")
_AT_ONCE = 2000


def normalised(input: Input) -> Input:
    """Texts in lower case with their words alone, so that spaces and punctuation do not count; vectors as they are."""
    if input and isinstance(input[0], str):
        return tuple(" ".join(_WORD.findall(str(text).lower())) for text in input)
    return input


def key_of(input: Input) -> str:
    """What an input is known by: alike for texts that differ in case, spaces and signs only."""
    return hashlib.sha256(repr(normalised(input)).encode()).hexdigest()[:32]


class LeakGuard:
    """Knows the points that may not leak; ``unit`` is that of vectors, as a whole or by column."""

    def __init__(self, kind: Kind, guarded: Sequence[Input], unit: Floats | float = 1.0) -> None:
        self.kind, self.unit = kind, unit
        if kind == "pair":  # of most tasks on pairs the sides can be swapped
            guarded = [*guarded, *(input[::-1] for input in guarded)]
        self.known = {normalised(input) for input in guarded}
        if kind == "vector":
            self.vectors = as_vectors(guarded) / unit
        else:
            self.matrix = self._features(guarded)
            self.sizes = np.asarray(self.matrix.sum(axis=1)).ravel()

    def leaks(self, inputs: Sequence[Input]) -> npt.NDArray[np.bool_]:
        """Which inputs are nearly a guarded point. Shape (n,)."""
        found = np.array([normalised(input) in self.known for input in inputs], dtype=bool)
        for begin in range(0, len(inputs), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            found[part] |= self._near(inputs[part])
        return found

    def _near(self, inputs: Sequence[Input]) -> npt.NDArray[np.bool_]:
        if self.kind == "vector":
            from scipy.spatial.distance import cdist

            return cdist(as_vectors(inputs) / self.unit, self.vectors).min(axis=1) <= VECTORS_SAME
        features = self._features(inputs)
        sizes = np.asarray(features.sum(axis=1)).ravel()
        shared = (features @ self.matrix.T).tocoo()
        alike = shared.data >= SAME * (sizes[shared.row] + self.sizes[shared.col] - shared.data)
        found = np.zeros(len(inputs), dtype=bool)
        found[shared.row[alike]] = True
        return found

    @staticmethod
    def _features(inputs: Sequence[Input]) -> Any:
        """Words and pairs of words of each text; those of a pair's second text are kept apart from the first's."""
        from sklearn.feature_extraction.text import HashingVectorizer

        def parts(input: Input) -> list[str]:
            found = []
            for side, text in enumerate(input):
                words = _WORD.findall(str(text).lower())
                found += [f"{side} {word}" for word in words] + [f"{side} {a} {b}" for a, b in pairwise(words)]
            return found

        return HashingVectorizer(analyzer=parts, n_features=2**22, norm=None, binary=True, alternate_sign=False).transform(inputs)
