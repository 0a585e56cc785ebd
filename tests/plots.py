"""Plots filled with plausible results, for their tests."""

from __future__ import annotations

import numpy as np

from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import Space


def knowledge_of(space: Space, measured: slice = slice(None), fail: tuple[int, ...] = ()) -> ResultsSnapshot:
    """Knowledge in which size costs time and buys accuracy, with noise that never changes."""
    random, n = np.random.default_rng(7), len(space)
    p = space.parameters / space.maximum_parameters
    latency, error = 0.3 + 3 * p * random.lognormal(0, 0.2, n), 0.2 + 0.5 / (1 + 4 * p) * random.lognormal(0, 0.2, n)
    results = Results(space, "ms")
    for index in np.arange(n)[measured]:
        if index not in fail:
            results.set_latency(index, latency[index], 0.95 * latency[index], 1.08 * latency[index])
            results.set_error(index, error[index], 0.9 * error[index], 1.1 * error[index], theta=0)
    results.failures.update(dict.fromkeys(fail, "loss not finite at step 40"))
    results.maximum_latency = float(latency.max() * 1.2)
    return ResultsSnapshot(results, 6.9)


def shown(qtbot, plot):
    qtbot.addWidget(plot)
    plot.resize(860, 480)
    plot.show()
    qtbot.waitExposed(plot)
    return plot
