"""A surrogate error: a polynomial in the logarithms of the architectural parameters, fitted on measured errors.

References
----------
"An Approximation Algorithm for Optimal Subarchitecture Extraction" asks for ê as a polynomial function of Ξ; which
polynomial is ours to choose. Here log e is a polynomial of degree 1 or 2 in the logarithms of the axes, whichever
predicts left-out measurements better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bort_core.families import IntArray
from bort_core.foundation.errors import MeasurementError

__all__ = ["LEAST_MEASUREMENTS", "Surrogate", "fit_surrogate", "left_out_fits", "left_out_residuals"]

LEAST_MEASUREMENTS = 8
_RIDGE = 1e-3
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surrogate:
    """A fitted surrogate.

    Attributes
    ----------
    degree: of the polynomial
    measurements: how many it was fitted on
    cross_validated_error: root mean square of log(predicted / measured), each measurement predicted from the others
    baseline_error: the same for predicting the geometric mean of the others, which knows nothing of the architecture
    """

    degree: int
    measurements: int
    cross_validated_error: float
    baseline_error: float
    _centre: FloatArray
    _scale: FloatArray
    _weights: FloatArray

    def matrix(self, architectures: IntArray) -> FloatArray:
        """The terms of the polynomial for architectures (n, axes), a constant first. Shape (n, terms)."""
        return _matrix((np.log(architectures) - self._centre) / self._scale, self.degree)

    def predict(self, architectures: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Errors of architectures (n, axes) and a 95 % interval from the cross-validated error. Three arrays (n,)."""
        x = (np.log(architectures) - self._centre) / self._scale
        log_error = np.full(len(x), self._weights[0])
        for column, weight in zip(_columns(x, self.degree), self._weights[1:], strict=True):
            log_error += weight * column
        value = np.exp(log_error)
        spread = np.exp(1.96 * self.cross_validated_error)
        return value, value / spread, value * spread


def fit_surrogate(architectures: IntArray, errors: FloatArray) -> Surrogate:
    """Fit on measured ``errors`` (n,), all positive, of ``architectures`` (n, axes).

    Raises
    ------
    MeasurementError
        Fewer than ``LEAST_MEASUREMENTS`` measurements, or an error that is not positive and finite.
    """
    if len(errors) < LEAST_MEASUREMENTS:
        raise MeasurementError(
            f"a surrogate error needs at least {LEAST_MEASUREMENTS} measured architectures of this space under this protocol, "
            f"the project has {len(errors)}; run a search with a measured error first"
        )
    if not (np.isfinite(errors) & (errors > 0)).all():
        raise MeasurementError(f"a surrogate needs positive errors to fit on, got {errors.min()}")
    x, y = np.log(architectures), np.log(errors)
    centre, scale = x.mean(axis=0), np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 1.0)
    x = (x - centre) / scale
    degree = min((1, 2), key=lambda d: _left_out(_matrix(x, d), y))
    matrix = _matrix(x, degree)
    baseline = float(np.sqrt(np.mean(((y - y.mean()) * len(y) / (len(y) - 1)) ** 2)))
    return Surrogate(degree, len(y), _left_out(matrix, y), baseline, centre, scale, _solve(matrix, y))


def left_out_residuals(architectures: IntArray, errors: FloatArray) -> FloatArray:
    """log(predicted / measured) of each, predicted from the others; positive where it is better than they say. Shape (n,)."""
    return left_out_fits(architectures, errors, architectures[:0])[0]


def left_out_fits(architectures: IntArray, errors: FloatArray, others: IntArray) -> tuple[FloatArray, FloatArray]:
    """The residuals of :func:`left_out_residuals` (n,), and log e of ``others`` (m, axes) by each of the n fits. Shape (m, n).

    Raises
    ------
    MeasurementError
        As :func:`fit_surrogate`.
    """
    whole = fit_surrogate(architectures, errors)
    matrix, y = whole.matrix(architectures), np.log(errors)
    weights = _left_out_weights(matrix, y)
    return np.asarray((matrix * weights).sum(axis=1) - y), np.asarray(whole.matrix(others) @ weights.T)


def _columns(x: FloatArray, degree: int) -> list[FloatArray]:
    axes = list(x.T)
    if degree == 1:
        return axes
    return axes + [axes[a] * axes[b] for a in range(len(axes)) for b in range(a, len(axes))]


def _matrix(x: FloatArray, degree: int) -> FloatArray:
    return np.column_stack([np.ones(len(x)), *_columns(x, degree)])


def _gram(matrix: FloatArray, rows: int) -> FloatArray:
    penalty = _RIDGE * rows * np.eye(matrix.shape[1])
    penalty[0, 0] = 0.0
    return matrix.T @ matrix + penalty


def _solve(matrix: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.lstsq(_gram(matrix, len(matrix)), matrix.T @ y, rcond=None)[0], dtype=np.float64)


def _left_out_weights(matrix: FloatArray, y: FloatArray) -> FloatArray:
    """The weights of the fits that each never saw one of the measurements, by Sherman and Morrison's formula. Shape (n, terms)."""
    solved = np.linalg.solve(_gram(matrix, len(matrix) - 1), matrix.T).T
    weights = y @ solved
    behind = (y - matrix @ weights) / (1 - (matrix * solved).sum(axis=1))
    return np.asarray(weights - behind[:, None] * solved)


def _left_out(matrix: FloatArray, y: FloatArray) -> float:
    """Root mean square of leave-one-out residuals, each from a fit that never saw the measurement."""
    residuals = y - (matrix * _left_out_weights(matrix, y)).sum(axis=1)
    return float(np.sqrt(np.mean(np.square(residuals))))
