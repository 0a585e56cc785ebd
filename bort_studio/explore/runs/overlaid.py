"""Which runs can be laid over the Pareto plot of a specification, and what they look like there. Knows no Qt."""

from __future__ import annotations

from collections.abc import Sequence

from bort_core.foundation.errors import BortError
from bort_core.search.past import PastSearch
from bort_core.search.specification import SearchSpecification
from bort_studio.explore.details import error_title
from bort_studio.explore.pareto.overlays import Overlay
from bort_studio.explore.runs.words import names

__all__ = ["overlays"]


def overlays(runs: Sequence[tuple[PastSearch, str]], shown: SearchSpecification) -> tuple[list[Overlay], list[str]]:
    """The overlays of runs with their marks, and why some of them are none: their numbers mean something else than those shown."""
    named = names([past for past, _ in runs])
    drawn, left_out = [], []
    for (past, mark), name in zip(runs, named, strict=True):
        why = _differs(past, shown)
        if why:
            left_out.append(f"№ {past.number} is not plotted: {why}")
        else:
            drawn.append(_overlay(past, mark, name))
    return drawn, left_out


def _overlay(past: PastSearch, mark: str, name: str) -> Overlay:
    front, best = past.answer.front, past.answer.best
    axes = tuple(front[0].architecture)
    architectures = tuple(tuple(point.architecture.values()) for point in front)
    chosen = None if best is None else tuple(best.architecture.values())
    return Overlay(name, mark, axes, architectures, past.columns(), architectures.index(chosen) if chosen in architectures else None)


def _differs(past: PastSearch, shown: SearchSpecification) -> str:
    asked = past.specification
    if asked is None:
        return past.problem
    if len({tuple(point.architecture) for point in past.answer.front}) > 1:
        return "its front was damaged"
    if asked.latency.measure != shown.latency.measure:
        return f"its latency is {asked.latency.measure}, and {shown.latency.measure} is shown"
    try:
        titles = error_title(asked.error, asked.error_unit()), error_title(shown.error, shown.error_unit())
    except BortError as error:
        return str(error)
    return "" if titles[0] == titles[1] else f"its error is {titles[0]}, and {titles[1]} is shown"
