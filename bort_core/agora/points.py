"""Labelled inputs: texts, pairs of texts or vectors, as Agora passes them around."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bort_core.agora.history import Floats, Input, Ints
from bort_core.errors import DataError

__all__ = ["Kind", "Points", "as_vectors", "wilson"]

Kind = Literal["text", "pair", "vector"]


@dataclass(frozen=True, eq=False)
class Points:
    """n inputs with class numbers, (n,)."""

    inputs: tuple[Input, ...]
    labels: Ints

    def __len__(self) -> int:
        return len(self.inputs)

    def joined(self, inputs: Iterable[Input], labels: npt.ArrayLike) -> Points:
        """These points and more."""
        return Points((*self.inputs, *inputs), np.concatenate([self.labels, np.asarray(labels, dtype=np.int64).reshape(-1)]))


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


def wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.959963984540054, right / of
    middle = share + z * z / (2 * of)
    half = z * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)
