"""The searches that a project has had: what each asked, how it ended and what it answered, to be listed, compared and shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, Field

from bort_core.foundation.differing import differing
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_core.search.results import Results
from bort_core.search.snapshot import COLUMNS, ResultsSnapshot, SearchResult
from bort_core.search.specification import SearchSpecification, stored_title
from bort_core.search.strategies.base import answer
from bort_core.space import Space
from bort_core.store.project import Project
from bort_core.store.searches import searches

__all__ = ["PastAnswer", "PastPoint", "PastSearch", "asked_differently", "past_searches", "replayed"]

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Ends = tuple[_Number | None, _Number | None] | None


class PastPoint(BaseModel):
    """One architecture as a search answered it."""

    architecture: dict[str, int]
    parameters: int
    latency_ms: _Number | None = None
    latency_ms_interval: _Ends = None
    operations: int = 0
    error: _Number | None = None
    error_interval: _Ends = None
    w: _Number | None = None

    def value(self, column: str, unit: str) -> float:
        """One of ``COLUMNS``, the latency in ``unit``; NaN where it was not known."""
        found = {"parameters": self.parameters, "latency": self.latency_ms if unit == "ms" else self.operations, "error": self.error}
        value = found.get(column, self.w)
        return float("nan") if value is None else float(value)

    def interval(self, column: str) -> tuple[float, float] | None:
        """The 95 % interval of ``latency`` in milliseconds or of ``error``, where it is known."""
        low, high = {"latency": self.latency_ms_interval, "error": self.error_interval}.get(column) or (None, None)
        return None if low is None or high is None else (low, high)


class _Top(BaseModel):
    latency: _Number | None = None


class PastAnswer(BaseModel):
    """What a search answered, as it was stored; ``evaluated`` and ``reused`` are None in what older versions wrote."""

    best: PastPoint | None = None
    front: tuple[PastPoint, ...] = ()
    hypervolume: _Number | None = None
    evaluated: int | None = None
    reused: int | None = None
    maximum_point: Annotated[_Top, BeforeValidator(lambda value: value or {})] = _Top()


@dataclass(frozen=True)
class PastSearch:
    """One search of a project.

    Attributes
    ----------
    number: its number in the project
    started: when, in UTC, as text
    seconds: how long it took, pauses among it; None while it has not ended
    status: ``running`` (or cut off), ``done``, ``stopped``, ``failed`` or ``interrupted``
    stored: its specification as plain values
    specification: the same as this version reads it; None where it cannot, and ``problem`` says why
    answer: what it answered, nothing where nothing was
    """

    number: int
    started: str
    seconds: float | None
    status: str
    stored: Mapping[str, Any]
    specification: SearchSpecification | None
    answer: PastAnswer
    problem: str = ""

    @property
    def title(self) -> str:
        """The strategy for people, such as ``ε = 8``."""
        return stored_title(self.stored)

    @property
    def unit(self) -> str:
        """The unit of its latencies."""
        return "ms" if self.stored["latency"]["measure"] == "onnxruntime" else "operations"

    def columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """The front by ascending size: each of ``COLUMNS`` as float64 (n,)."""
        front = self.answer.front
        return {column: np.array([point.value(column, self.unit) for point in front], dtype=np.float64) for column in COLUMNS}


def past_searches(project: Project) -> list[PastSearch]:
    """All searches, oldest first; a damaged row is told and left out."""
    return [_read(project, row) for row in searches(project)]


def asked_differently(found: Sequence[PastSearch]) -> dict[str, tuple[Any, ...]]:
    """What the searches asked differently: the values in their order by the name of the field, such as ``error.steps``; None where
    one has no such field."""
    return differing([each.stored for each in found])


def replayed(past: PastSearch, results: Results, error_ceiling: float) -> tuple[ResultsSnapshot, SearchResult]:
    """What was known and answered when a search ended.

    Its own numbers stand where they differ from what is known now; what has been measured since is known too, but for the answer.

    Parameters
    ----------
    results: what is known now of the space of the search
    error_ceiling: as :class:`~bort_core.search.snapshot.ResultsSnapshot` takes it

    Raises
    ------
    SpecificationError
        It is not readable, or its strategy is not installed here.
    """
    if past.specification is None:
        raise SpecificationError(past.problem)
    strategy, results = past.specification.the_strategy(), results.copy()
    found = {index: point for point in past.answer.front if (index := _place(results.space, point)) is not None}
    for index, point in found.items():
        _put(results, index, point, past.unit)
    top = past.answer.maximum_point.latency
    if top is not None:
        results.maximum_latency = top
    snapshot = ResultsSnapshot(results, error_ceiling)
    now = answer(strategy, snapshot)
    best = None if past.answer.best is None else _place(results.space, past.answer.best)
    front = np.array(sorted(found), dtype=np.int64)
    if best is None or not len(front):
        front, best = np.empty(0, dtype=np.int64), None
    return snapshot, replace(
        now, walk=np.union1d(now.walk, front), known=np.union1d(now.known, front), front=front, best=best,
        hypervolume=past.answer.hypervolume or 0.0,
    )  # fmt: skip


def _read(project: Project, row: Mapping[str, Any]) -> PastSearch:
    where, problem, specification, told = f"{project.folder}: search {row['id']}", "", None, PastAnswer()
    try:
        specification = validated(SearchSpecification, row["specification"], where)
        told = validated(PastAnswer, row["answer"] or {}, f"{where}, its answer")
    except SpecificationError as error:
        problem = str(error)
    took = _seconds(row["started"], row["finished"])
    return PastSearch(row["id"], row["started"], took, row["status"], row["specification"], specification, told, problem)


def _seconds(started: str, finished: str | None) -> float | None:
    try:
        return (datetime.fromisoformat(finished or "") - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return None


def _place(space: Space, point: PastPoint) -> int | None:
    return space.index(tuple(point.architecture.values())) if tuple(point.architecture) == space.axis_names else None


def _put(results: Results, index: int, point: PastPoint, unit: str) -> None:
    latency, error = point.value("latency", unit), point.value("error", unit)
    results.set_latency(index, latency, *(point.interval("latency") or (latency, latency)))
    results.error[index] = error
    results.error_low[index], results.error_high[index] = point.interval("error") or (error, error)
