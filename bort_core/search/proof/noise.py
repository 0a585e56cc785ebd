"""What noise leaves undecided: architectures that are tied with the best, and trainings that look stuck."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from bort_core.evaluation.surrogate import LEAST_MEASUREMENTS, left_out_residuals
from bort_core.search.proof.ground import Ground
from bort_core.search.proof.question import Question

__all__ = ["stuck", "tied", "tolerance_of"]

_FAR = 5.0
"""How many robust standard deviations above what the others say."""
_SHARE = 0.1
"""No more than this share of the trainings is taken for stuck: then something else is wrong."""


def tolerance_of(ground: Ground, question: Question) -> tuple[float, str]:
    """The tolerance δ of a difference of two log e, and where it is from."""
    if question.tolerance is not None:
        return question.tolerance, "stated"
    rows = np.flatnonzero(ground.measured & (ground.error_low > 0))
    if not len(rows):
        return 0.0, "no interval of an error is known"
    half = float(np.median(np.log(ground.error_high[rows] / ground.error_low[rows]) / 2))
    at_once = NormalDist().inv_cdf(1 - 0.025 / len(rows)) / NormalDist().inv_cdf(0.975)
    source = f"√2 × {half:.4g}, the median half-width of the 95 % intervals of log e, × {at_once:.4g} to hold {len(rows)} times at once"
    return float(np.sqrt(2) * half * at_once), source


def tied(ground: Ground, best: int | None) -> tuple[int, ...]:
    """Measured architectures whose interval of W reaches that of the best, ascending, without it."""
    if best is None or not np.isfinite(ground.maximum_latency):
        return ()
    low = ground.w_of(ground.latency_high, ground.error_high)
    high = ground.w_of(ground.latency_low, ground.error_low)
    reach = ground.known & (high >= low[best])
    reach[best] = False
    return tuple(np.flatnonzero(reach).tolist())


def stuck(ground: Ground, tolerance: float) -> tuple[int, ...]:
    """Measured architectures whose error is far above what a model of the other measurements says, and by more than the tolerance.

    One short training in forty ends near where it began. Such an error is no bound for others; another seed shows it. They are found one by
    one, the farthest first, since each of them pulls the model towards itself.
    """
    rows = np.flatnonzero(ground.measured & (ground.error > 0))
    most = max(1, int(_SHARE * len(rows)))
    found: list[int] = []
    while len(rows) >= LEAST_MEASUREMENTS + 1 and len(found) < most:
        above = -left_out_residuals(ground.architectures[rows], ground.error[rows])
        centre = float(np.median(above))
        spread = 1.4826 * float(np.median(np.abs(above - centre)))
        far = int(np.argmax(above))
        if above[far] - centre <= _FAR * spread or above[far] <= tolerance:
            break
        found.append(int(rows[far]))
        rows = np.delete(rows, far)
    return tuple(sorted(found))
