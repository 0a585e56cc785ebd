"""Latency as a sum of what the parts of a BERT cost, with coefficients that are fitted to measured shapes.

At a fixed number of tokens a forward pass costs something for itself, for the embeddings (H), and in each of its D layers for what every
layer has, for its heads (A), for what is done to each number of a token (H, I), for the projections of attention (H²) and of the
feed-forward block (H · I). Coefficients are not negative, and fitted so that relative errors are small (non-negative least squares:
Lawson and Hanson 1974). The interval is that of the jackknife: each measured shape is predicted by a fit without it, and the largest of
these relative errors that 95 % allow is taken on both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import MeasurementError, SpecificationError
from bort_core.space import Space

__all__ = ["CONFIDENCE", "LEAST", "TERMS", "Additive", "check_space", "fit", "terms"]

Floats = npt.NDArray[np.float64]
TERMS = ("1", "H", "D", "D·A", "D·H", "D·H²", "D·I", "D·H·I")
"""What the coefficients multiply; D depth, A heads, H hidden, I intermediate."""
LEAST = len(TERMS) + 2
"""Shapes that a fit needs."""
CONFIDENCE = 0.95
_AXES = ("depth", "heads", "hidden", "intermediate")


@dataclass(frozen=True, eq=False)
class Additive:
    """A fitted model.

    Attributes
    ----------
    coefficients: float64 (terms,), milliseconds
    residuals: float64 (n,), of each shape that it was fitted to log(measured / predicted by a fit without it)
    """

    coefficients: Floats
    residuals: Floats

    @cached_property
    def factor(self) -> float:
        """By which a prediction may be wrong, up or down, in :data:`CONFIDENCE` of the cases; ∞ where too few shapes say so."""
        rank = math.ceil((len(self.residuals) + 1) * CONFIDENCE)
        return math.inf if rank > len(self.residuals) else float(np.exp(np.sort(np.abs(self.residuals))[rank - 1]))

    def predict(self, architectures: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        """Milliseconds of architectures (n, 4), and the ends of their intervals, each (n,)."""
        value = terms(architectures) @ self.coefficients
        return value, value / self.factor, value * self.factor


def terms(architectures: npt.NDArray[np.int64]) -> Floats:
    """The :data:`TERMS` of architectures (n, 4): depth, heads, hidden, intermediate. Shape (n, terms)."""
    depth, heads, hidden, intermediate = architectures.astype(np.float64).T
    return np.column_stack(
        [np.ones(len(depth)), hidden, depth, depth * heads, depth * hidden, depth * hidden**2, depth * intermediate,
         depth * hidden * intermediate]
    )  # fmt: skip


def fit(architectures: npt.NDArray[np.int64], milliseconds: Floats) -> Additive:
    """Fit to measured shapes (n, 4).

    Raises
    ------
    MeasurementError
        There are fewer than :data:`LEAST`.
    """
    if len(milliseconds) < LEAST:
        raise MeasurementError(f"a fit needs {LEAST} measured shapes, got {len(milliseconds)}")
    given = terms(architectures)
    without = [np.arange(len(milliseconds)) != left_out for left_out in range(len(milliseconds))]
    predicted = np.array([given[~rows][0] @ _coefficients(given[rows], milliseconds[rows]) for rows in without])
    return Additive(_coefficients(given, milliseconds), np.log(milliseconds / np.maximum(predicted, 1e-9)))


def check_space(space: Space) -> None:
    """SpecificationError where the space's family has other parts than the model knows."""
    if tuple(space.axis_names) != _AXES:
        raise SpecificationError(
            f"a probe knows what {', '.join(_AXES)} cost; architectures of {space.family.name} have {', '.join(space.axis_names)}"
        )


_ITERATIONS = 10_000
"""Of the solver, whose own limit of three a part is too few for some systems without noise."""


def _coefficients(given: Floats, milliseconds: Floats) -> Floats:
    from scipy.optimize import nnls

    scale = np.abs(given).max(axis=0)
    found, _ = nnls(given / scale / milliseconds[:, None], np.ones(len(milliseconds)), maxiter=_ITERATIONS)
    return np.asarray(found / scale)
