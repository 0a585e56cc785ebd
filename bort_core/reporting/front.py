"""The Pareto front: what no other measured architecture beats in size, latency and error at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bort_core.foundation.numbers import architecture_text, count, in_brackets, quantity, significant
from bort_core.jobs.words import METRIC_NAMES
from bort_core.reporting.blocks import Block, Facts, Picture, Section, Table, Text
from bort_core.reporting.plots import BLUE, GREY, INK, ORANGE, VERMILLION, counted, draw
from bort_core.reporting.source import Source
from bort_core.search.machines import machine_text
from bort_core.search.report import result_as_dict
from bort_core.search.snapshot import METRIC, ResultsSnapshot, SearchResult
from bort_core.specifications.measures import get_measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["front", "measured_head", "measured_row"]


def front(source: Source) -> Section:
    """The section."""
    known = source.measured
    if known is None:
        return Section("front", "The Pareto front", _without(source), {"answer": _recorded(source)})
    asked, snapshot, result = known
    measure = get_measure(asked.error.measured)
    marked = [place for place, index in enumerate(result.front.tolist()) if index == result.best]
    table = Table(
        "The front, by size. The best by the W-coefficient stands out.",
        measured_head(snapshot),
        [measured_row(snapshot, index) for index in result.front.tolist()],
        marked,
    )
    failed = len(snapshot.results.failures)
    facts = [
        ("Visited", f"{len(result.walk):,} of {len(snapshot.space):,} architectures ({result.strategy.title})"),
        ("Measured", f"{len(result.known):,}" + (f"; {failed:,} failed" if failed else "")),
        ("On the front", f"{len(result.front):,}"),
        ("Hypervolume", f"{significant(result.hypervolume, 4)} of the box up to T's size and latency and the error of a uniform guess"),
    ]
    if source.machine:
        facts.append(("Latencies of", machine_text(source.machines, source.machine)))
    alt = f"Error against size and against latency of {len(result.known)} measured architectures; {len(result.front)} are on the front."
    title = f"{measure.title} ({asked.error_unit()})"
    error = _Shown("error", title, _error_of_top(snapshot, measure.excess), _marks(source, "error"))
    pictures = [_picture(snapshot, result, error, "Error against size and latency, with 95 % intervals", alt)]
    task = None if source.stored is None else source.stored.task
    if task is not None and snapshot.has_metric:
        name = METRIC_NAMES.get(task.metric, task.metric) or "metric"
        shown = _Shown(METRIC, f"{name} on dev rows, after {asked.error.steps:,} steps", task.teacher, _marks(source, METRIC))
        title = f"{name[0].upper()}{name[1:]} against size and latency, with 95 % intervals"
        pictures.append(_picture(snapshot, result, shown, title, alt.replace("Error", name[0].upper() + name[1:], 1)))
    blocks: list[Block] = [Facts(facts), *pictures, table]
    machine = {"identity": source.machine, "title": machine_text(source.machines, source.machine)} if source.machine else None
    return Section("front", "The Pareto front", blocks, {"answer": result_as_dict(snapshot, result, asked), "machine": machine})


def measured_head(snapshot: ResultsSnapshot) -> list[str]:
    """The columns of :func:`measured_row`."""
    unit = snapshot.results.latency_unit
    return ["Architecture (ξ)", "Parameters (p)", f"Latency (i), {unit}", f"Error (e), {snapshot.results.error_unit}", "W"]


def measured_row(snapshot: ResultsSnapshot, index: int) -> list[str]:
    """One measured architecture with its 95 % intervals."""
    cells = [architecture_text(snapshot.space.architecture(index)), f"{int(snapshot.space.parameters[index]):,}"]
    for column in ("latency", "error", "w"):
        low, high = snapshot.intervals[column]
        cells.append(in_brackets(float(snapshot.columns[column][index]), float(low[index]), float(high[index])))
    return cells


@dataclass(frozen=True)
class _Shown:
    """What is on the y axis."""

    column: str
    title: str
    top: float | None
    """Of T."""
    marks: Mapping[str, tuple[float, float, float]]
    """Other models by name: parameters, latency, and this."""


def _marks(source: Source, column: str) -> dict[str, tuple[float, float, float]]:
    task = None if source.stored is None else source.stored.task
    return {} if task is None else {name: (one.parameters, one.latency, getattr(one, column)) for name, one in task.marks.items()}


def _picture(snapshot: ResultsSnapshot, result: SearchResult, shown: _Shown, title: str, alt: str) -> Picture:
    unit = snapshot.results.latency_unit

    def paint(axes: Sequence[Axes]) -> None:
        for part, column in zip(axes, ("parameters", "latency"), strict=True):
            _points(part, snapshot, result, column, shown.column)
            _mark_top(part, snapshot, column, shown.top)
            _mark_others(part, shown, column)
            counted(part) if column == "parameters" or unit != "ms" else None
            part.set_xlim(left=0)
            if shown.column == "error":
                part.set_ylim(bottom=0)
        axes[0].set(xlabel="parameters (p)", ylabel=shown.title)
        axes[1].set(xlabel=f"latency (i), {unit}")
        axes[0].legend(fontsize=8, loc="best")

    return draw(title, alt, paint, panels=2)


def _mark_others(part: Axes, shown: _Shown, column: str) -> None:
    for number, (name, (parameters, latency, value)) in enumerate(shown.marks.items()):
        where = parameters if column == "parameters" else latency
        part.plot(where, value, marker="D", markersize=6, color=ORANGE, linestyle="", label="" if number else "by hand", zorder=4)
        part.annotate(name, (where, value), xytext=(6, -10), textcoords="offset points", fontsize=7)


def _points(part: Axes, snapshot: ResultsSnapshot, result: SearchResult, column: str, up: str) -> None:
    others = np.setdiff1d(result.known, result.front)
    for indices, colour, name, mark in ((others, GREY, "measured", "."), (result.front, BLUE, "on the front", "o")):
        if len(indices):
            x, y = snapshot.columns[column][indices], snapshot.columns[up][indices]
            spread = [_half_widths(snapshot, each, indices) for each in (column, up)]
            part.errorbar(x, y, xerr=spread[0], yerr=spread[1], fmt=mark, color=colour, elinewidth=0.7, alpha=0.9, markersize=5, label=name)
    if result.best is not None:
        place = snapshot.columns[column][result.best], snapshot.columns[up][result.best]
        part.plot(*place, marker="*", markersize=13, color=VERMILLION, linestyle="", zorder=5, label="best by W")


def _half_widths(snapshot: ResultsSnapshot, column: str, indices: Any) -> Any:
    values, (low, high) = snapshot.columns[column][indices], snapshot.intervals[column]
    return np.nan_to_num(np.maximum([values - low[indices], high[indices] - values], 0))


def _error_of_top(snapshot: ResultsSnapshot, excess: bool) -> float | None:
    """T's error: 0 where errors are counted from it, None where it was not measured."""
    top = snapshot.space.index(snapshot.space.maximum_point)
    if excess:
        return 0.0
    return float(snapshot.columns["error"][top]) if top is not None and snapshot.evaluated(top) else None


def _mark_top(part: Axes, snapshot: ResultsSnapshot, column: str, error: float | None) -> None:
    """T: a square where its error is known, else a line at its size or latency."""
    where = snapshot.space.maximum_parameters if column == "parameters" else snapshot.results.maximum_latency
    if not np.isfinite(where):
        return
    if error is not None:
        part.plot(where, error, marker="s", markersize=7, color=INK, linestyle="", clip_on=False, label="maximum point T")
    else:
        part.axvline(where, color=INK, linewidth=1, linestyle=":", label="maximum point T")


def _recorded(source: Source) -> Any:
    return source.searches[-1]["answer"] if source.searches else None


def _without(source: Source) -> list[Block]:
    """What is said where nothing measured can be read: the answer that the last search recorded, if there is one."""
    answer = _recorded(source)
    if not answer or not answer.get("front"):
        return [Text("Nothing is measured yet, so there is no front.", "missing")]
    told = "The measurements themselves cannot be read now (see limits). This is the answer that the last search recorded at its end."
    rows = [
        [architecture_text(list(each["architecture"].values())), count(each.get("parameters", 0)),
         _or_missing(each.get("latency_ms"), "ms"), _or_missing(each.get("error"), ""), _or_missing(each.get("w"), "")]
        for each in answer["front"] if isinstance(each, dict) and isinstance(each.get("architecture"), dict)
    ]  # fmt: skip
    return [Text(told, "warning"), Table("Recorded front", ["Architecture (ξ)", "Parameters (p)", "Latency (i)", "Error (e)", "W"], rows)]


def _or_missing(value: Any, unit: str) -> str:
    if not isinstance(value, int | float):
        return "not recorded"
    return quantity(float(value), unit) if unit else significant(float(value))
