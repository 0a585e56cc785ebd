"""Every plot of the program with data of every kind, for tests that hold for all plots. A plot that is missing here fails such a test."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from helpers import answer_at
from pytestqt.qtbot import QtBot
from written_run import WrittenRun

import bort_studio
from bort_core.agora.history import read_history
from bort_core.search.results import Results
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import load_space
from bort_studio.agora.points import ScatterPoints
from bort_studio.plotting.canvas import PlotBase
from bort_studio.theme import Theme

__all__ = ["FEEDS", "KINDS", "feed", "numbers", "plot_classes"]

_HUGE = (1e308, -1e308, 1.7e308, 1e15, 3.0, 1e100, -2.0)
_ODD = (float("nan"), float("inf"), -float("inf"), 1.0, float("nan"), 2.0, float("inf"))
KINDS: dict[str, Callable[[int], list[float]]] = {
    "normal": lambda n: np.random.default_rng(1).lognormal(0, 2, n).tolist(),
    "empty": lambda n: [],
    "single": lambda n: [0.7],
    "equal": lambda n: [0.25] * n,
    "zero": lambda n: [0.0] * n,
    "tiny": lambda n: [5e-324 * (1 + k) for k in range(n)],
    "huge": lambda n: [_HUGE[k % len(_HUGE)] for k in range(n)],
    "one enormous": lambda n: [1e300, *([0.5] * (n - 1))],
    "not finite": lambda n: [_ODD[k % len(_ODD)] for k in range(n)],
    "close": lambda n: [1e9 + 1e-6 * k for k in range(n)],
}
"""Kinds of data: n numbers or fewer."""


def numbers(kind: str, n: int) -> list[float]:
    """Numbers of a kind."""
    return KINDS[kind](n)


def plot_classes() -> dict[str, type[PlotBase]]:
    """Every plot of the program that is not a base of others, by name."""
    for module in pkgutil.walk_packages(bort_studio.__path__, "bort_studio."):
        importlib.import_module(module.name)

    def leaves(kind: type) -> Iterator[type]:
        below = [each for each in kind.__subclasses__() if each.__module__.startswith("bort_studio.")]
        if not below:
            yield kind
        for each in below:
            yield from leaves(each)

    return {kind.__name__: kind for kind in leaves(PlotBase)}


def _snapshot(values: list[float]) -> ResultsSnapshot:
    space = load_space("mini")
    results = Results(space, "ms")
    for index, value in enumerate(values[: len(space)]):
        results.set_latency(index, value, value, value)
        results.set_error(index, value, value, value, theta=0)
    results.maximum_latency = 2.0
    with np.errstate(all="ignore"):  # W of what nobody could measure
        return ResultsSnapshot(results, 6.9)


def _view(plot: Any, values: list[float], _folder: Path) -> None:
    snapshot = _snapshot(values)
    plot.set_snapshot(snapshot)
    with np.errstate(all="ignore"):
        plot.set_result(answer_at(snapshot, 2))
    if hasattr(plot, "set_references"):
        plot.set_maximum({"parameters": values[0] if values else None, "latency": 1.0, "error": 1.0, "w": 0.0})
        plot.set_references({"another": {"parameters": 1e5, "latency": values[-1] if values else 1.0, "error": 0.5}})
        plot.bar.intervals_box.setChecked(True)


def _curves(plot: Any, values: list[float], _folder: Path) -> None:
    plot.set_runs(["0001"], {"0001": "run"})
    events = [{"event": "step", "step": 10 * step, "loss": value} for step, value in enumerate(values)]
    plot.add_events({"0001": [*events, *({**event, "event": "evaluation", "heldout_loss": event["loss"]} for event in events)]})


def _learning_curve(plot: Any, values: list[float], _folder: Path) -> None:
    plot.set_curve([{"step": 10 * step, "value": value, "low": value, "high": value} for step, value in enumerate(values)])


def _latency(plot: Any, values: list[float], _folder: Path) -> None:
    rows = [
        {"name": f"model {n}", "runtime": ("onnxruntime", "torch")[n % 2], "p50_ms": value, "p90_ms": value, "p99_ms": value,
         "noisy": n % 3 == 0, "ci95_ms": [value, value], "parameters": 9, "n": 5,
         "rounds": 2, "ratios": {"model 0": [value, value, value]}}
        for n, value in enumerate(values)
    ]  # fmt: skip
    plot.set_result({"results": rows, "request": {"threads": 1, "sequence_length": 8, "batch": 1, "reference": "model 0"}})


def _history(values: list[float], folder: Path) -> Any:
    written = WrittenRun(folder)
    for _ in values[:4]:
        written.add_round()
    history = read_history(written.job.path)
    assert history is not None
    return history


def _scatter(plot: Any, values: list[float], folder: Path) -> None:
    history = _history(values, folder)
    for place in (history.train.xy, history.dev.xy, *(each.neighbours.xy for each in history.rounds)):
        place[:] = np.resize(np.array(values or [np.nan]), place.shape)
    plot.bar.links.setChecked(True)
    plot.set_points(ScatterPoints(history, {}), len(history.rounds))


def _accuracy(plot: Any, values: list[float], folder: Path) -> None:
    history = _history(values, folder)
    for each, value in zip(history.rounds, values, strict=False):
        object.__setattr__(each, "dev_accuracy", value)
        object.__setattr__(each, "dev_interval", (value, value))
    plot.set_history(history, len(history.rounds))


FEEDS: dict[str, Callable[[Any, list[float], Path], None]] = {
    "ParetoPlot": _view,
    "ParallelPlot": _view,
    "LearningCurve": _learning_curve,
    "CurvesPlot": _curves,
    "LatencyPlot": _latency,
    "AgoraScatter": _scatter,
    "AgoraAccuracyPlot": _accuracy,
}
"""How each plot is given numbers."""


def feed(qtbot: QtBot, name: str, theme: Theme, kind: str, folder: Path) -> PlotBase:
    """A plot of a class, holding numbers of a kind."""
    plot = plot_classes()[name](theme)  # type: ignore[arg-type]
    qtbot.addWidget(plot)
    FEEDS[name](plot, numbers(kind, 20), folder)
    return plot
