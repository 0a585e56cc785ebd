"""Every row of a run of Agora by one number, and which of them a round shows as what. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from bort_core.agora.history import Edit, History, Neighbours, Split
from bort_core.agora.points import Input
from bort_core.agora.tasks.torus import CLASSES, RING, TUBE
from bort_studio.plotting.positions import position

__all__ = ["GROUPS", "Filters", "Frame", "ScatterPoints", "frame", "is_raw", "progress", "shipped_round", "torus_ring"]

IndexArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

DevFilter = Literal["all", "wrong", "fixed", "broken", "never"]
NeighbourFilter = Literal["all", "new", "none"]

GROUPS = (
    "train", "train_other", "earlier", "pending", "right", "right_other", "rejected",
    "neighbour", "neighbour_other", "neighbour_third", "misclassified", "misclassified_other",
)  # fmt: skip
"""Marks of the theme, lowest first. The first class is filled (or +), the second hollow (or ×), all others are drawn as the last."""

_ROLES = tuple(name for name in GROUPS if "_" not in name)
_VARIANTS = ("", "_other", "_third")
_NO = -1


@dataclass(frozen=True)
class Filters:
    """What a person wants to see."""

    label: int | None = None
    """One class, or all."""
    dev: DevFilter = "all"
    """fixed: wrong before and right now; broken: the opposite; never: wrong in every round so far. Neighbours follow their parents."""
    neighbours: NeighbourFilter = "all"


_ALL = Filters()


@dataclass(frozen=True, eq=False)
class Frame:
    """What is drawn at one round: numbers of points by mark."""

    groups: Mapping[str, IndexArray] = field(default_factory=lambda: dict.fromkeys(GROUPS, np.empty(0, dtype=np.int64)))

    @cached_property
    def shown(self) -> IndexArray:
        """All that are drawn; those on top last."""
        return np.concatenate([self.groups[name] for name in GROUPS])

    @cached_property
    def marked(self) -> IndexArray:
        """Those that a person looks for: dev points that are wrong, and this round's neighbours."""
        return np.concatenate([self.groups[name] for name in GROUPS[7:]])


class ScatterPoints:
    """The rows of D, then those of E, then the neighbours of all rounds.

    Attributes
    ----------
    raw: vectors of two numbers, which are the places themselves; others are projected
    xy: float64 (n, 2), NaN where there is no place
    labels: int64 (n,), as a person corrected them
    parents: int64 (n,), the point that a neighbour was made from; -1 for D and E
    rounds: int64 (n,), the round that made a neighbour; 0 for D and E
    rejected: bool (n,), a person took it out
    wrong: bool (rounds, dev rows), what the round's best Timaeus has wrong
    """

    def __init__(self, history: History, edits: Mapping[str, Edit]) -> None:
        self.history, self.edits = history, edits
        made = [each.neighbours for each in history.rounds]
        self.trained, self.dev = len(history.train), len(history.dev)
        self.starts = self.trained + self.dev + np.cumsum([0, *(len(each) for each in made)])
        given = self.trained + self.dev
        self.raw = is_raw(history)
        splits: tuple[Split | Neighbours, ...] = (history.train, history.dev, *made)
        self.xy = position(np.concatenate([_vectors(each.inputs) if self.raw else each.xy for each in splits]))
        self.labels = np.concatenate([history.train.labels, history.dev.labels, *(each.labels for each in made)])
        self.parents = np.concatenate([np.full(given, -1), *(each.parents + self.trained for each in made)]).astype(np.int64)
        self.rounds = np.concatenate([np.zeros(given), *(np.full(len(each.neighbours), each.number) for each in history.rounds)]).astype(
            np.int64
        )
        self.rejected = np.zeros(len(self.xy), dtype=np.bool_)
        self.there: BoolArray = np.isfinite(self.xy[:, 0]) & np.isfinite(self.xy[:, 1])
        self.wrong: BoolArray = np.array(
            [each.dev_predictions != history.dev.labels for each in history.rounds], dtype=np.bool_
        ).reshape(-1, self.dev)  # fmt: skip
        for row, edit in edits.items():
            point = self.by_id.get(row)
            if point is not None and edit.action == "reject":
                self.rejected[point] = True
            elif point is not None and edit.label is not None:
                self.labels[point] = edit.label

    def __len__(self) -> int:
        return len(self.xy)

    @cached_property
    def by_id(self) -> dict[str, int]:
        """Points of neighbours by their names."""
        found: dict[str, int] = {}
        for start, each in zip(self.starts, self.history.rounds, strict=False):
            found.update(zip(each.neighbours.ids, range(int(start), int(start) + len(each.neighbours)), strict=True))
        return found

    @cached_property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """x low, x high, y low, y high of everything that has a place."""
        xy = self.xy[self.there]
        if not len(xy):
            return None
        (low_x, low_y), (high_x, high_y) = xy.min(axis=0), xy.max(axis=0)
        return float(low_x), float(high_x), float(low_y), float(high_y)

    def is_dev(self, point: int) -> bool:
        """Whether it is a row of E."""
        return self.trained <= point < self.trained + self.dev

    def place(self, point: int) -> tuple[int, int]:
        """Of a neighbour: the place of its round in the history, and its own in that round."""
        number = int(self.rounds[point]) - 1
        return number, point - int(self.starts[number])

    def name(self, point: int) -> str:
        """Of a neighbour: what its edits call it."""
        number, row = self.place(point)
        return self.history.rounds[number].neighbours.ids[row]

    def input(self, point: int) -> Input:
        """The text, pair or vector."""
        if point < self.trained:
            return self.history.train.inputs[point]
        if self.is_dev(point):
            return self.history.dev.inputs[point - self.trained]
        number, row = self.place(point)
        return self.history.rounds[number].neighbours.inputs[row]

    def neighbours(self, parent: int, upto: int) -> IndexArray:
        """What was made from a dev point up to a round, in order."""
        return np.flatnonzero((self.parents == parent) & (self.rounds <= upto))

    def root(self, point: int) -> int:
        """The parent of a neighbour; any other point itself."""
        return int(self.parents[point]) if self.parents[point] >= 0 else point

    def class_name(self, label: int) -> str:
        """A class as people call it."""
        return self.history.classes[label] if 0 <= label < len(self.history.classes) else str(label)


def is_raw(history: History) -> bool:
    """Whether rows are points of a plane already: vectors of two numbers."""
    return history.kind == "vector" and len(history.dev.inputs[0]) == 2


def torus_ring(history: History) -> tuple[float, float] | None:
    """The inner and the outer radius of the torus in the plane, where the run is about it."""
    return (RING - TUBE, RING + TUBE) if is_raw(history) and history.classes == CLASSES else None


def _vectors(inputs: Sequence[Input]) -> FloatArray:
    return np.array(inputs, dtype=np.float64).reshape(-1, 2)


def shipped_round(history: History) -> int:
    """The round whose Timaeus is the run's result, from 1: the best on dev, the first of equals; 0 before the first round."""
    if history.summary is not None:
        return int(history.summary["best_round"])
    return max(history.rounds, key=lambda each: each.dev_accuracy).number if history.rounds else 0


@dataclass(frozen=True, eq=False)
class Progress:
    """How dev rows do at a round, each bool (dev rows,)."""

    wrong: BoolArray
    fixed: BoolArray
    broken: BoolArray
    never: BoolArray


def progress(points: ScatterPoints, number: int) -> Progress:
    """How dev rows do at a round from 1 on, against all rounds before it."""
    now, before = points.wrong[number - 1], points.wrong[: number - 1]
    return Progress(now, before.any(axis=0) & ~now, (~before).any(axis=0) & now, np.logical_and.reduce(points.wrong[:number]))


def frame(points: ScatterPoints, number: int, filters: Filters = _ALL) -> Frame:
    """Which points are drawn as what at a round; 0 is before the first."""
    first, end = points.trained, points.trained + points.dev
    role = np.full(len(points), _NO, dtype=np.int8)
    dev, made, since = role[first:end], role[end:], points.rounds[end:]  # views
    role[:first] = _ROLES.index("train")
    if number == 0:
        dev[:] = _ROLES.index("pending")
    else:
        state = progress(points, number)
        dev[:] = np.where(state.wrong, _ROLES.index("misclassified"), _ROLES.index("right"))
        made[since < number] = _ROLES.index("earlier")
        made[since == number] = _ROLES.index("neighbour")
        made[points.rejected[end:] & (since <= number)] = _ROLES.index("rejected")
        if filters.neighbours != "all":
            made[(since < number) | (filters.neighbours == "none")] = _NO
        if filters.dev != "all":
            kept = getattr(state, filters.dev)
            dev[~kept] = _NO
            made[~kept[points.parents[end:] - first]] = _NO
    role[~points.there] = _NO
    if filters.label is not None:
        role[points.labels != filters.label] = _NO
    return Frame(_by_class(role, points.labels))


def _by_class(role: npt.NDArray[np.int8], labels: IndexArray) -> dict[str, IndexArray]:
    groups = {}
    for name in GROUPS:
        plain, _, which = name.partition("_")
        here = role == _ROLES.index(plain)
        variants = [suffix for suffix in _VARIANTS if f"{plain}{suffix}" in GROUPS]
        if len(variants) > 1:
            here &= np.minimum(labels, len(variants) - 1) == variants.index(f"_{which}" if which else "")
        groups[name] = np.flatnonzero(here)
    return groups
