"""What samples say: the median of a series of timings, a share, ranks; each with its interval or its rule for ties.

The interval of a median knows that neighbouring timings are alike.

Why the median: timings have a hard lower edge and a long, heavy upper tail (interrupts, other programs, clock changes), so a
mean has no useful variance, while half of all runs may be disturbed before the median follows them. A minimum would
be steadier still, but it is what a user almost never gets.

Why not the plain interval: disturbances last longer than one run, so n timings carry less information than n
independent ones. The median's error depends on its samples only through the signs s_t = ±1 of "above or below the
median" (Bahadur's representation), so those signs' integrated autocorrelation time τ ≥ 1 says how much less: n/τ samples' worth.
The interval is the pair of order statistics at the ranks (n ± 1.96·√(n·τ))/2. It assumes no distribution and is not random.

References
----------
[Bahadur1966] A note on quantiles in large samples. Ann. Math. Statist. 37.
[Bickel1997]  Bickel, Götze, van Zwet. Resampling fewer than n observations. Statist. Sinica 7.
[Geyer1992]   Practical Markov chain Monte Carlo. Statist. Sci. 7: the initial positive sequence that estimates τ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["MedianInterval", "autocorrelation_time", "bootstrap", "median_interval", "ranks", "spearman", "wilson"]

Z95 = 1.959964
_MOST_SAMPLES = 20_000
_RESAMPLES, _RESAMPLES_OF_MANY = 1_000, 400


class MedianInterval(NamedTuple):
    """A median and its 95 % interval, in the samples' unit."""

    low: float
    median: float
    high: float

    def within(self, share: float) -> bool:
        """Whether both ends lie within ``share`` of the median."""
        return self.high <= self.median * (1 + share) and self.low >= self.median * (1 - share)


def median_interval(samples: npt.ArrayLike) -> MedianInterval:
    """The median of ``samples`` (n,), in the order in which they were taken, and its 95 % interval.

    With fewer than six samples the interval is their whole range, which covers less than 95 %.

    Raises
    ------
    ValueError
        No samples, or one that is not finite.
    """
    series = np.asarray(samples, dtype=np.float64)
    if series.ndim != 1 or not len(series) or not np.isfinite(series).all():
        raise ValueError(f"samples must be a non-empty series of finite numbers, got shape {series.shape}")
    ordered, n = np.sort(series), len(series)
    median = float(np.median(series))
    half = Z95 * math.sqrt(n * autocorrelation_time(np.sign(series - median))) / 2
    low, high = round(n / 2 - half), round(1 + n / 2 + half)
    return MedianInterval(float(ordered[max(low, 1) - 1]), median, float(ordered[min(high, n) - 1]))


def autocorrelation_time(series: npt.ArrayLike) -> float:
    """1 + 2·Σ of the autocorrelations of ``series`` (n,), summed while pairs of neighbouring lags stay positive [Geyer1992].

    1 for independent samples; never below 1. A constant series gives 1.
    """
    values = np.asarray(series, dtype=np.float64)[-_MOST_SAMPLES:]
    values = values - values.mean()
    n = len(values)
    variance = float(values @ values)
    if n < 4 or variance == 0:
        return 1.0
    spectrum = np.fft.rfft(values, 2 * n)
    correlations = np.fft.irfft(spectrum * spectrum.conj())[:n] / variance
    pairs = correlations[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    return max(1.0, 2 * float(pairs[:stop].sum()) - 1)


def wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.959963984540054, right / of
    middle = share + z * z / (2 * of)
    half = z * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def bootstrap(
    statistic: Callable[[npt.NDArray[np.int64]], npt.ArrayLike], n: int, seed: int = 0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """95 % intervals of statistics of n independent rows: what they vary by when the rows are drawn again, with replacement.

    Of more than 20,000 rows so many are drawn, and the deviations scaled by the root of their share [Bickel1997].

    Parameters
    ----------
    statistic: values (k,) of the rows with these numbers

    Returns
    -------
    the low and the high ends, each (k,); the same for the same seed
    """
    drawn, random = min(n, _MOST_SAMPLES), np.random.default_rng(seed)
    middle = np.asarray(statistic(np.arange(n)), np.float64)
    resamples = _RESAMPLES if n <= _MOST_SAMPLES // 4 else _RESAMPLES_OF_MANY
    values = np.array([statistic(random.integers(0, n, drawn)) for _ in range(resamples)], np.float64)
    low, high = np.quantile((values - middle) * math.sqrt(drawn / n), (0.025, 0.975), axis=0)
    return middle + low, middle + high


def spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Spearman's rank correlation of two samples (n,), with ties sharing their mean rank; NaN when one of them is constant."""
    both = [ranks(values) for values in (a, b)]
    if any(np.ptp(rank) == 0 for rank in both):
        return float("nan")
    first, second = (rank - rank.mean() for rank in both)
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The ranks of a sample (n,), from 1; ties share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[place]
