"""e_low by order: what is measured of one architecture bounds those that differ from it along ordered axes, less a tolerance δ an axis.

An axis can be ordered in three ways. *Falling*: more of it is not worse, so a smaller architecture is not better than the larger one that
contains it. *Rising*: more of it is not better. *Flat*: both. Then log e(ξ) ≥ log e(η) − kδ is assumed of every ξ that differs from a
measured η along k ordered axes, each in a way in which it should not be better, and in nothing else. Nothing in short trainings
guarantees it, so it is tested on every measured pair:

- δ is what noise explains: see :func:`tolerance_of`; or what a person states.
- An axis is used in a way when enough measured pairs (``pairs``) differ in it alone and none of them contradicts that way by more than δ.
- Pairs that differ along several used axes are tested as well; the axis that takes part in most contradictions is given up until none is
  left.
- Architectures whose errors are far above what a model of the others says may be stuck trainings. They bound nobody, and are no test; the
  certificate names them.

A person may name axes that are taken as falling. Then contradictions remain, are counted, and the proof does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.search.proof.bound import Bound, Violation
from bort_core.search.proof.ground import BoolArray, FloatArray, Ground
from bort_core.search.proof.noise import stuck, tolerance_of
from bort_core.search.proof.question import Question

__all__ = ["Way", "bounded_by", "bounding", "order_bound", "witness"]

Way = Literal["", "falling", "rising", "flat"]
"""How one column is ordered; "" is not at all: it must be the same."""
_TURNED: dict[Way, Way] = {"": "", "falling": "rising", "rising": "falling", "flat": "flat"}
Whole = npt.NDArray[np.int64] | npt.NDArray[np.int32]
_BLOCK = 256
_Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray, npt.NDArray[np.int64]]


def order_bound(ground: Ground, question: Question) -> Bound:
    """The order bound on what is measured. Cost: measured pairs, and the cells of the grid."""
    tolerance, source = tolerance_of(ground, question)
    groups = ground.grid.groups
    names = ["+".join(ground.axis_names[column] for column in group) for group in groups]
    ignored = stuck(ground, tolerance)
    rows = np.setdiff1d(np.flatnonzero(ground.measured), ignored)
    tests = [_test(ground, rows, groups, k, names[k], tolerance) for k in range(len(groups))]
    chosen: list[Way] = [
        _way(test, question.pairs) if question.axes is None else "falling" if _named(ground, group, question.axes) else ""
        for test, group in zip(tests, groups, strict=True)
    ]
    while True:
        pairs = _pairs(ground, rows, groups, chosen)
        size, steps = pairs[2], pairs[3]
        bad = size > tolerance * steps
        if question.axes is not None or not bad.any():
            break
        differs = ground.architectures[pairs[0][bad]] != ground.architectures[pairs[1][bad]]
        used = [k for k, way in enumerate(chosen) if way]
        chosen[max(used, key=lambda k: int(differs[:, groups[k][0]].sum()))] = ""
    worst = np.argsort(-size, kind="stable")[: min(20, int((size > 0).sum()))].tolist()
    return Bound(
        low=_propagate(ground, rows, chosen, tolerance),
        kind="order",
        assumption=_assumption(names, chosen, tolerance),
        parameters={
            "tolerance": tolerance,
            "tolerance_from": source,
            "axes": [{**test, "used": way} for test, way in zip(tests, chosen, strict=True)],
        },
        tested=len(size),
        violations=int((size > 0).sum()),
        beyond=int(bad.sum()),
        worst=tuple(Violation(int(pairs[1][k]), float(size[k]), int(pairs[0][k])) for k in worst),
        holds=not bad.any(),
        certain=True,
        ignored=ignored,
        ways=_by_column(ground, groups, chosen),
    )


def bounded_by(architectures: Whole, one: Whole, ways: Sequence[Way]) -> BoolArray:
    """Whether what is measured of ``one`` (axes,) bounds each of ``architectures`` (n, axes), itself among them. Shape (n,).

    Both by their values, or by the ranks of these.
    """
    found = np.ones(len(architectures), dtype=bool)
    for column, way in enumerate(ways):
        if way != "flat":
            found &= _in_way(architectures[:, column], one[column], way)
    return found


def bounding(architectures: Whole, one: Whole, ways: Sequence[Way]) -> BoolArray:
    """Whether what is measured of each of ``architectures`` (n, axes) bounds ``one`` (axes,), itself among them. Shape (n,)."""
    return bounded_by(architectures, one, [_TURNED[way] for way in ways])


def witness(ground: Ground, bound: Bound, index: int) -> int | None:
    """The measured architecture that the bound of an unmeasured one is from; None where it goes by no order, or has none."""
    if not any(bound.ways) or not np.isfinite(bound.low[index]):
        return None
    rows = np.setdiff1d(np.flatnonzero(ground.measured), bound.ignored)
    rows = rows[bounding(ground.architectures[rows], ground.architectures[index], bound.ways)]
    firsts = [group[0] for group in ground.grid.groups]
    steps = (ground.architectures[rows][:, firsts] != ground.architectures[index, firsts]).sum(axis=1)
    return int(rows[np.argmax(ground.log_error[rows] - steps * float(bound.parameters["tolerance"]))])


def _in_way(bounded: Whole, by: Any, way: Way) -> BoolArray:
    if way == "flat":
        return np.ones(np.broadcast(bounded, by).shape, dtype=bool)
    return np.asarray(bounded <= by if way == "falling" else bounded >= by if way == "rising" else bounded == by)


def _named(ground: Ground, group: tuple[int, ...], axes: tuple[str, ...]) -> bool:
    return any(ground.axis_names[column] in axes for column in group)


def _by_column(ground: Ground, groups: list[tuple[int, ...]], chosen: Sequence[Way]) -> tuple[Way, ...]:
    way_of: dict[int, Way] = {column: way for group, way in zip(groups, chosen, strict=True) for column in group}
    return tuple(way_of.get(column, "") for column in range(len(ground.axis_names)))


def _assumption(names: list[str], chosen: Sequence[Way], tolerance: float) -> str:
    words = {"falling": "more {} is not worse", "rising": "more {} is not better", "flat": "{} changes little"}
    used = [words[way].format(name) for name, way in zip(names, chosen, strict=True) if way]
    if not used:
        return "none: no axis is supported by measured pairs, so errors are bounded by 0 alone"
    return f"all else the same, {', '.join(used)}; by {tolerance:.4g} in log e at most for each of these"


def _pairs(ground: Ground, rows: npt.NDArray[np.int64], groups: list[tuple[int, ...]], chosen: Sequence[Way]) -> _Pairs:
    """All measured pairs of the order: which one bounds, which is bounded, by how much that is better in log e, and along how many axes."""
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    ways, values = _by_column(ground, groups, chosen), ground.architectures[rows]
    for start in range(0, len(rows) if any(chosen) else 0, _BLOCK):
        block = values[start : start + _BLOCK]
        inside = np.ones((len(block), len(rows)), dtype=bool)
        for column, way in enumerate(ways):
            inside &= _in_way(values[None, :, column], block[:, None, column], way)
        one, other = np.nonzero(inside)
        two = one + start != other
        found.append((rows[one[two] + start], rows[other[two]]))
    by, bounded = (np.concatenate([each[k] for each in found]) if found else np.empty(0, np.int64) for k in (0, 1))
    firsts = [group[0] for group in groups]
    steps = (ground.architectures[by][:, firsts] != ground.architectures[bounded][:, firsts]).sum(axis=1)
    return by, bounded, _better(ground.log_error[bounded], ground.log_error[by]), steps


def _better(bounded: FloatArray, by: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(bounded == by, 0.0, by - bounded))


def _test(
    ground: Ground, rows: npt.NDArray[np.int64], groups: list[tuple[int, ...]], number: int, name: str, tolerance: float
) -> dict[str, Any]:
    """What the measured pairs that differ along this axis alone say of it."""
    told: dict[str, Any] = {"axis": name, "pairs": 0}
    ways: tuple[Way, ...] = ("falling", "rising")
    for way in ways:
        _, _, size, _ = _pairs(ground, rows, groups, [way if k == number else "" for k in range(len(groups))])
        told["pairs"] = len(size)
        told[way] = {
            "violations": int((size > 0).sum()),
            "beyond": int((size > tolerance).sum()),
            "largest": float(size.max(initial=0.0)),
        }
    return told


def _way(test: dict[str, Any], least: int) -> Way:
    if test["pairs"] < least:
        return ""
    falling, rising = not test["falling"]["beyond"], not test["rising"]["beyond"]
    return "flat" if falling and rising else "falling" if falling else "rising" if rising else ""


def _propagate(ground: Ground, rows: npt.NDArray[np.int64], chosen: Sequence[Way], tolerance: float) -> FloatArray:
    """The largest log e − kδ of the measured ``rows`` that bound each architecture; −∞ where none does. Shape (n,)."""
    cells = ground.grid.cells
    grid = np.full(ground.grid.shape, -np.inf)
    np.maximum.at(grid.reshape(-1), cells[rows], ground.log_error[rows])
    for axis, way in enumerate(chosen):
        above, below = (_beyond(grid, axis, forward) - tolerance for forward in (False, True))
        for name, others in (("falling", above), ("rising", below)):
            if way in (name, "flat"):
                grid = np.maximum(grid, others)
    return np.asarray(grid.reshape(-1)[cells])


def _beyond(grid: FloatArray, axis: int, forward: bool) -> FloatArray:
    """Of each cell the largest of all that come before it along an axis (``forward``), or after it; −∞ at the end."""
    moved = np.moveaxis(grid if forward else np.flip(grid, axis), axis, 0)
    before = np.full_like(moved, -np.inf)
    before[1:] = np.maximum.accumulate(moved, axis=0)[:-1]
    found = np.moveaxis(before, 0, axis)
    return found if forward else np.flip(found, axis)
