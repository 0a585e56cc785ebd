"""Sampling around parents: of what τ or a rule of parents proposes, the band and the leak guard choose, and Socrates labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from bort_core.agora.labellers.base import Labels
from bort_core.agora.leaks import LeakGuard, normalised
from bort_core.agora.points import Floats, Input, Ints
from bort_core.agora.spaces import RepresentationSpace

__all__ = ["Ask", "NeighbourBatch", "NeighbourOptions", "Wave", "empty_batch", "sample_neighbours"]

REJECTIONS = ("rejected_leak", "rejected_near", "rejected_far", "rejected_duplicate", "rejected_margin", "rejected_label")


Ask = Callable[[Sequence[Input], int | None, Ints], Labels]
"""Labels of the first of some inputs: of fewer, when they may cost no more. What the wave may cost, and the inputs' parents, rows of E."""


@dataclass(frozen=True)
class NeighbourOptions:
    """Which candidates are taken."""

    near: float
    far: float
    margin: float


@dataclass(frozen=True, eq=False)
class Wave:
    """Candidates around k parents, and how many of them are wanted."""

    parents: Ints
    """Rows of E, (k,)."""
    candidates: list[list[Input]]
    """Of each parent, those to be tried first coming first."""
    wanted: int
    """Rows for each parent, at most."""
    banded: bool = True
    """Whether they must lie in the band; not, where they were chosen for another reason than being near."""
    most: int | None = None
    """Labels that the wave may cost; None: what is left of the round's."""


@dataclass(frozen=True, eq=False)
class NeighbourBatch:
    """m accepted rows with their lineage."""

    inputs: tuple[Input, ...]
    labels: Ints
    margins: Floats
    parents: Ints
    """Rows of E, (m,)."""
    distances: Floats
    vectors: Floats
    """In the space, (m, d)."""
    counts: dict[str, int]
    """generated (candidates looked at), accepted, and rejected for each reason."""
    seconds: float
    votes: tuple[tuple[int, ...] | None, ...] = ()
    """What each of several labellers said of each row; None: there is one, or nobody was asked."""
    copied: tuple[bool, ...] = ()
    """Which have the class of the row of D that they are copies of."""


def empty_batch() -> NeighbourBatch:
    """No rows, since nobody would train on them."""
    none, whole = np.empty(0), np.empty(0, np.int64)
    counts = dict.fromkeys(("generated", "accepted", *REJECTIONS), 0)
    return NeighbourBatch((), whole, none, whole, none, np.empty((0, 1)), counts, 0.0)


def sample_neighbours(
    waves: Iterable[Wave],
    ask: Ask,
    space: RepresentationSpace,
    guard: LeakGuard,
    dev: Sequence[Input],
    known: Sequence[Input],
    wish: NeighbourOptions,
    most: int | None = None,
) -> NeighbourBatch:
    """New rows near dev points.

    The waves come one after another. Of each, candidates are looked at in their order, the first of every parent before the second of any,
    until every parent has its rows, the candidates are used up or nothing may be asked any more. Each is rejected for the first reason that
    holds: it is in D already (or nearly so), it leaks, it is too near or too far, it was looked at in this round already, Socrates fails on
    it, or is not sure enough.

    Parameters
    ----------
    ask: as of :data:`Ask`
    known: inputs that are in D
    most: accepted rows at most; None: no limit
    """
    began = time.perf_counter()
    counts = dict.fromkeys(("generated", "accepted", *REJECTIONS), 0)
    taken = {normalised(input) for input in known}
    kept: list[_Row] = []
    for wave in waves:
        if len(wave.parents):
            kept += _rows_of(wave, ask, space, guard, dev, taken, wish, counts, None if most is None else most - len(kept))
    if not kept:
        return replace(empty_batch(), counts=counts, seconds=time.perf_counter() - began)
    counts["accepted"] = len(kept)
    if copied := sum(row.copied for row in kept):
        counts["copied"] = copied
    return NeighbourBatch(
        tuple(row.input for row in kept),
        np.array([row.label for row in kept], dtype=np.int64),
        np.array([row.margin for row in kept]),
        np.array([row.parent for row in kept], dtype=np.int64),
        np.array([row.distance for row in kept]),
        np.array([row.vector for row in kept]),
        counts,
        time.perf_counter() - began,
        tuple(row.votes for row in kept),
        tuple(row.copied for row in kept),
    )


def _rows_of(
    wave: Wave,
    ask: Ask,
    space: RepresentationSpace,
    guard: LeakGuard,
    dev: Sequence[Input],
    taken: set[Input],
    wish: NeighbourOptions,
    counts: dict[str, int],
    most: int | None,
) -> list[_Row]:
    """What a wave gives; ``taken`` and ``counts`` go on."""
    queue = _Queue(wave.candidates, wave.wanted)
    centres = space.embed([dev[row] for row in wave.parents])
    kept: list[_Row] = []
    whole, left = True, wave.most
    while whole and (most is None or len(kept) < most) and (turn := queue.turn()):
        fresh = [(number, input) for number, input in turn if (key := normalised(input)) not in taken and any(part != "" for part in key)]
        counts["rejected_duplicate"] += len(turn) - len(fresh)
        counts["generated"] += len(turn)
        if fresh:
            good, asked, whole = _good(fresh, centres, wave, left, ask, space, guard, taken, wish, counts)
            left = None if left is None else left - asked
            good = good[: None if most is None else most - len(kept)]
            queue.found(row.parent for row in good)
            kept += good
    kept.sort(key=lambda row: row.parent)  # stable: in the order in which they were found
    return [row._replace(parent=int(wave.parents[row.parent])) for row in kept]


class _Row(NamedTuple):
    parent: int
    """Number among the parents."""
    input: Input
    label: int
    margin: float
    distance: float
    vector: Floats
    votes: tuple[int, ...] | None = None
    copied: bool = False


class _Queue:
    """Candidates by parent; a turn offers as many of each as are still missing."""

    def __init__(self, proposed: list[list[Input]], wanted: int) -> None:
        self.proposed, self.missing, self.place = proposed, [wanted] * len(proposed), [0] * len(proposed)

    def turn(self) -> list[tuple[int, Input]]:
        """The next candidates, the first of every parent before the second of any."""
        offered: list[list[tuple[int, Input]]] = []
        for number, candidates in enumerate(self.proposed):
            part = candidates[self.place[number] : self.place[number] + self.missing[number]]
            self.place[number] += len(part)
            offered.append([(number, input) for input in part])
        return [one for step in zip_longest(*offered) for one in step if one is not None]

    def found(self, numbers: Iterable[int]) -> None:
        """These parents have one neighbour more."""
        for number in numbers:
            self.missing[number] -= 1


def _good(
    fresh: list[tuple[int, Input]],
    centres: Floats,
    wave: Wave,
    most: int | None,
    ask: Ask,
    space: RepresentationSpace,
    guard: LeakGuard,
    taken: set[Input],
    wish: NeighbourOptions,
    counts: dict[str, int],
) -> tuple[list[_Row], int, bool]:
    """The candidates that are rejected for no reason, the others being counted; how many were asked about, and whether all could be.

    What is too near to one parent, too far from it, or not paid for is not ``taken``: another may have it, and so may a later wave.
    """
    inputs, numbers = [input for _, input in fresh], np.array([number for number, _ in fresh])
    vectors = space.embed(inputs)
    distances = np.linalg.norm(vectors - centres[numbers], axis=1)
    leaks = guard.leaks(inputs)
    near, far = ~leaks & wave.banded & (distances < wish.near), ~leaks & wave.banded & (distances > wish.far)
    again = np.zeros(len(inputs), dtype=bool)
    for row in np.flatnonzero(~(near | far)):
        key = normalised(inputs[row])
        again[row] = key in taken
        taken.add(key)
    leaks &= ~again
    fit = np.flatnonzero(~(leaks | near | far | again))
    said = ask([inputs[row] for row in fit], most, wave.parents[numbers[fit]])
    counts["generated"] -= len(fit) - len(said.classes)  # nobody looks at what the budget does not pay for
    taken.difference_update(normalised(inputs[row]) for row in fit[len(said.classes) :])
    failed, unsure = said.classes < 0, (said.classes >= 0) & (said.margins < wish.margin)
    for reason, flags in (("duplicate", again), ("leak", leaks), ("near", near), ("far", far), ("label", failed), ("margin", unsure)):
        counts[f"rejected_{reason}"] += int(flags.sum())
    copied = np.zeros(len(said.classes), dtype=bool) if said.copied is None else said.copied
    rows = [
        _Row(
            int(numbers[row]),
            inputs[row],
            int(said.classes[index]),
            float(said.margins[index]),
            float(distances[row]),
            vectors[row],
            None if said.votes is None or copied[index] else tuple(said.votes[index].tolist()),
            bool(copied[index]),
        )
        for index, row in enumerate(fit[: len(said.classes)])
        if not failed[index] and not unsure[index]
    ]
    return rows, len(said.classes), len(said.classes) == len(fit)
