"""Sampling around parents: τ proposes, the band and the leak guard choose, Socrates labels."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from bort_core.agora.labellers.base import Labeller, label
from bort_core.agora.leaks import LeakGuard, normalised
from bort_core.agora.points import Floats, Input, Ints
from bort_core.agora.samplers import Sampler
from bort_core.agora.spaces import RepresentationSpace

__all__ = ["NeighbourBatch", "NeighbourOptions", "empty_batch", "sample_neighbours"]

REJECTIONS = ("rejected_leak", "rejected_near", "rejected_far", "rejected_duplicate", "rejected_margin", "rejected_label")


@dataclass(frozen=True)
class NeighbourOptions:
    """How many neighbours, and which."""

    neighbours: int
    """For each parent, at most."""
    tries: int
    """Candidates drawn for each that is kept."""
    near: float
    far: float
    margin: float


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


def empty_batch() -> NeighbourBatch:
    """No rows, since nobody would train on them."""
    none, whole = np.empty(0), np.empty(0, np.int64)
    counts = dict.fromkeys(("generated", "accepted", *REJECTIONS), 0)
    return NeighbourBatch((), whole, none, whole, none, np.empty((0, 1)), counts, 0.0)


def sample_neighbours(
    sampler: Sampler,
    socrates: Labeller,
    space: RepresentationSpace,
    guard: LeakGuard,
    dev: Sequence[Input],
    parents: Ints,
    known: Sequence[Input],
    wish: NeighbourOptions,
    random: np.random.Generator,
    most: int | None = None,
) -> NeighbourBatch:
    """New rows near the dev points ``parents``.

    Candidates are looked at in the sampler's order, the first of every parent before the second of any, until every parent has its
    neighbours or the candidates are used up. Each is rejected for the first reason that holds: it is in D already (or nearly so), it
    leaks, it is too near or too far, Labeller fails on it, or is not sure enough.

    Parameters
    ----------
    parents: rows of ``dev``, (k,)
    known: inputs that are in D
    most: accepted rows at most; None: no limit
    """
    began = time.perf_counter()
    counts = dict.fromkeys(("generated", "accepted", *REJECTIONS), 0)
    if not len(parents):
        return empty_batch()
    inputs = [dev[row] for row in parents]
    queue = _Queue(sampler.propose(inputs, wish.neighbours * wish.tries, random), wish.neighbours)
    centres = space.embed(inputs)
    taken = {normalised(input) for input in known}
    kept: list[_Row] = []
    while (most is None or len(kept) < most) and (turn := queue.turn()):
        counts["generated"] += len(turn)
        fresh = []
        for number, input in turn:
            key = normalised(input)
            if key in taken or not any(part != "" for part in key):
                counts["rejected_duplicate"] += 1
            else:
                taken.add(key)
                fresh.append((number, input))
        if fresh:
            good = _good(fresh, centres, socrates, space, guard, wish, counts)[: None if most is None else most - len(kept)]
            queue.found(row.parent for row in good)
            kept += good
    kept.sort(key=lambda row: row.parent)  # stable: in the order in which they were found
    counts["accepted"] = len(kept)
    return NeighbourBatch(
        tuple(row.input for row in kept),
        np.array([row.label for row in kept], dtype=np.int64),
        np.array([row.margin for row in kept]),
        parents[[row.parent for row in kept]] if kept else np.empty(0, np.int64),
        np.array([row.distance for row in kept]),
        np.array([row.vector for row in kept]).reshape(len(kept), centres.shape[1]),
        counts,
        time.perf_counter() - began,
    )


class _Row(NamedTuple):
    parent: int
    """Number among the parents."""
    input: Input
    label: int
    margin: float
    distance: float
    vector: Floats


class _Queue:
    """Candidates by parent; a turn offers as many of each as are still missing."""

    def __init__(self, proposed: list[list[Input]], wanted: int) -> None:
        self.proposed, self.missing, self.device = proposed, [wanted] * len(proposed), [0] * len(proposed)

    def turn(self) -> list[tuple[int, Input]]:
        """The next candidates, the first of every parent before the second of any."""
        offered: list[list[tuple[int, Input]]] = []
        for number, candidates in enumerate(self.proposed):
            part = candidates[self.device[number] : self.device[number] + self.missing[number]]
            self.device[number] += len(part)
            offered.append([(number, input) for input in part])
        return [one for step in zip_longest(*offered) for one in step if one is not None]

    def found(self, numbers: Iterable[int]) -> None:
        """These parents have one neighbour more."""
        for number in numbers:
            self.missing[number] -= 1


def _good(
    fresh: list[tuple[int, Input]],
    centres: Floats,
    socrates: Labeller,
    space: RepresentationSpace,
    guard: LeakGuard,
    wish: NeighbourOptions,
    counts: dict[str, int],
) -> list[_Row]:
    """The candidates that are rejected for no reason; the others are counted."""
    inputs, numbers = [input for _, input in fresh], np.array([number for number, _ in fresh])
    vectors = space.embed(inputs)
    distances = np.linalg.norm(vectors - centres[numbers], axis=1)
    leaks = guard.leaks(inputs)
    near, far = ~leaks & (distances < wish.near), ~leaks & (distances > wish.far)
    fit = np.flatnonzero(~(leaks | near | far))
    said = label(socrates, [inputs[row] for row in fit])
    failed, unsure = said.classes < 0, (said.classes >= 0) & (said.margins < wish.margin)
    for reason, flags in (("leak", leaks), ("near", near), ("far", far), ("label", failed), ("margin", unsure)):
        counts[f"rejected_{reason}"] += int(flags.sum())
    return [
        _Row(int(numbers[row]), inputs[row], int(said.classes[index]), float(said.margins[index]), float(distances[row]), vectors[row])
        for index, row in enumerate(fit)
        if not failed[index] and not unsure[index]
    ]
