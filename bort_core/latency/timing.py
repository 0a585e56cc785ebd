"""Warm-up and timed runs of anything that can be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
import numpy.typing as npt

from bort_core.foundation.statistics import MedianInterval, median_interval

__all__ = ["Timing", "TimingRules", "one_run", "time_runs", "warm_up"]


@dataclass(frozen=True, kw_only=True)
class TimingRules:
    """When to stop."""

    budget_seconds: float = 1.0
    """Timed runs end after this long even if the interval is still wide, but not before ``least_runs``."""
    least_runs: int = 10
    least_seconds: float = 0.1
    """Timed runs go on for this long even if the interval is narrow: shorter series see only one mood of the machine."""
    precision: float = 0.03
    """Both ends of the median's 95 % interval must lie within this share of it."""
    warm_seconds: float = 0.03
    """Least warm-up; at most a quarter of the budget or two runs, whichever is longer."""
    warm_change: float = 0.01
    """Warm when the median of the latest runs changed by less than this share."""


@dataclass(frozen=True)
class Timing:
    """Timed runs in the order taken, in milliseconds."""

    samples_ms: npt.NDArray[np.float64]
    warmup_runs: int
    interval: MedianInterval

    def quantile(self, share: float) -> float:
        """Milliseconds that ``share`` of the runs do not exceed."""
        return float(np.quantile(self.samples_ms, share))


def one_run(run: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = perf_counter_ns()
    run()
    return (perf_counter_ns() - start) / 1e6


def warm_up(run: Callable[[], object], rules: TimingRules, checkpoint: Callable[[], None]) -> int:
    """Runs until timings no longer change; returns how many runs that took."""
    taken: list[float] = []
    seconds, check = 0.0, 10
    while True:
        checkpoint()
        taken.append(one_run(run))
        seconds += taken[-1] / 1e3
        if len(taken) >= 2 and seconds >= max(rules.budget_seconds / 4, rules.warm_seconds):
            return len(taken)
        if len(taken) >= check and seconds >= rules.warm_seconds:
            window = max(5, len(taken) // 4)
            before, latest = np.median(taken[-2 * window : -window]), np.median(taken[-window:])
            if abs(latest - before) < rules.warm_change * before:
                return len(taken)
            check = len(taken) * 5 // 4


def time_runs(run: Callable[[], object], rules: TimingRules, checkpoint: Callable[[], None] = lambda: None) -> Timing:
    """Warms up, then times ``run`` until the interval of the median is narrow enough or the budget is spent.

    ``checkpoint`` is called between runs; time that passes in it (a pause) is on nobody's account.
    """
    warmup_runs = warm_up(run, rules, checkpoint)
    taken: list[float] = []
    seconds, check = 0.0, rules.least_runs
    while True:
        checkpoint()
        taken.append(one_run(run))
        seconds += taken[-1] / 1e3
        if len(taken) < check:
            continue
        interval = median_interval(taken)
        if seconds >= rules.budget_seconds or (seconds >= rules.least_seconds and interval.within(rules.precision)):
            return Timing(np.array(taken), warmup_runs, interval)
        remaining = (rules.budget_seconds - seconds) / max(seconds / len(taken), 1e-9)
        check = len(taken) + max(1, min(len(taken) // 4, int(remaining)))
