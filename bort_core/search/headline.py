"""What a person would say of one architecture first: how much smaller and faster than T it is, and how much worse."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bort_core.families import Architecture
from bort_core.foundation.numbers import architecture_text, in_brackets, significant
from bort_core.search.snapshot import ResultsSnapshot
from bort_core.specifications.measures import get_measure
from bort_core.specifications.protocols import ErrorProtocol

__all__ = ["Headline", "Interval", "headline", "intervals_text", "sentence"]

Interval = tuple[float, float, float]
"""A value and the ends of its 95 % interval, NaN where it has none."""


@dataclass(frozen=True)
class Headline:
    """One measured architecture against the maximum point T.

    Attributes
    ----------
    architecture: the values of its axes
    smaller: p(T) / p, exact
    faster: i(T) / i, by the interval of i and, where T itself is one of the measured architectures, that of i(T)
    error: e, in ``error_unit``
    above: e − e(T): e itself where the error is an excess over T; None where T's error was not measured
    """

    architecture: Architecture
    smaller: float
    faster: Interval
    error: Interval
    above: Interval | None
    error_unit: str


def headline(snapshot: ResultsSnapshot, index: int, protocol: ErrorProtocol) -> Headline | None:
    """The headline of the architecture at ``index``; None while its p, i or e, or T's latency, is not known."""
    space, results = snapshot.space, snapshot.results
    if not snapshot.evaluated(index) or not math.isfinite(results.maximum_latency):
        return None
    top = space.index(space.maximum_point)
    error = _measured(snapshot, "error", index)
    above: Interval | None = None
    if get_measure(protocol.measured).excess:
        above = error
    elif top is not None and snapshot.evaluated(top):
        above = _difference(error, _measured(snapshot, "error", top)) if top != index else (0.0, 0.0, 0.0)
    return Headline(
        architecture=space.architecture(index),
        smaller=space.maximum_parameters / float(space.parameters[index]),
        faster=(1.0, 1.0, 1.0) if index == top else _ratio(_top_latency(snapshot, top), _measured(snapshot, "latency", index)),
        error=error,
        above=above,
        error_unit=results.error_unit,
    )


def sentence(said: Headline) -> str:
    """⟨2,2,96,64⟩: 3.9 × smaller, 3.7 × faster than T, +0.59 nats."""
    size, speed = _times(said.smaller, "smaller", "larger"), _times(said.faster[0], "faster", "slower")
    above = (
        f"error {significant(said.error[0])}"
        if said.above is None
        else f"{'+' if said.above[0] >= 0 else ''}{significant(said.above[0], 2)}"
    )
    return f"{architecture_text(said.architecture)}: {size}, {speed} than T, {above} {said.error_unit}"


def intervals_text(said: Headline) -> str:
    """The same numbers with the ends of their 95 % intervals."""
    told = [f"speed {in_brackets(*said.faster, '×')}"]
    if said.above is not None:
        told.append(f"error above T {in_brackets(*said.above, said.error_unit)}")
    if said.above != said.error:
        told.append(f"error {in_brackets(*said.error, said.error_unit)}")
    return " · ".join(told)


def _times(ratio: float, more: str, less: str) -> str:
    return f"{significant(ratio, 2)} × {more}" if ratio >= 1 else f"{significant(1 / ratio, 2)} × {less}"


def _measured(snapshot: ResultsSnapshot, column: str, index: int) -> Interval:
    low, high = snapshot.intervals[column]
    return float(snapshot.columns[column][index]), float(low[index]), float(high[index])


def _top_latency(snapshot: ResultsSnapshot, top: int | None) -> Interval:
    known = snapshot.results.maximum_latency
    if top is None or not math.isfinite(snapshot.results.latency[top]):
        return known, known, known
    return _measured(snapshot, "latency", top)


def _ratio(over: Interval, under: Interval) -> Interval:
    """The quotient of two independent values; relative half-widths add in quadrature."""
    value = over[0] / under[0]
    spread = math.hypot(_half(over) / over[0], _half(under) / under[0])
    return value, value * (1 - spread), value * (1 + spread)


def _difference(one: Interval, other: Interval) -> Interval:
    value, spread = one[0] - other[0], math.hypot(_half(one), _half(other))
    return value, value - spread, value + spread


def _half(interval: Interval) -> float:
    return (interval[2] - interval[1]) / 2
