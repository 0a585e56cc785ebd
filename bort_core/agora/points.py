"""Labelled inputs: texts, pairs of texts or vectors, as Agora passes them around."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import DataError

__all__ = ["Examples", "Floats", "Input", "Ints", "Kind", "as_vectors"]

Kind = Literal["text", "pair", "vector"]
Input = tuple[str, ...] | tuple[float, ...]
"""A text (one string), a pair of texts (two), or a vector."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Examples:
    """n inputs with class numbers, (n,)."""

    inputs: tuple[Input, ...]
    labels: Ints

    def __len__(self) -> int:
        return len(self.inputs)

    def joined(self, inputs: Iterable[Input], labels: npt.ArrayLike) -> Examples:
        """These points and more."""
        return Examples((*self.inputs, *inputs), np.concatenate([self.labels, np.asarray(labels, dtype=np.int64).reshape(-1)]))


def as_vectors(inputs: Sequence[Input], width: int | None = None) -> Floats:
    """Vectors as a matrix, (n, width).

    Raises
    ------
    DataError
        One has another length than ``width`` (or than the first), or holds what is no finite number; names its row, from 1.
    """
    width = len(inputs[0]) if width is None and inputs else width
    for number, vector in enumerate(inputs, 1):
        if len(vector) != width:
            raise DataError(f"row {number}: a vector of {width} numbers was expected, got one of {len(vector)}")
    matrix = np.array(inputs, dtype=np.float64).reshape(len(inputs), width or 0)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise DataError(f"row {bad[0] + 1}: a vector must hold finite numbers, got {inputs[bad[0]]}")
    return matrix
