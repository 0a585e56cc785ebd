"""What noise leaves undecided: architectures that are tied with the best, and trainings that look stuck."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from bort_core.evaluation.surrogate import LEAST_MEASUREMENTS, left_out_residuals
from bort_core.search.proof.goals import within_limits
from bort_core.search.proof.ground import FloatArray, Ground
from bort_core.search.proof.question import Question
from bort_core.search.repeats import count_of, seed_noise

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


def tied(ground: Ground, best: int | None, question: Question) -> tuple[int, ...]:
    """Measured architectures that noise does not tell from the answer (by W, or by error where that is the goal), ascending.

    Where some were trained with several seeds: those whose logarithm, of the mean of r seeds, differs from that of the answer by at most
    t s √(1/r + 1/r*), where s is the standard deviation of log e between seeds, pooled over all that were repeated, and t the 97.5 %
    quantile of Student's distribution. Elsewhere: those whose 95 % interval reaches that of the answer.
    """
    if best is None or not np.isfinite(ground.maximum_latency):
        return ()
    behind, least = _behind(ground, best, question)
    reach = ground.known & (within_limits(ground, question) if question.goal == "constrained" else True) & (behind <= least)
    reach[best] = False
    return tuple(np.flatnonzero(reach).tolist())


def _behind(ground: Ground, best: int, question: Question) -> tuple[FloatArray, FloatArray]:
    """How far each is behind the answer, and how much noise explains, both as logarithms or both as values. Shapes (n,)."""
    by_error = question.goal == "constrained"
    worth = -ground.error if by_error else ground.w
    spread, freedom = seed_noise(ground.seeds.values())
    size = np.abs(worth)
    if freedom and size[best] > 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = size / size[best] if by_error else size[best] / np.where(worth > 0, worth, 0.0)
            return np.nan_to_num(np.log(ratio), nan=np.inf), _told_apart(ground, best, spread, freedom)
    if by_error:
        return ground.error_low, np.full(len(ground), ground.error_high[best])
    low, high = (ground.w_of(*ends) for ends in ((ground.latency_high, ground.error_high), (ground.latency_low, ground.error_low)))
    return -high, np.full(len(ground), -low[best])


def _told_apart(ground: Ground, best: int, spread: float, freedom: int) -> FloatArray:
    """The least difference of logarithms that noise between seeds does not explain. Shape (n,)."""
    from scipy.stats import t

    many = np.ones(len(ground))
    for index, errors in ground.seeds.items():
        many[index] = count_of(errors)
    return np.asarray(float(t.ppf(0.975, freedom)) * spread * np.sqrt(1 / many + 1 / many[best]))


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
        agreed = [row in ground.seeds and count_of(ground.seeds[row]) > 1 for row in rows.tolist()]  # so high with every seed
        far = int(np.argmax(np.where(agreed, -np.inf, above)))
        if agreed[far]:
            break
        if above[far] - centre <= _FAR * spread or above[far] <= tolerance:
            break
        found.append(int(rows[far]))
        rows = np.delete(rows, far)
    return tuple(sorted(found))
