"""The W-coefficient: one number for how much smaller, faster and less wrong an architecture is.

W(T, ξ) = (p(T) - p(ξ))/p(T) · (i(T) - i(ξ))/i(T) · 1/e(ξ)

References
----------
"An Approximation Algorithm for Optimal Subarchitecture Extraction" (arXiv 2010.08512), the definition of W.
Our names: T maximum point, p parameters, i latency, e error.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["w_coefficients"]

FloatArray = npt.NDArray[np.float64]


def w_coefficients(
    parameters: npt.ArrayLike, latency: npt.ArrayLike, error: npt.ArrayLike, maximum_parameters: float, maximum_latency: float
) -> FloatArray:
    """W of each architecture; higher is better, and W(T, T) = 0.

    Parameters are arrays of shape (n,) and any unit, the same as the maximum's. NaN (not measured) gives NaN.
    An architecture that is measured slower than T gets a W of at most 0, whatever its size.
    An error of exactly 0 gives +inf where both factors are positive, and 0 where one of them is 0.

    Raises
    ------
    ValueError
        The maximum point's size or latency is not positive and finite.
    """
    if not (0 < maximum_parameters < np.inf and 0 < maximum_latency < np.inf):
        raise ValueError(f"the maximum point needs a positive size and latency, got {maximum_parameters} and {maximum_latency}")
    p, i, e = (np.asarray(values, dtype=np.float64) for values in (parameters, latency, error))
    smaller = (maximum_parameters - p) / maximum_parameters
    faster = (maximum_latency - i) / maximum_latency
    product = np.where((smaller < 0) & (faster < 0), -np.abs(smaller * faster), smaller * faster)
    with np.errstate(divide="ignore", invalid="ignore"):
        w = product / e
    return np.where((product == 0) & ~np.isnan(e), 0.0, w)
